"""Clones of a repository on a worker of a cluster, each used by one trial at a time.

Ray sends this module to workers that have no other file of the project, so it imports nothing but
Python's standard library.
"""

import contextlib
import fcntl
import hashlib
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def own_clone(url: str) -> Iterator[tuple[Path, int]]:
    """The folder of a clone that no other process uses, and the file descriptor of its lock.

    url: the Git remote. There are as many clones of it as trials at the same time; the folder of a
    new one does not exist yet.
    """
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(caches) / "trials" / hashlib.sha256(url.encode()).hexdigest()[:8]
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for number in itertools.count():
        with (folder / f"{number}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            clone, unfinished = folder / str(number), folder / f"{number}.unfinished"
            # A clone in which a trial was killed or failed can be in any state.
            if unfinished.exists():
                shutil.rmtree(clone, ignore_errors=True)
            unfinished.touch()
            yield clone, lock.fileno()
            unfinished.unlink()
            return


def environment() -> dict[str, str]:
    """The environment of this Python, without the limit on threads that Ray sets for itself."""
    variables = {key: x for key, x in os.environ.items() if key != "OMP_NUM_THREADS"}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return variables | {"PATH": path, "GIT_TERMINAL_PROMPT": "0"}


def run_in_clone(log: list[str], clone: Path, lock: int, *command: str) -> str:
    """Run a command in the clone, add its output to the log, and return the output.

    lock: the file descriptor of the clone's lock.
    Raises CalledProcessError when the command fails.
    """
    done = subprocess.run(
        command,
        cwd=clone if clone.exists() else clone.parent,
        env=environment(),
        # A command that outlives its killed worker holds the lock as long as it uses the clone.
        pass_fds=[lock],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    log.append(f"$ {' '.join(command)}\n{done.stdout}")
    done.check_returncode()
    return done.stdout
