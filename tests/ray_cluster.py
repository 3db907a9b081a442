"""A Ray cluster on this machine, of its own: it tells nobody, and ends with the test."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest


@contextlib.contextmanager
def cluster(nodes: int, **env: str) -> Iterator[str]:
    """The address of a cluster of so many nodes with one CPU each.

    env: what its workers have in their environment.
    """
    pytest.importorskip("ray")
    temporary = tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True)
    with temporary as folder, start(nodes, Path(folder), env) as address:
        yield address


@contextlib.contextmanager
def start(nodes: int, folder: Path, env: dict[str, str]) -> Iterator[str]:
    """The same, in a folder; its path is short, since sockets lie in it."""
    from ray.cluster_utils import Cluster

    # Ray writes the address there, too, and nowhere where another cluster would be taken for it.
    (folder / "ray").mkdir()
    variables = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_TMPDIR": str(folder)} | env
    with mock.patch.dict("os.environ", variables):
        # A dashboard is a process of its own, and nobody looks.
        head = {"num_cpus": 1, "include_dashboard": False, "temp_dir": str(folder)}
        machines = Cluster(initialize_head=True, head_node_args=head)
        try:
            for _ in range(nodes - 1):
                machines.add_node(num_cpus=1)
            yield machines.address
        finally:
            machines.shutdown()
