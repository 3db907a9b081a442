"""Many items are worked on at once: by processes of this machine, or by actors of a Ray cluster.

Either way a worker is an object that is made once in its process and is then called with one item
after another. Its result depends on the item alone, so results depend neither on the number of
workers nor on the engine. Ray is optional (`make ray`). All nodes of a cluster share a file system,
and the project and its Python environment have the same path on each.
"""

import importlib.util
import logging
import multiprocessing
import os
import pickle
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from enum import Enum
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import typer

from scripts import KERNELS, can_choose
from scripts.exceptions import DataError

# How often Ray tries an item again whose worker died: some items kill every worker they are given.
RETRIES = 5

Argument = TypeVar("Argument")
Source = TypeVar("Source")
Item = TypeVar("Item")
Result = TypeVar("Result")

_worker: Callable[[Any], Any]
"""The worker of a pool's process, set once by `start_process` and called by `call_worker`.

A process pool has no other way to hand state to its tasks than a variable of the module.
"""


class Cluster(NamedTuple):
    """A Ray cluster, and how much of it is used."""

    address: str | None = None
    """None means $RAY_ADDRESS; without it a cluster on this machine, which is started if needed."""
    jobs: int | None = None
    """How many actors work; None means one for each core, or for each GPU with `gpu`."""
    gpu: bool = False
    """Whether each actor gets a GPU of its own."""


Jobs = int | Cluster
"""The number of processes on this machine, or a cluster."""


class Engine(str, Enum):
    """What runs the workers."""

    local = "local"
    ray = "ray"


ENGINE = typer.Option(Engine.local, help="Processes on this machine, or a Ray cluster")
ADDRESS = typer.Option(None, help="The cluster's address; default: $RAY_ADDRESS, or this machine")
JOBS = typer.Option(None, min=1, help="How many workers; default: one for each core")


def choose_workers(
    engine: Engine, jobs: int | None, address: str | None, gpu: bool = False
) -> Jobs:
    """The workers that a command line asks for."""
    if engine is Engine.ray:
        return Cluster(address, jobs, gpu)
    return jobs or (1 if gpu else count_cores())


def count_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(
    make_worker: Callable[[Argument], Callable[[Item], Result]],
    argument: Argument,
    items: Iterable[Item],
    jobs: int,
) -> Iterator[Result]:
    """Call a worker with every item, in `jobs` processes; yield the results in the items' order.

    make_worker: a class, or another picklable callable, that each process calls once with
        `argument`; it returns the worker, which is called with an item.
    jobs: the number of processes. With one of them, or with a single item, this process works.

    At most twice as many items as processes, and one more, are in flight, so items are read little
    faster than results are taken.
    """
    items = iter(items)
    first = [*islice(items, 2)]
    if jobs == 1 or len(first) < 2:
        yield from map(make_worker(argument), chain(first, items))
        return
    with ProcessPoolExecutor(
        jobs, initializer=start_process, initargs=(make_worker, argument)
    ) as pool:
        waiting = deque(pool.submit(call_worker, item) for item in first)
        for item in items:
            waiting.append(pool.submit(call_worker, item))
            if len(waiting) > 2 * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def start_process(make_worker: Callable[[Any], Callable[[Any], Any]], argument: Any) -> None:
    """Make the worker of a pool's process, which ends when its parent process is killed."""
    global _worker
    parent = multiprocessing.parent_process()

    def exit_after_parent() -> None:
        if parent:
            parent.join()
            os._exit(1)

    threading.Thread(target=exit_after_parent, daemon=True).start()
    _worker = make_worker(argument)


def call_worker(item: Any) -> Any:
    """Work on an item in a pool's process."""
    return _worker(item)


def connect(cluster: Cluster) -> int:
    """Connect to a cluster and return how many actors are to work there.

    Ray reports no usage to its makers. Raises DataError where there is no Ray, no cluster, or no
    core (with `gpu`, no GPU), and where Python's path has a space.
    """
    if not importlib.util.find_spec("ray"):
        raise DataError("--engine ray needs Ray: `make ray` installs it.")
    # Ray writes Python's path into a command line without quotes, and then waits without end.
    if " " in sys.executable:
        raise DataError(
            f"Ray starts no workers from a path with a space ({sys.executable}): move the project "
            "to a folder without one, or leave out --engine ray."
        )
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    if not ray.is_initialized():
        # Ray's workers import NumPy before the project, so that it could not choose the kernels.
        variables = {"PYTHONPATH": str(Path(__file__).parents[2])}
        variables |= KERNELS if can_choose() else {}
        try:
            ray.init(
                address=cluster.address,
                runtime_env={"env_vars": variables},
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except ConnectionError as error:
            where = cluster.address or os.environ.get("RAY_ADDRESS")
            raise DataError(f"No Ray cluster at {where} ({error}): `ray start --head`.") from None
    available = int(ray.cluster_resources().get("GPU" if cluster.gpu else "CPU", 0))
    if not available:
        raise DataError(f"The Ray cluster has no {'GPU' if cluster.gpu else 'CPU'} to work on.")
    return cluster.jobs or available


class Actor:
    """A worker as Ray Data wants it: made once for each actor, called with blocks of one item."""

    def __init__(self, make_worker: Callable[[Any], Callable[[Any], Any]], argument: Any) -> None:
        self.work = make_worker(argument)

    def __call__(self, rows: dict[str, Any]) -> dict[str, Any]:
        """Work on a block, whose items are pickled, and pickle the results."""
        return {"item": [pickle.dumps(self.work(pickle.loads(row))) for row in rows["item"]]}


def spread(
    make_worker: Callable[[Argument], Callable[[Item], Result]],
    argument: Argument,
    read: Callable[[Source], Iterator[Item]],
    sources: Sequence[Source],
    jobs: Jobs,
) -> Iterator[Result]:
    """Call a worker with every item that is read from the sources; yield results in any order.

    make_worker, argument: as for `in_order`.
    read: yields the items of a source. A cluster reads sources at the same time, too.

    Raises DataError when there is no cluster, or when it gives up.
    """
    if isinstance(jobs, Cluster):
        yield from run_on_ray(make_worker, argument, read, sources, jobs)
    else:
        yield from in_order(make_worker, argument, chain.from_iterable(map(read, sources)), jobs)


def run_on_ray(
    make_worker: Callable[[Any], Callable[[Any], Any]],
    argument: Any,
    read: Callable[[Any], Iterator[Any]],
    sources: Sequence[Any],
    cluster: Cluster,
) -> Iterator[Any]:
    """Do what `spread` does with Ray Data.

    Ray Data holds readers back when actors cannot follow, replaces actors that died, and reads
    again what was lost with a node.
    """
    workers = connect(cluster)
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    # A block is one item, so that no more than one item is done again after a failure.
    context.target_max_block_size = 1

    def read_rows(rows: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for source in rows["item"]:
            for item in read(pickle.loads(source)):
                yield {"item": [pickle.dumps(item)]}

    packed = [{"item": pickle.dumps(source)} for source in sources]
    data: Any = ray.data.from_items(packed, override_num_blocks=len(packed))
    # Reading asks for no core: the actors hold all of them, and it would wait for ever.
    data = data.map_batches(read_rows, batch_size=None, num_cpus=0)
    data = data.map_batches(
        Actor,
        batch_size=None,
        fn_constructor_args=(make_worker, argument),
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=1,
        num_gpus=int(cluster.gpu),
        max_task_retries=RETRIES,
    )
    try:
        for rows in data.iter_batches(batch_size=None, prefetch_batches=0):
            yield from map(pickle.loads, rows["item"])
    except ray.exceptions.RayError as error:
        first = str(error).strip().splitlines()[0]
        raise DataError(
            f"The Ray cluster gave up ({first}). Start the command again: it goes on."
        ) from error
