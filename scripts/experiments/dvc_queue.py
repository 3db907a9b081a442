"""Run experiments on this machine, several at a time, in DVC's own queue."""

import subprocess
import time
from collections.abc import Callable
from itertools import count

from wasabi import msg

from scripts.exceptions import ExperimentError
from scripts.experiments.arguments import DVC, TARGETS, as_arguments
from scripts.experiments.naming import Changes
from scripts.experiments.repository import clean_commit
from scripts.experiments.runner import Runner
from scripts.storage.dvc import open_repo

# So often it is looked whether the queue has workers.
SECONDS = 10


def run_in_queue(
    experiments: dict[str, Changes], commit: str, runner: Runner, look: Callable[[], None]
) -> None:
    """Run experiments in DVC's queue, together with whatever else is in it.

    experiments: changes by the experiments' names.
    look: is called about once a second, to show how far they are.
    Raises ExperimentError when the workspace is no longer that of the commit.
    """
    # DVC queues the workspace as it is, whatever commit the experiments are named after.
    if clean_commit(runner.written) != commit:
        raise ExperimentError(
            f"The next trials belong to {commit}, but HEAD has moved on: "
            f"git switch --detach {commit}"
        )
    waiting = tidy_queue(set(experiments))
    for name, changes in experiments.items():
        if name not in waiting:
            queue = ["exp", "run", "--queue", "--name", name, *as_arguments(changes), *TARGETS]
            subprocess.run([*DVC, *queue], check=True, capture_output=True)
    command = [*DVC, "exp", "run", "--run-all", "--jobs", str(runner.jobs)]
    # What the experiments print is in DVC's logs.
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(process, runner.jobs, look)
        except KeyboardInterrupt:
            msg.info(
                "Running experiments go on. The same command waits for them; "
                "dvc queue stop --kill ends them."
            )
            raise


def wait_for(process: subprocess.Popen, jobs: int, look: Callable[[], None]) -> None:
    """Wait until the queue is done, and see that it is not waited for in vain.

    A worker ends when it finds the queue empty. DVC counts on one that is about to end, and starts
    no other; and of one that died it waits for the experiment. It would do both without end. So
    workers are started again where experiments wait for one, and where none does, `process` is
    ended: what has no result then has failed, and runs again with the same command.

    process: `dvc exp run --run-all`.
    """
    unanswered = 0
    for second in count(1):
        if process.poll() is not None:
            return
        look()
        time.sleep(1)
        if second % SECONDS == 0:
            with open_repo() as repo:
                queue = repo.experiments.celery_queue
                unanswered = 0 if queue.worker_status() else unanswered + 1
                # One that has only begun, or is busy, may not have answered the first time.
                if unanswered == 2 and any(queue.iter_queued()):
                    queue.start_workers(jobs)
                    unanswered = 0
                elif unanswered == 2:
                    process.terminate()


def tidy_queue(names: set[str]) -> set[str]:
    """Remove failed and dead experiments from the queue; return those of `names` that stay in it.

    DVC keeps failed experiments in the queue, and takes those that were running when the machine
    went down for running still.
    """
    with open_repo() as repo:
        queue = repo.experiments.celery_queue
        tasks = {task["name"]: task["status"] for task in queue.status() if task["name"]}
        working = any(queue.worker_status().values())
        dead = [n for n, status in tasks.items() if status == "Running" and not working]
        # The first round ends processes that outlived their worker, the second closes their tasks.
        for _ in range(2):
            if dead := [n for n in dead if n in {x.name for x in queue.iter_active()}]:
                queue.kill(dead, force=True)
        alive = {"Queued", "Running"} if working else {"Queued"}
        stay = {name for name in names & tasks.keys() if tasks[name] in alive}
        if old := list((names & tasks.keys()) - stay):
            queue.remove(old)
    return stay
