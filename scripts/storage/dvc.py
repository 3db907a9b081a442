"""All that is used of DVC's internals, which may change with any version, in one place.

Written for DVC 3.67, dvc-data 3.18 and dvc-objects 5.2. `dvc.repo` is imported where it is needed,
because that takes a second, and hashing does without it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dvc_data.hashfile.build import build
from dvc_data.hashfile.db import HashFileDB
from dvc_data.hashfile.tree import Tree
from dvc_objects.fs.local import LocalFileSystem

from scripts.exceptions import RunningError

if TYPE_CHECKING:
    from dvc.output import Output
    from dvc.repo import Repo


def hash_path(path: Path) -> tuple[str, dict[str, str]]:
    """The MD5 that dvc.lock has of a file or folder, and those of the files in a folder."""
    system = LocalFileSystem()
    database = HashFileDB(system, str(path.parent))
    _, _, found = build(database, str(path), system, "md5", dry_run=True)
    files = found.as_list() if isinstance(found, Tree) else []
    return str(found.hash_info.value), {entry["relpath"]: entry["md5"] for entry in files}


def hash_files(files: dict[str, str]) -> str:
    """The MD5 that dvc.lock has of a folder with these files, each with its own MD5."""
    tree = Tree.from_list([{"md5": md5, "relpath": name} for name, md5 in files.items()])
    tree.digest()
    return str(tree.hash_info.value)


def hash_values(values: dict[str, Any]) -> str:
    """The SHA-256 by which DVC tells parameters apart: the same values have the same one."""
    from dvc.utils import dict_sha256

    return str(dict_sha256(values))


def is_news(record: logging.LogRecord) -> bool:
    """Whether one of DVC's messages says what one does not know: that no record is rejected is."""
    return not record.getMessage().endswith("is empty.")


def reproduce(*targets: str, quiet: bool = False) -> int:
    """Run every stage whose inputs changed, in this process; return 0, or 1 where one failed.

    targets: the stages that are wanted, with all before them; all stages if none is named.
    quiet: whether DVC says nothing of stages, only what is wrong.

    This is `dvc repro` without what it says when all is well: that a file is empty, and that
    results can be pushed, even where there is no remote. What is wrong is printed as DVC does.
    """
    from dvc.log import logger
    from dvc.logger import set_loggers_level

    logging.getLogger("dvc.output").addFilter(is_news)
    with set_loggers_level(logging.WARNING if quiet else logging.INFO):
        try:
            with open_repo() as repo:
                repo.reproduce(targets=targets or None)
        except KeyboardInterrupt:
            logger.error("interrupted by the user")
            return 1
        except Exception:  # DVC lets through what the system and its libraries raise
            logger.exception("")
            return 1
    return 0


@contextmanager
def open_repo() -> Iterator[Repo]:
    """DVC's view of the project in the current folder."""
    from dvc.repo import Repo

    with Repo() as repo:
        yield repo


@contextmanager
def lock_repo() -> Iterator[Repo]:
    """The same, while no other DVC command can run; raises RunningError if one is running."""
    from dvc.lock import LockError
    from dvc.repo import lock_repo as lock

    try:
        with open_repo() as repo, lock(repo):
            yield repo
    except LockError as error:
        raise RunningError(str(error)) from error


def cache_folder(repo: Repo) -> Path:
    """The folder of the cache's objects: the first two digits of an MD5 / the other ones."""
    return Path(repo.cache.local.path)


def read_running(folder: Path) -> dict:
    """DVC's list of which process reads and writes what; empty if there is no list.

    folder: `tmp_dir` of the repo.

    Raises ValueError if the list is not whole.
    """
    from dvc.lock import make_lock

    path = folder / "rwlock"
    with make_lock(str(folder / "rwlock.lock"), tmp_dir=str(folder)):
        listed = json.loads(path.read_bytes()) if path.exists() else {}
    if not isinstance(listed, dict):
        raise ValueError(path)
    return listed


def read_stages(path: Path) -> dict:
    """The stages in a dvc.lock; none if there is no such file. Raises ValueError if not whole."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from dvc.utils.serialize import YAMLFileCorruptedError, load_yaml
    from voluptuous import Invalid

    try:
        content = COMPILED_LOCKFILE_SCHEMA(load_yaml(str(path))) if path.exists() else {}
    except (YAMLFileCorruptedError, Invalid) as error:
        raise ValueError(path) from error
    return content.get("stages", {})


def list_unsaved(repo: Repo) -> list[Output]:
    """The outputs that are there, and of which something is not in DVC's cache."""
    outs = repo.index.outs
    return [out for out in outs if out.use_cache and out.exists and out.changed_cache()]


def save_outputs(repo: Repo, outs: list[Output]) -> None:
    """Put outputs, with all others of their stages, into DVC's cache and dvc.lock as they are."""
    for stage in {out.stage.addressing for out in outs}:
        repo.commit(stage, force=True)


def remove(repo: Repo, path: Path) -> None:
    """Remove a file or folder, even one that DVC has made read-only."""
    repo.fs.remove(str(path), recursive=True)
