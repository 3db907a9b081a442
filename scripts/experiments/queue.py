"""Experiments on this machine, by DVC's own queue, several at a time."""

import subprocess
import time
from collections.abc import Callable

from dvc.repo import Repo
from wasabi import msg

from scripts.experiments.core import (
    DVC,
    TARGET,
    Changes,
    Runner,
    as_arguments,
    clean_commit,
    output,
)


def run_in_queue(
    experiments: dict[str, Changes], commit: str, runner: Runner, look: Callable[[], None]
) -> None:
    """Run experiments in DVC's queue, which runs what else is in it, too."""
    # The queue takes the workspace as it is.
    if clean_commit(runner.written) != commit:
        msg.fail(
            f"The next trials are of {commit}, and HEAD has moved on: git switch --detach {commit}",
            exits=1,
        )
    there = tidy_queue(set(experiments))
    for name, changes in experiments.items():
        if name not in there:
            run = ("exp", "run", "--queue", "--name", name, *as_arguments(changes), TARGET)
            output(*DVC, *run)
    command = [*DVC, "exp", "run", "--run-all", "--jobs", str(runner.jobs)]
    # What the experiments print is in DVC's logs.
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            while process.poll() is None:
                look()
                time.sleep(1)
        except KeyboardInterrupt:
            msg.info("What runs goes on: the same command joins it; dvc queue stop --kill ends it.")
            raise


def tidy_queue(names: set[str]) -> set[str]:
    """The experiments that the queue has yet to run; failed ones and dead ones leave it.

    DVC keeps what failed, and takes what was running when the machine died for running still.
    """
    with Repo() as repo:
        queue = repo.experiments.celery_queue
        tasks = {task["name"]: task["status"] for task in queue.status() if task["name"]}
        working = any(queue.worker_status().values())
        dead = [n for n, status in tasks.items() if status == "Running" and not working]
        # The first one ends processes that outlived their worker, the second closes their tasks.
        for _ in range(2):
            if dead := [n for n in dead if n in {x.name for x in queue.iter_active()}]:
                queue.kill(dead, force=True)
        old = [
            n
            for n in names & tasks.keys()
            if tasks[n] != "Queued" and not (tasks[n] == "Running" and working)
        ]
        if old:
            queue.remove(old)
    return (names & tasks.keys()) - set(old)
