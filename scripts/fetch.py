"""Fetch stage: check the assets and lay out the base model as a plain folder.

    python -m scripts.fetch training/base

The base is `base.model` of params.yaml: a wheel, an unpacked model's folder, or the name of an
installed package. `scripts/trust.py` says what of it is refused. Everything is checked before the
target is touched.
"""

import hashlib
import importlib.util
from pathlib import Path
from urllib.parse import urldefrag

import requests
import srsly
import typer
from tqdm import tqdm
from wasabi import msg
from weasel.util.hashing import get_checksum

from scripts.params import load_params
from scripts.trust import MAX_BYTES, FetchError, check_model, copy_folder, unpack
from scripts.whole import scratch_folder


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
                    if bar.n > MAX_BYTES:
                        raise FetchError(f"{url} has no end: it was thrown away.")
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


def fetch(*, model: str, component: str, assets: list[dict], target: Path) -> None:
    """Check the assets, then lay out the base model at `target`."""
    check_assets(assets)
    with scratch_folder(target.parent, "fetch") as scratch:
        staging = scratch / "base"
        if model.endswith(".whl"):
            unpack(find_wheel(model, assets), staging)
        else:
            copy_folder(Path(model) if Path(model).is_dir() else find_package(model), staging)
        check_model(staging, component)
        if target.exists():
            target.replace(scratch / "old")
        staging.replace(target)
    msg.good(f"Base model {model} laid out in {target}")


def main(target: Path) -> None:
    """Check the assets and lay out the base model as a plain folder."""
    params = load_params()
    try:
        assets = srsly.read_yaml("project.yml").get("assets", [])
    except ValueError as error:
        msg.fail(f"project.yml is not YAML: {error}", exits=1)
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
