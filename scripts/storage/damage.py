"""Find what a kill, a full disk or a damaged disk has left that is not whole.

What differs from dvc.lock is not damaged for that: it can belong to another commit, or come from a
stage that has not ended. An object of DVC's cache is, if it differs from its own name.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psutil

from scripts.exceptions import ProjectError, RunningError
from scripts.storage.dvc import (
    cache_folder,
    hash_path,
    list_unsaved,
    open_repo,
    read_running,
    read_stages,
)

if TYPE_CHECKING:
    from dvc.output import Output
    from dvc.repo import Repo

LOCK = Path("dvc.lock")
MEND = "python -m scripts.mend lists what is damaged, and asks before it throws that away"


class Differing(NamedTuple):
    """An output that is there and is not what dvc.lock says."""

    path: Path
    stage: str
    is_kept: bool
    """Whether DVC's cache or another commit knows it as it is: it is whole, but not of here."""


def refuse_running(listed: dict) -> None:
    """Raise RunningError if a process that DVC lists as writing is alive."""
    for path, entry in listed.get("write", {}).items():
        if psutil.pid_exists(entry["pid"]):
            raise RunningError(f"{path} is being made by process {entry['pid']}: wait for its end.")


def find_unreadable(repo: "Repo") -> Iterator[Path]:
    """The files that DVC cannot read and therefore cannot go on with.

    Raises RunningError if another process is at work, and ProjectError if dvc.lock is as git leaves
    it when two sides of a merge differ.
    """
    folder = Path(repo.tmp_dir)
    try:
        refuse_running(read_running(folder))
    except ValueError:
        yield folder / "rwlock"
    try:
        read_stages(LOCK)
    except ValueError:
        if b"\n<<<<<<< " in b"\n" + LOCK.read_bytes():
            raise ProjectError(
                f"{LOCK} has the marks of a merge: git checkout --theirs {LOCK} (or --ours), then "
                "weasel run all, which makes what does not fit"
            ) from None
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


def is_kept(md5: str, cache: Path) -> bool:
    """Whether something is known by its MD5 to DVC's cache, or to the dvc.lock of any commit.

    cache: the folder of the cache's objects.
    """
    if (cache / md5[:2] / md5[2:]).exists():
        return True
    command = ["git", "log", "--all", "-1", "--format=%h", f"-S{md5}", "--", str(LOCK)]
    return bool(subprocess.run(command, capture_output=True).stdout)


def find_differing(repo: "Repo") -> list[Differing]:
    """The outputs that exist and differ from what dvc.lock says.

    An output that a later stage is recorded to have read as it is now differs on purpose: in an
    experiment, `package` marks the verdict that `judge` wrote.
    """
    stages, found = read_stages(LOCK), []
    read = {(dep["path"], dep["md5"]) for entry in stages.values() for dep in entry.get("deps", [])}
    for stage, entry in stages.items():
        for out in entry.get("outs", []):
            path = Path(out["path"])
            md5 = hash_path(path)[0] if path.exists() else out["md5"]
            if md5 != out["md5"] and (out["path"], md5) not in read:
                found.append(Differing(path, stage, is_kept(md5, cache_folder(repo))))
    return found


def find_unsaved(repo: "Repo", differing: list[Differing]) -> list["Output"]:
    """The outputs that are what dvc.lock says, and of which something is not in DVC's cache.

    differing: of `find_differing`. Of their stages nothing is listed: a stage is saved as a whole.
    """
    stages = {x.stage for x in differing}
    return [out for out in list_unsaved(repo) if out.stage.addressing not in stages]


def find_damaged_copies(repo: "Repo") -> list[str]:
    """A sentence for each damaged object of DVC's cache that the outputs in dvc.lock come from."""
    damaged = dict.fromkeys(filter(is_damaged, list_objects(cache_folder(repo))))
    return [f"{path}, a copy in DVC's cache, is damaged: {MEND}" for path in damaged]


def find_damage() -> list[str]:
    """A sentence for each output that does not belong here or is not whole, and what to do.

    The worst come first: copies in DVC's cache that are damaged.
    """
    with open_repo() as repo:
        said = find_damaged_copies(repo)
        differing = find_differing(repo)
        for path, _, kept in sorted(differing, key=lambda x: x.is_kept):
            advice = (
                "belongs to another commit: dvc checkout brings back what belongs to this one, or "
                "weasel run all makes it"
                if kept
                else "is not what dvc.lock says: weasel run all makes it anew. If it differs even "
                f"then, the disk has damaged it: {MEND}"
            )
            said.append(f"{path} {advice}")
        for out in find_unsaved(repo, differing):
            path = Path(out.fs_path).relative_to(repo.root_dir)
            said.append(f"{path} is not in DVC's cache: python -m scripts.mend puts it there")
        return said
