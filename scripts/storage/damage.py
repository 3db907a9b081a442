"""What a fault has left that is not whole."""

import json
from collections.abc import Iterator
from pathlib import Path

import psutil
from dvc.lock import make_lock
from dvc.output import Output
from dvc.repo import Repo
from dvc.schema import COMPILED_LOCKFILE_SCHEMA
from dvc.utils.serialize import YAMLFileCorruptedError, load_yaml
from voluptuous import Invalid

from scripts.exceptions import RunningError
from scripts.storage.hashes import hash_path

LOCK = Path("dvc.lock")


def who_runs(tmp: Path) -> dict:
    """DVC's list of who reads and writes what; empty where there is none. ValueError: not whole."""
    path = tmp / "rwlock"
    with make_lock(str(tmp / "rwlock.lock"), tmp_dir=str(tmp)):
        listed = json.loads(path.read_bytes()) if path.exists() else {}
    if not isinstance(listed, dict):
        raise ValueError(path)
    return listed


def refuse_running(listed: dict) -> None:
    """Raise RunningError if a process that DVC lists as writing lives."""
    for path, entry in listed.get("write", {}).items():
        if psutil.pid_exists(entry["pid"]):
            raise RunningError(f"{path} is being made by process {entry['pid']}: wait for its end.")


def read_lock() -> dict:
    """The stages in dvc.lock; none where it is not there. ValueError: not whole."""
    try:
        content = COMPILED_LOCKFILE_SCHEMA(load_yaml(str(LOCK))) if LOCK.exists() else {}
    except (YAMLFileCorruptedError, Invalid) as error:
        raise ValueError(LOCK) from error
    return content.get("stages", {})


def throw_unreadable(repo: Repo) -> Iterator[Path]:
    """Remove, and yield, what DVC cannot go on with."""
    tmp = Path(repo.tmp_dir)
    try:
        refuse_running(who_runs(tmp))
    except ValueError:
        (tmp / "rwlock").unlink()
        yield tmp / "rwlock"
    try:
        read_lock()
    except ValueError:
        LOCK.unlink()
        yield LOCK


def is_damaged(path: Path) -> bool:
    """Whether an object of DVC's cache is there and not what its name, an MD5, says."""
    name = (path.parent.name + path.name).removesuffix(".dir")
    return path.is_file() and hash_path(path)[0] != name


def list_objects(cache: Path) -> Iterator[Path]:
    """The objects of the outputs in dvc.lock; and all lists of what a folder holds.

    A run that takes folders out of the cache by a damaged list writes what it got into dvc.lock.
    """
    yield from sorted(cache.glob("??/*.dir"))
    for entry in read_lock().values():
        for out in entry.get("outs", []):
            path = cache / out["md5"][:2] / out["md5"][2:]
            if path.suffix != ".dir":
                yield path
            elif path.exists() and not is_damaged(path):
                for file in json.loads(path.read_bytes()):
                    yield cache / file["md5"][:2] / file["md5"][2:]


def find_differing() -> dict[Path, str]:
    """Outputs that are there and not what dvc.lock says, each with its stage."""
    return {
        Path(out["path"]): stage
        for stage, entry in read_lock().items()
        for out in entry.get("outs", [])
        if Path(out["path"]).exists() and hash_path(Path(out["path"]))[0] != out["md5"]
    }


def find_unsaved(repo: Repo) -> list[Output]:
    """Outputs that are there, and of which something is not in DVC's cache."""
    outs = repo.index.outs
    return [out for out in outs if out.use_cache and out.exists and out.changed_cache()]


def find_damage() -> list[Path]:
    """What is not whole of the outputs in dvc.lock, in their places and in DVC's cache."""
    with Repo() as repo:
        damaged = filter(is_damaged, list_objects(Path(repo.cache.local.path)))
        unsaved = [Path(out.fs_path).relative_to(repo.root_dir) for out in find_unsaved(repo)]
        return [*dict.fromkeys([*find_differing(), *damaged, *unsaved])]
