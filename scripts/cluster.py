"""Experiments on a Ray cluster: each worker clones the repository, runs, and pushes what it made.

    python -m scripts.sweep --engine ray --address auto --remote origin

A worker needs git, the project's Python environment with Ray (`make ray`), and access to the Git
remote and to the default DVC remote: nothing is installed, and nothing else is sent to it. A worker
that dies costs its trial alone, which Ray gives to another one.
"""

import contextlib
import hashlib
import itertools
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from wasabi import msg

from scripts.experiments import DVC, TARGET, Changes, Runner, as_arguments, output, refs_of
from scripts.params import load_params

RETRIES = 5
LOGS = Path(".dvc/tmp/sweep")


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


# On the worker


@contextlib.contextmanager
def own_clone(trial: Trial) -> Iterator[tuple[Path, int]]:
    """A clone that no other process uses, and the lock that says so."""
    import fcntl

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


# On the driver


def url_of(remote: str) -> str:
    """The URL of a Git remote, as workers elsewhere need it."""
    done = subprocess.run(
        ["git", "remote", "get-url", "--", remote], capture_output=True, text=True
    )
    url = remote if done.returncode else done.stdout.strip()
    return str(Path(url).resolve()) if Path(url).exists() else url


def check_remotes(url: str, commit: str) -> None:
    """Stop where workers could not get the commit, or not hand over what they made."""
    done = subprocess.run(
        ["git", "ls-remote", "--heads", "--tags", "--", url], capture_output=True, text=True
    )
    if done.returncode:
        msg.fail(f"{url}: git does not reach it: {done.stderr.strip()}", exits=1)
    heads = [line.split()[0] for line in done.stdout.splitlines()]
    contains = ("git", "merge-base", "--is-ancestor", commit)
    # 128: a head that is not known here may well contain it.
    codes = [subprocess.run([*contains, x], stderr=subprocess.DEVNULL).returncode for x in heads]
    if all(code == 1 for code in codes):
        msg.fail(f"{url} has no commit {commit}, and workers clone it: git push", exits=1)
    store = subprocess.run([*DVC, "config", "--project", "core.remote"], capture_output=True)
    if store.returncode:
        msg.fail(
            "Workers hand over outputs through DVC's default remote, and none is in .dvc/config: "
            "dvc remote add --default NAME URL, commit, git push, dvc push",
            exits=1,
        )


def connect(address: str) -> Any:
    """Ray, connected to a cluster."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        msg.fail("Ray is not installed: make ray, here and on every worker.", exits=1)
    if not ray.is_initialized():
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ValueError) as error:
            msg.fail(f"No Ray cluster at {address}: ray start --head ({error})", exits=1)
        # Workers have no need of the project's folder: they are sent this module itself.
        ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    return ray


def run_on_ray(
    experiments: dict[str, Changes], commit: str, runner: Runner, look: Callable[[], None]
) -> dict[str, str]:
    """Run experiments on a cluster and pull each when it is done; why those failed that did."""
    url = url_of(runner.remote)
    check_remotes(url, commit)
    ray = connect(runner.address)
    author, _, rest = output("git", "var", "GIT_AUTHOR_IDENT").partition(" <")
    full = output("git", "rev-parse", commit)
    # Ray shows a trial the one GPU that it gets as its first: training.gpu_id is 0.
    gpus = int(load_params().training.gpu_id >= 0)
    run = ray.remote(run_trial).options(
        num_cpus=1, num_gpus=gpus, max_retries=RETRIES, scheduling_strategy="SPREAD"
    )
    trials = [
        Trial(
            name=name,
            arguments=as_arguments(changes),
            target=TARGET,
            commit=full,
            refs=refs_of(full),
            url=url,
            author=(author, rest.partition(">")[0]),
        )
        for name, changes in experiments.items()
    ]
    waiting = {run.remote(trial): trial.name for trial in trials}
    why = {}
    while waiting:
        for task in ray.wait(list(waiting))[0]:
            name = waiting.pop(task)
            try:
                log = ray.get(task) or pull(url, name)
            except ray.exceptions.RayError as error:
                log = str(error)
            if log:
                why[name] = write_log(name, log)
            look()
    return why


def pull(url: str, name: str) -> str | None:
    """Get an experiment and its outputs; the log, if that failed."""
    command = [*DVC, "exp", "pull", url, name]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout if done.returncode else None


def write_log(name: str, log: str) -> str:
    """Keep the log of what failed; where."""
    LOGS.mkdir(parents=True, exist_ok=True)
    path = LOGS / f"{name}.log"
    path.write_text(log, encoding="utf8")
    return str(path)
