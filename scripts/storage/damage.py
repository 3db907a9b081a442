"""Find what a kill, a full disk or a damaged disk has left that is not whole."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from scripts.exceptions import RunningError
from scripts.storage.dvc import (
    cache_folder,
    hash_path,
    list_unsaved,
    open_repo,
    read_running,
    read_stages,
)

if TYPE_CHECKING:
    from dvc.repo import Repo

LOCK = Path("dvc.lock")


def refuse_running(listed: dict) -> None:
    """Raise RunningError if a process that DVC lists as writing is alive."""
    for path, entry in listed.get("write", {}).items():
        if psutil.pid_exists(entry["pid"]):
            raise RunningError(f"{path} is being made by process {entry['pid']}: wait for its end.")


def throw_unreadable(repo: "Repo") -> Iterator[Path]:
    """Remove, and yield, the files that DVC cannot read and therefore cannot go on with.

    Raises RunningError if another process is at work.
    """
    folder = Path(repo.tmp_dir)
    try:
        refuse_running(read_running(folder))
    except ValueError:
        (folder / "rwlock").unlink()
        yield folder / "rwlock"
    try:
        read_stages(LOCK)
    except ValueError:
        LOCK.unlink()
        yield LOCK


def is_damaged(path: Path) -> bool:
    """Whether an object of DVC's cache exists and differs from what its name, an MD5, says."""
    name = (path.parent.name + path.name).removesuffix(".dir")
    return path.is_file() and hash_path(path)[0] != name


def list_objects(cache: Path) -> Iterator[Path]:
    """The cache's objects for the outputs in dvc.lock, and every list of what a folder holds.

    All lists, because a run that restores a folder by a damaged list writes what it got into
    dvc.lock.

    cache: the folder of the objects.
    """
    yield from sorted(cache.glob("??/*.dir"))
    for entry in read_stages(LOCK).values():
        for out in entry.get("outs", []):
            path = cache / out["md5"][:2] / out["md5"][2:]
            if path.suffix != ".dir":
                yield path
            elif path.exists() and not is_damaged(path):
                for file in json.loads(path.read_bytes()):
                    yield cache / file["md5"][:2] / file["md5"][2:]


def find_differing() -> dict[Path, str]:
    """The outputs that exist and differ from what dvc.lock says, each with its stage.

    An output that a later stage is recorded to have read as it is now differs on purpose: in an
    experiment, `package` marks the verdict that `judge` wrote.
    """
    stages = read_stages(LOCK)
    read = {(dep["path"], dep["md5"]) for entry in stages.values() for dep in entry.get("deps", [])}
    differing = {}
    for stage, entry in stages.items():
        for out in entry.get("outs", []):
            if (path := Path(out["path"])).exists():
                md5 = hash_path(path)[0]
                if md5 != out["md5"] and (out["path"], md5) not in read:
                    differing[path] = stage
    return differing


def find_damage() -> list[Path]:
    """What is not whole of the outputs in dvc.lock, in their places and in DVC's cache."""
    with open_repo() as repo:
        damaged = filter(is_damaged, list_objects(cache_folder(repo)))
        unsaved = [Path(out.fs_path).relative_to(repo.root_dir) for out in list_unsaved(repo)]
        return [*dict.fromkeys([*find_differing(), *damaged, *unsaved])]
