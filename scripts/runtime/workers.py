"""Many items are worked on: by processes of this machine, or by actors of a Ray cluster.

Either way a worker is made ready once, what it does hangs on the item alone, and an item is the
same whoever works on it; so the results do not hang on the number of workers or on the engine.
Ray is optional (`make ray`). Its nodes share a file system, and the project and its environment
stand at the same path on each.
"""

import importlib.util
import logging
import multiprocessing
import os
import pickle
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from enum import Enum
from functools import cache
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import typer

from scripts import KERNELS, can_choose
from scripts.exceptions import DataError

# So often an item is tried again whose worker was lost: some take every worker with them.
RETRIES = 5

Item = TypeVar("Item")
Result = TypeVar("Result")


class Cluster(NamedTuple):
    """A Ray cluster, and what is wanted of it."""

    address: str | None = None
    """None for $RAY_ADDRESS, or the cluster that runs on this machine, or one that is started."""
    jobs: int | None = None
    """Actors; None for one on each core, or GPU."""
    gpu: bool = False


Jobs = int | Cluster
"""So many processes here, or a cluster."""


class Engine(str, Enum):
    """What the work is spread by."""

    local = "local"
    ray = "ray"


ENGINE = typer.Option(Engine.local, help="This machine's processes, or a Ray cluster")
ADDRESS = typer.Option(None, help="The cluster; else $RAY_ADDRESS, or this machine's")
JOBS = typer.Option(None, min=1, help="Workers at once; as many as there are cores")


def choose_workers(
    engine: Engine, jobs: int | None, address: str | None, gpu: bool = False
) -> Jobs:
    """What a command line asks for."""
    if engine is Engine.ray:
        return Cluster(address, jobs, gpu)
    return jobs or (1 if gpu else count_cores())


def count_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    begin: Callable,
    argument: Any,
    jobs: Jobs,
) -> Iterator[Result]:
    """Map by workers, in order, not far ahead of what is taken; one item is done here.

    begin: makes a worker ready, with `argument`.
    """
    items = iter(items)
    first = [*islice(items, 2)]
    if jobs == 1 or len(first) < 2:
        begin(argument)
        for item in chain(first, items):
            yield function(item)
        return
    with open_pool(begin, argument, jobs) as (pool, workers):
        waiting = deque(pool.submit(function, item) for item in first)
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def open_pool(begin: Callable, argument: Any, jobs: Jobs) -> Iterator[tuple[Executor, int]]:
    """Workers to submit to, and how many they are; they are gone at the end."""
    workers = connect(jobs) if isinstance(jobs, Cluster) else jobs
    if isinstance(jobs, Cluster):
        pool: Executor = Actors(begin, argument, workers, jobs.gpu)
    else:
        pool = ProcessPoolExecutor(jobs, initializer=begin_below, initargs=(begin, argument))
    with pool:
        yield pool, workers


def begin_below(begin: Callable, argument: Any) -> None:
    """Make a process ready, that ends when the one above it was killed."""
    above = multiprocessing.parent_process()

    def watch() -> None:
        if above:
            above.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    begin(argument)


def connect(cluster: Cluster) -> int:
    """Connect to a cluster; return how many actors shall work. Ray says nothing to its makers."""
    if not importlib.util.find_spec("ray"):
        raise DataError("--engine ray needs Ray: `make ray` installs it.")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    if not ray.is_initialized():
        # Workers look for kernels before they import the project, which then comes too late.
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
    there = int(ray.cluster_resources().get("GPU" if cluster.gpu else "CPU", 0))
    if not there:
        raise DataError(f"The Ray cluster has no {'GPU' if cluster.gpu else 'CPU'} to work on.")
    return cluster.jobs or there


class Worker:
    """An actor: made ready once for its work, and again where it was lost."""

    def __init__(self, *ready: Any, function: Callable | None = None) -> None:
        self.ready: tuple[Any, ...] = ()
        self.function = function
        if ready:
            self.make_ready(*ready)

    def make_ready(self, begin: Callable, argument: Any) -> None:
        """Make ready, unless it is."""
        if self.ready != (begin, argument):
            begin(argument)
            self.ready = (begin, argument)

    def do(self, begin: Callable, argument: Any, function: Callable, item: Any) -> Any:
        """Work on an item."""
        self.make_ready(begin, argument)
        return function(item)

    def __call__(self, rows: dict[str, Any]) -> dict[str, Any]:
        """Work on a block of Ray Data, which is one item."""
        assert self.function
        return {"item": [pickle.dumps(self.function(pickle.loads(row))) for row in rows["item"]]}


class Actors(Executor):
    """Actors as an Executor. What one was at when it was lost, is done again by its successor."""

    def __init__(self, begin: Callable, argument: Any, workers: int, gpu: bool) -> None:
        self.ready = begin, argument
        self.turn = cycle(start_actors(workers, gpu))

    def submit(self, function: Callable, /, *args: Any, **_: Any) -> Future:
        """Let the next actor work on an item."""
        return next(self.turn).do.remote(*self.ready, function, *args).future()


@cache
def start_actors(workers: int, gpu: bool) -> list[Any]:
    """Actors for all that this process has to do: to start one takes seconds."""
    import ray

    kept = ray.remote(num_cpus=1, num_gpus=int(gpu), max_restarts=-1, max_task_retries=RETRIES)
    actor: Any = kept(Worker)
    return [actor.remote() for _ in range(workers)]


def spread(
    function: Callable[[Item], Result],
    read: Callable[[Any], Iterator[Item]],
    sources: Sequence[Any],
    begin: Callable,
    argument: Any,
    jobs: Jobs,
) -> Iterator[Result]:
    """Map what is read from sources, in any order; on a cluster reading is spread, too."""
    if not isinstance(jobs, Cluster):
        yield from in_order(
            function, chain.from_iterable(map(read, sources)), begin, argument, jobs
        )
        return
    actors = {
        "fn_constructor_args": (begin, argument),
        "fn_constructor_kwargs": {"function": function},
        "num_gpus": int(jobs.gpu),
    }
    yield from stream(read, sources, actors, connect(jobs))


def stream(
    read: Callable[[Any], Iterator[Any]], sources: Sequence[Any], actors: dict, workers: int
) -> Iterator[Any]:
    """Ray Data from sources through actors: it holds readers back when actors cannot follow, starts
    lost actors anew, and reads again what was lost with a node.
    """
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    # A block is one item: the unit of work, and of what is done again.
    context.target_max_block_size = 1

    def read_rows(rows: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for source in rows["item"]:
            for item in read(pickle.loads(source)):
                yield {"item": [pickle.dumps(item)]}

    packed = [{"item": pickle.dumps(source)} for source in sources]
    data: Any = ray.data.from_items(packed, override_num_blocks=len(packed))
    # Reading is a thousandth of the work; it waits for no core, or it would wait for ever.
    data = data.map_batches(read_rows, batch_size=None, num_cpus=0)
    pool = ray.data.ActorPoolStrategy(size=workers)
    actors |= {"compute": pool, "num_cpus": 1, "max_task_retries": RETRIES}
    data = data.map_batches(Worker, batch_size=None, **actors)
    try:
        for rows in data.iter_batches(batch_size=None, prefetch_batches=0):
            yield from map(pickle.loads, rows["item"])
    except ray.exceptions.RayError as error:
        first = str(error).strip().splitlines()[0]
        raise DataError(f"The cluster gave up ({first}). Start again: it goes on.") from error
