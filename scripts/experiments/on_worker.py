"""A trial on a worker of a cluster: clone the repository, run, push what was made.

It needs nothing but Python's own library, git and DVC: Ray sends it to workers that have no other
file of the project.
"""

import contextlib
import fcntl
import hashlib
import itertools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path


@dataclass(frozen=True)
class Trial:
    """What a worker has to know."""

    name: str
    arguments: list[str]
    target: str
    commit: str
    refs: str
    url: str
    author: tuple[str, str]


@contextlib.contextmanager
def own_clone(trial: Trial) -> Iterator[tuple[Path, int]]:
    """A clone that no other process uses, and the lock that says so."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(caches) / "trials" / hashlib.sha256(trial.url.encode()).hexdigest()[:8]
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for number in itertools.count():
        with (folder / f"{number}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            clone, unfinished = folder / str(number), folder / f"{number}.unfinished"
            # What a killed or failed trial leaves behind is not worth being understood.
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


def run_trial(trial: Trial) -> str | None:
    """Run an experiment in a clone and push it with its outputs; the log, if that failed."""
    log: list[str] = []
    try:
        with own_clone(trial) as (clone, lock):
            call = partial(run_command, log, clone, lock)
            check_out(trial, clone, call)
            # One that was pushed before its worker died is not run again.
            if not call("git", "ls-remote", "origin", trial.refs + trial.name):
                run_and_push(trial, call)
    except subprocess.CalledProcessError:
        # A URL may have a password in it.
        return re.sub(r"://[^/\s@]+@", "://***@", "\n".join(log))
    return None


def run_command(log: list[str], clone: Path, lock: int, *command: str) -> str:
    """What a command prints, which is added to the log."""
    done = subprocess.run(
        command,
        cwd=clone if clone.exists() else clone.parent,
        env=environment(),
        # The lock is theirs, too: what outlives a killed worker keeps its clone for itself.
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


def check_out(trial: Trial, clone: Path, call: Callable[..., str]) -> None:
    """The commit's files, in the clone that is there or in a new one."""
    if not clone.exists():
        call("git", "clone", "--quiet", "--no-checkout", "--", trial.url, str(clone))
        for key, value in zip(("user.name", "user.email"), trial.author, strict=True):
            call("git", "config", key, value)
    call("git", "fetch", "--quiet", "--tags", "origin")
    call("git", "checkout", "--quiet", "--force", "--detach", trial.commit)
    call("git", "clean", "--quiet", "-d", "--force")


def run_and_push(trial: Trial, call: Callable[..., str]) -> None:
    """Run the experiment; push its outputs, then itself: what is there is there whole."""
    dvc = (sys.executable, "-m", "dvc")
    call(*dvc, "exp", "run", "--pull", "--name", trial.name, *trial.arguments, trial.target)
    call(*dvc, "push", "--with-deps", trial.target)
    call(*dvc, "exp", "push", "--no-cache", "origin", trial.name)
