"""A real cluster of two nodes on this machine: the same bytes, whichever process is killed."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from scripts.annotation.plan import JOURNAL, WORK
from scripts.exceptions import DataError
from scripts.runtime.workers import Cluster, connect
from tests.annotating import contents, run, sentences, write
from tests.conftest import ROOT
from tests.ray_annotate import release_file

pytest.importorskip("ray", reason="make ray")
# A cluster takes seconds to start, and so does every worker.
pytestmark = pytest.mark.slow
needs_workers = pytest.mark.skipif(
    " " in sys.executable, reason="Ray starts no workers where Python's path has a space"
)

SHARDS = 60


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Nodes:
    """A head node and a second node with one core each, and the processes that they start."""

    def __init__(self, folder: str) -> None:
        self.environment = os.environ | {
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_AUTH_MODE": "disabled",
            # 127.0.0.1 stays what it is: no other machine can reach these nodes.
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        }
        self.environment.pop("RAY_ADDRESS", None)
        self.address = f"127.0.0.1:{free_port()}"
        port = self.address.split(":")[1]
        head = ["--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}"]
        self.processes = [self.start(*head)]
        while not is_open(int(port)):
            assert self.processes[0].poll() is None
            time.sleep(0.1)
        self.processes.append(self.start(f"--address={self.address}"))

    def start(self, *options: str) -> psutil.Popen:
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *options]
        command += [
            "--num-cpus=1",
            f"--object-store-memory={80 << 20}",
            "--node-ip-address=127.0.0.1",
        ]
        return psutil.Popen(
            command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def below(self, name: str = "") -> list[psutil.Process]:
        """The processes of both nodes whose title has a name in it."""
        found = []
        for process in self.processes:
            for child in process.children(recursive=True):
                with suppress(psutil.Error):  # it has just ended
                    if name in " ".join(child.cmdline()):
                        found.append(child)
        return found

    def stop(self) -> None:
        """End these processes and no other ones; `ray stop` would end every cluster's."""
        for process in [*self.below(), *self.processes]:
            with suppress(psutil.Error):  # it has just ended
                process.kill()


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    # A socket's path has 107 characters at most.
    with tempfile.TemporaryDirectory(
        prefix="ray-", dir="/tmp", ignore_cleanup_errors=True
    ) as folder:
        cluster = Nodes(folder)
        try:
            yield cluster
        finally:
            cluster.stop()


@pytest.fixture(scope="module")
def world(
    bases: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path, dict[str, bytes]]:
    """A model, files of texts, and what one process of this machine makes of them."""
    folder = tmp_path_factory.mktemp("world")
    rows = sentences(20 * SHARDS)
    write(folder / "in" / "a.jsonl", [*rows[:500], b"no JSON\n", *rows[500:]])
    write(folder / "in" / "b.txt.gz", rows[:90])
    run(str(bases["own"]), folder / "in", folder / "whole", shard_size=20)
    return str(bases["own"]), folder / "in", contents(folder / "whole")


def go(nodes: Nodes, world: tuple, output: Path) -> subprocess.Popen:
    """Start the command with workers that stop after a shard, until `release` is called."""
    command = [sys.executable, "-m", "tests.ray_annotate", world[0], str(world[1]), str(output)]
    command += ["--shard-size", "20", "--engine", "ray", "--address", nodes.address]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=nodes.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def release(output: Path) -> None:
    """Let the workers go on."""
    release_file(output).touch()


def wait_for_a_shard(output: Path, process: subprocess.Popen) -> None:
    """Wait until a shard is in the journal: it comes, or the process ends."""
    journal = output / WORK / JOURNAL
    while not journal.exists() or b"\n" not in journal.read_bytes():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


@needs_workers
def test_a_worker_is_killed_midway(nodes: Nodes, world: tuple, tmp_path: Path) -> None:
    process = go(nodes, world, tmp_path / "out")
    wait_for_a_shard(tmp_path / "out", process)
    actors = nodes.below("MapWorker")
    assert actors
    actors[0].kill()
    release(tmp_path / "out")
    told, _ = process.communicate()
    assert process.returncode == 0, told
    assert contents(tmp_path / "out") == world[2]


@needs_workers
def test_the_driver_is_killed_and_started_again(nodes: Nodes, world: tuple, tmp_path: Path) -> None:
    process = go(nodes, world, tmp_path / "out")
    wait_for_a_shard(tmp_path / "out", process)
    process.kill()
    process.wait()
    journal = (tmp_path / "out" / WORK / JOURNAL).read_text().splitlines()
    finished = [f"part-{x['group']:06}-{x['number']:06}.jsonl" for x in map(json.loads, journal)]
    before = {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in finished}
    assert 0 < len(before) < SHARDS
    release(tmp_path / "out")
    again = go(nodes, world, tmp_path / "out")
    told, _ = again.communicate()
    assert again.returncode == 0, told
    assert contents(tmp_path / "out") == world[2]
    assert before == {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in finished}


def test_a_python_whose_path_has_a_space_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/a folder/bin/python")
    with pytest.raises(DataError, match="from a path with a space"):
        connect(Cluster())
