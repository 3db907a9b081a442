"""What is taken of a base model from anywhere, and what is refused.

No code of it is run or copied, nothing is written outside the target, and what could run code when
the model is loaded is refused: programs, pickles, callbacks in its config. Above it stands trust in
the packages that are installed: what a config names by a registered name is theirs.
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

from scripts.exceptions import FetchError

# Far above any spaCy pipeline, far below what fills a disk or the memory: bounds for what lies.
MAX_BYTES = 8 * 1024**3
MAX_FILES = 10_000
# Of meta.json and config.cfg, which are read whole, and of all that the latter refers to.
MAX_TEXT = 16 * 1024**2
MAX_VALUES = 100_000
FACTORIES = ("ner", "beam_ner")

# Code is left out. Programs, and data that can run code when it is read, are refused: by name, and
# by how they begin (ELF, PE, Mach-O, scripts; pickles, NumPy arrays of Python objects).
LEFT_OUT = (".py", ".pyc")
NAME = re.compile(
    r".*\.(pkl|pickle|joblib|dill|pth?|so|pyd|dll|dylib|exe|sh|bat|cmd|ps1)(\.|$)", re.IGNORECASE
)
HEAD = re.compile(
    rb"\x7fELF|MZ.\0|\xcf\xfa\xed\xfe|\xca\xfe\xba\xbe|#!"
    rb"|\x80[\x02-\x05]|\x93NUMPY.{,100}'\|O",
    re.DOTALL,
)
# The kinds of functions that build a pipeline's parts; what else a config can name does something
# when the pipeline is loaded: reads files, calls back. The last two are spacy-transformers' own.
KINDS = re.compile(
    "@(architectures|initializers|layers|misc|scorers|tokenizers|vectors"
    "|annotation_setters|span_getters)$"
)
CALLBACKS = ("before_creation", "after_creation", "after_pipeline_creation")


def model_root(names: list[str]) -> PurePosixPath:
    """The topmost folder with a config.cfg and a meta.json beside it, among an archive's names."""
    known = set(names)
    roots = [PurePosixPath(name).parent for name in names]
    roots = [r for r in roots if {str(r / "config.cfg"), str(r / "meta.json")} <= known]
    if not roots:
        raise FetchError("base.model: no spaCy pipeline in it (a config.cfg beside a meta.json).")
    return min(roots, key=lambda root: (len(root.parts), str(root)))


def check_entries(wheel: Path, entries: list[zipfile.ZipInfo]) -> None:
    """Refuse an archive that could write outside its target, or more than any model has."""
    for entry in entries:
        parts = PurePosixPath(entry.filename.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or ":" in str(parts):
            raise FetchError(f"{wheel}: {entry.filename!r} leads outside the archive.")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise FetchError(f"{wheel}: {entry.filename!r} is a link.")
        # Others unpack in one go, to more than the memory holds.
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise FetchError(f"{wheel}: {entry.filename!r} is packed as no wheel is: pack it anew.")
    names = Counter(str(PurePosixPath(entry.filename)).casefold() for entry in entries)
    if twice := [name for name, count in names.items() if count > 1]:
        raise FetchError(f"{wheel}: {twice[0]!r} is there twice, as some systems see it.")
    check_size(str(wheel), [entry.file_size for entry in entries])


def check_size(name: str, sizes: list[int]) -> None:
    """Refuse more than any model has."""
    if sum(sizes) > MAX_BYTES:
        raise FetchError(f"{name}: more than {MAX_BYTES} bytes when unpacked.")
    if len(sizes) > MAX_FILES:
        raise FetchError(f"{name}: more than {MAX_FILES} files.")


def unpack(wheel: Path, target: Path) -> None:
    """Write the model's data files of a wheel to `target`."""
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
                    # No more than the size that the entry says, whatever is packed in it.
                    with archive.open(entry) as source, to.open("wb") as file:
                        shutil.copyfileobj(source, file)
    except OSError as error:
        raise FetchError(f"{wheel} could not be unpacked: {error}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        raise FetchError(f"{wheel} is damaged or no wheel: {error}") from error


def copy_folder(folder: Path, target: Path) -> None:
    """Copy the model's data files below `folder` to `target`; links are refused."""
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
    """Refuse a model with programs in it, or with data that can run code when it is read."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            head = file.read(128)
        if NAME.match(path.name) or HEAD.match(head):
            raise FetchError(
                f"base.model: {str(path.relative_to(folder))!r} is a program, or data that can run "
                "one when it is read: no part of spaCy reads such a file. Take it out of the model."
            )


def read_parts(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """A model's meta.json and config.cfg, as spaCy reads them; no function is looked up for it."""
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
    """How long a config's values are when every ${section.key} in them is filled in."""
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
    """Every key and value in a nested section of a config, each with the name of its section."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in pairs:
        yield place, str(key), inner
        if isinstance(inner, (dict, list)):
            yield from walk(inner, f"{place}.{key}")


def is_active(place: str, key: str, value: Any) -> bool:
    """Whether a config's value makes spaCy do more, when it loads a model, than build its parts."""
    return (
        (key.startswith("@") and not KINDS.match(key))
        or (place == "nlp" and key in CALLBACKS and value is not None)
        # Another pipeline would be loaded, by its path or by its package's name.
        or (key == "source" and place.count(".") == 1)
        # What would be filled in when the config is read again.
        or (isinstance(value, str) and "${" in value)
    )


def check_config(config: dict[str, Any]) -> None:
    """Refuse a config that does more than say of what parts a pipeline is made."""
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
    """Refuse what would go from the base's meta.json into the package, and does not belong there.

    What the base needs, the package will ask for, so that it is installed wherever that is.
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
                    "you trust that, install it; if the model works without, take it out there."
                )


def is_installed(line: str) -> bool:
    """Whether a requirement is met here; an address to download from is none that can be."""
    try:
        needed = Requirement(line)
        if needed.marker and not needed.marker.evaluate():
            return True
        return not needed.url and needed.specifier.contains(version(needed.name), True)
    except (InvalidRequirement, PackageNotFoundError, TypeError):
        return False


def check_model(folder: Path, component: str) -> None:
    """Refuse a model that is not safe, of another spaCy, or without a recognizer `component`."""
    refuse_code(folder)
    meta, config = read_parts(folder)
    check_meta(meta)
    check_config(config)
    wanted = meta.get("spacy_version")
    if not wanted or not is_compatible_version(spacy_version, wanted):
        raise FetchError(
            f"base.model: {meta.get('name')} {meta.get('version')} is made for spaCy {wanted}, "
            f"here is {spacy_version}: take a version of the model for this spaCy."
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
