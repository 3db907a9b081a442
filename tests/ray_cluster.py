"""Start a local Ray cluster that ends with the test and sends no usage statistics."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest


@contextlib.contextmanager
def cluster(nodes: int, **env: str) -> Iterator[str]:
    """Start a cluster, yield its address, and stop it in the end.

    The test is skipped where Ray is not installed.

    nodes: how many nodes it has, each with one CPU.
    env: environment variables of its workers.
    """
    pytest.importorskip("ray")
    temporary = tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True)
    with temporary as folder, start(nodes, Path(folder), env) as address:
        yield address


@contextlib.contextmanager
def start(nodes: int, folder: Path, env: dict[str, str]) -> Iterator[str]:
    """Start a cluster as `cluster` does, with all of its files in `folder`.

    folder: a folder with a short path, since the paths of the sockets in it have a maximum length.
    """
    from ray.cluster_utils import Cluster

    # Ray writes the cluster's address into this folder. In Ray's usual folder, other commands would
    # find the address and connect to the test's cluster.
    (folder / "ray").mkdir()
    variables = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_TMPDIR": str(folder)} | env
    with mock.patch.dict("os.environ", variables):
        # No test needs the dashboard, which would be one more process.
        head = {"num_cpus": 1, "include_dashboard": False, "temp_dir": str(folder)}
        machines = Cluster(initialize_head=True, head_node_args=head)
        try:
            for _ in range(nodes - 1):
                machines.add_node(num_cpus=1)
            yield machines.address
        finally:
            machines.shutdown()
