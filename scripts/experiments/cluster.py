"""Experiments on a Ray cluster: each worker clones the repository, runs, and pushes what it made.

    python -m scripts.sweep --engine ray --address auto --remote origin

A worker needs git, the project's Python environment with Ray (`make ray`), and access to the Git
remote and to the default DVC remote: nothing is installed there. A worker that dies costs its trial
alone, which Ray gives to another one.
"""

import logging
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wasabi import msg

from scripts.experiments import on_worker as on_worker
from scripts.experiments.core import DVC, TARGET, Changes, Runner, as_arguments, output, refs_of
from scripts.params import load_params

RETRIES = 5
LOGS = Path(".dvc/tmp/sweep")


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
        host, _, port = address.rpartition(":")
        try:
            if host and port.isdigit():
                # Ray itself would try for minutes.
                socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except (OSError, ValueError) as error:
            msg.fail(f"No Ray cluster at {address}: ray start --head ({error})", exits=1)
        # Workers need no folder of the project: they are sent the module itself.
        ray.cloudpickle.register_pickle_by_value(on_worker)
    return ray


def trials_of(experiments: dict[str, Changes], commit: str, url: str) -> list[on_worker.Trial]:
    """What workers have to know of each experiment."""
    author, _, rest = output("git", "var", "GIT_AUTHOR_IDENT").partition(" <")
    return [
        on_worker.Trial(
            name=name,
            arguments=as_arguments(changes),
            target=TARGET,
            commit=output("git", "rev-parse", commit),
            refs=refs_of(commit),
            url=url,
            author=(author, rest.partition(">")[0]),
        )
        for name, changes in experiments.items()
    ]


def run_on_ray(
    experiments: dict[str, Changes], commit: str, runner: Runner, look: Callable[[], None]
) -> dict[str, str]:
    """Run experiments on a cluster and pull each when it is done; why those failed that did."""
    url = url_of(runner.remote)
    check_remotes(url, commit)
    trials = trials_of(experiments, commit, url)
    # Ray shows a trial the one GPU that it gets as its first: training.gpu_id is 0.
    gpus = int(load_params().training.gpu_id >= 0)
    ray = connect(runner.address)
    run = ray.remote(on_worker.run_trial).options(
        num_cpus=1, num_gpus=gpus, max_retries=RETRIES, scheduling_strategy="SPREAD"
    )
    waiting = {run.remote(trial): trial.name for trial in trials}
    why = {}
    while waiting:
        (task,), _ = ray.wait(list(waiting))
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
