"""A Ray cluster on this machine for a test: it ends with the test, and reports no usage."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest


@contextlib.contextmanager
def cluster(nodes: int, **env: str) -> Iterator[str]:
    """Start a cluster of `nodes` nodes with one CPU each, and return its address.

    env: environment variables of its workers.
    """
    pytest.importorskip("ray")
    temporary = tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True)
    with temporary as folder, start(nodes, Path(folder), env) as address:
        yield address


@contextlib.contextmanager
def start(nodes: int, folder: Path, env: dict[str, str]) -> Iterator[str]:
    """Do the same in `folder`, whose path must be short, since it has sockets in it."""
    from ray.cluster_utils import Cluster

    # Ray writes the cluster's address there; elsewhere another command could take it for its own.
    (folder / "ray").mkdir()
    variables = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_TMPDIR": str(folder)} | env
    with mock.patch.dict("os.environ", variables):
        # A dashboard would be one more process, and no test looks at it.
        head = {"num_cpus": 1, "include_dashboard": False, "temp_dir": str(folder)}
        machines = Cluster(initialize_head=True, head_node_args=head)
        try:
            for _ in range(nodes - 1):
                machines.add_node(num_cpus=1)
            yield machines.address
        finally:
            machines.shutdown()
