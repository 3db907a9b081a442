"""Experiments on a Ray cluster: each worker clones the repository, runs, and pushes what it made.

    python -m scripts.sweep --engine ray --address auto --remote origin

A worker needs git, the project's Python environment with Ray (`make ray`), and access to the Git
remote and to the default DVC remote. Nothing is installed there. When a worker dies, only its trial
is lost, and Ray gives that to another worker.
"""

import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.exceptions import ExperimentError
from scripts.experiments import clones, on_worker
from scripts.experiments.arguments import TARGETS, as_arguments
from scripts.experiments.naming import Changes
from scripts.experiments.remotes import check_remotes, pull, url_of
from scripts.experiments.repository import refs_of
from scripts.experiments.runner import Runner
from scripts.params import load_params
from scripts.provenance.revisions import git

RETRIES = 5
LOGS = Path(".dvc/tmp/sweep")
# Workers are sent these modules themselves, so they need no folder of the project.
SENT = (clones, on_worker)


def connect(address: str) -> Any:
    """The module `ray`, connected to a cluster.

    address: HOST:PORT, or auto for the cluster that this machine belongs to.
    Raises ExperimentError where Ray is not installed or there is no cluster.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray  # here, because it is heavy, and only installed where it is used
    except ImportError:
        raise ExperimentError("Ray is not installed: make ray, here and on every worker") from None
    if not ray.is_initialized():
        host, _, port = address.rpartition(":")
        try:
            if host and port.isdigit():
                # Without this, Ray would try for minutes.
                socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except (OSError, ValueError) as error:
            raise ExperimentError(
                f"No Ray cluster at {address}: ray start --head ({error})"
            ) from error
        for module in SENT:
            ray.cloudpickle.register_pickle_by_value(module)
    return ray


def trials_of(experiments: dict[str, Changes], commit: str, url: str) -> list[on_worker.Trial]:
    """What workers have to know of each experiment."""
    author, _, rest = git("var", "GIT_AUTHOR_IDENT").partition(" <")
    return [
        on_worker.Trial(
            name=name,
            arguments=as_arguments(changes),
            targets=TARGETS,
            commit=git("rev-parse", commit).rstrip(),
            refs=refs_of(commit),
            url=url,
            author=(author, rest.partition(">")[0]),
        )
        for name, changes in experiments.items()
    ]


def run_on_ray(
    experiments: dict[str, Changes], commit: str, runner: Runner, look: Callable[[], None]
) -> dict[str, str]:
    """Run experiments on a cluster, and pull each of them when it is done.

    experiments: changes by the experiments' names.
    look: is called after each experiment, to show how far they are.
    Returns the files with the logs of those that failed, by their names.
    """
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
    logs = {}
    while waiting:
        (task,), _ = ray.wait(list(waiting))
        name = waiting.pop(task)
        try:
            log = ray.get(task) or pull(url, name)
        except ray.exceptions.RayError as error:
            log = str(error)
        if log:
            LOGS.mkdir(parents=True, exist_ok=True)
            path = LOGS / f"{name}.log"
            path.write_text(log, encoding="utf8")
            logs[name] = str(path)
        look()
    return logs
