"""Whatever stops a run or damages what it made: the next one repairs it, or says what to do.

Every fault is drawn from a seed. FAULTS says how many rounds of each kind are tried; with `-s`,
what came of them is counted at the end. docs/faults.md has the figures of a long run.
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from random import Random

import psutil
import pytest
import spacy
import srsly

from tests.faults import (
    DVC,
    RUN,
    TALLY,
    Project,
    begin,
    forget,
    go_on,
    kill,
    objects,
    reach,
    read_lock,
    run,
    thin,
)
from tests.projects import ROOT, commit, copy_project, sh

pytestmark = pytest.mark.slow

ROUNDS = pytest.mark.parametrize("seed", range(int(os.environ.get("FAULTS", "1"))))
STAGES = [*srsly.read_yaml(ROOT / "dvc.yaml")["stages"]]
WRITES = {
    "fetch": "training",
    "preprocess": "corpus",
    "configure": "training",
    "train": ".dvc/cache/files",
    "assemble": "training",
    "evaluate": "metrics",
    "judge": "metrics",
    "report": "metrics",
    "package": "packages",
}
"""A folder that each stage writes to."""
FULL = "No space left|disk is full|disk I/O error"
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture(scope="module")
def project(bases: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project with a small base and little text that has run undisturbed."""
    folder = copy_project(tmp_path_factory.mktemp("faults") / "project")
    small, params = folder / "assets/small", srsly.read_yaml(folder / "params.yaml")
    shutil.copytree(bases["own"], folder / "assets/base")
    (folder / "assets/general").mkdir()
    thin(folder / "assets/general.jsonl", folder / "assets/general/all.jsonl", 12)
    for part in ("train", "test"):
        thin(small / f"{part}.jsonl", small / f"{part}.jsonl", 2)
    params["base"]["model"] = "assets/base"
    params["training"]["max_epochs"] = 1
    params["rehearsal"]["text"] = params["evaluate"]["general"] = "assets/general"
    srsly.write_yaml(folder / "params.yaml", params)
    (folder / ".dvc/tmp/scratch").mkdir(parents=True)
    commit(folder)
    process, times = begin(folder, *DVC), []
    for line in process.stdout or ():
        if found := re.match(r"Running stage '(\w+)'", line):
            times.append((found[1], time.monotonic()))
    assert process.wait() == 0
    times.append(("", time.monotonic()))
    commit(folder)
    assert run(folder, "scripts.summary")[0] == 0
    yield Project(
        folder, {stage: after - before for (stage, before), (_, after) in pairwise(times)}
    )
    print(*(f"\n{what}: {number}" for what, number in sorted(TALLY.items())))


@pytest.fixture
def copy(project: Project, tmp_path: Path) -> Path:
    """A copy of the finished project."""
    return shutil.copytree(project.folder, tmp_path / "copy", symlinks=True)


@ROUNDS
def test_killed_in_every_stage(project: Project, tmp_path: Path, seed: int) -> None:
    random, folder = Random(f"kill {seed}"), tmp_path / "clone"
    sh(tmp_path, "git", "clone", "--quiet", str(project.folder), str(folder))
    (folder / "dvc.lock").unlink()
    (folder / ".dvc/tmp/scratch").mkdir(parents=True)
    for stage in STAGES:
        process = reach(folder, stage, *random.choice((DVC, RUN)))
        if random.random() < 0.5:
            time.sleep(random.random() * project.seconds[stage])
        else:  # while DVC takes the outputs into its cache and writes its own files
            parent = psutil.Process(process.pid)
            while not parent.children():
                time.sleep(0.001)
            while parent.children():
                time.sleep(0.001)
            time.sleep(random.random() * 0.3)
        kill(process)
        TALLY["killed: tried"] += 1
    go_on(folder, project, "killed, last run")


@ROUNDS
def test_killed_while_it_compares_with_the_last_commit(copy: Path, seed: int) -> None:
    random = Random(f"summary {seed}")
    kept = copy / ".dvc/tmp/comparison.json"
    before = kept.read_bytes()
    kept.unlink()
    process = begin(copy, "scripts.summary")
    time.sleep(random.random() * 2)
    kill(process)
    status, output = run(copy, "scripts.summary")
    assert status == 0, output
    assert kept.read_bytes() == before
    TALLY["killed at the comparison: repaired"] += 1


@ROUNDS
def test_the_disk_is_full(project: Project, tmp_path: Path, seed: int) -> None:
    random, folder = Random(f"disk {seed}"), tmp_path / "disk"
    with disk(folder):
        copy = shutil.copytree(project.folder, folder / "copy", symlinks=True)
        forget(copy, random.choice(STAGES))
        used = shutil.disk_usage(folder).used + random.randrange(1 << random.randint(12, 22))
        resize(folder, used)
        status, output = run(copy, *random.choice((DVC, RUN)))
        assert status == 0 or re.search(FULL, output), output
        TALLY[f"full disk: {'it was enough' if status == 0 else 'it said so'}"] += 1
        resize(folder, 1 << 30)
        go_on(copy, project, "full disk, next run")


@contextmanager
def disk(folder: Path) -> Iterator[None]:
    """A disk of its own at a folder."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", str(folder)]
    if not IS_ROOT or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("Only root can mount a disk that is small enough to be full")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def resize(folder: Path, size: int) -> None:
    """Give a mounted disk another size."""
    command = ["mount", "-o", f"remount,size={size}", str(folder)]
    subprocess.run(command, check=True)


@ROUNDS
def test_a_folder_cannot_be_written(project: Project, copy: Path, seed: int) -> None:
    random = Random(f"read-only {seed}")
    stage, folder = random.choice([*WRITES.items(), (random.choice(STAGES), "")])
    forget(copy, stage)
    (copy / folder).mkdir(exist_ok=True)
    with read_only(copy / folder):
        status, output = run(copy, *random.choice((DVC, RUN)))
        # DVC says what it could not put into its cache, and leaves with 0.
        assert status or "ERROR: failed to transfer" in output
        assert re.search("Read-only|[Pp]ermission denied|not permitted", output), output
    go_on(copy, project, "read-only folder")


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing can be written below a folder; modes do not stop root, so that it needs a mount."""
    if not IS_ROOT:
        modes = {path: path.stat().st_mode for path in (folder, *folder.rglob("*"))}
        modes = {path: mode for path, mode in modes.items() if path.is_dir()}
        for path in modes:
            path.chmod(0o555)
        yield
        for path, mode in modes.items():
            path.chmod(mode)
        return
    bind = ["mount", "--bind", str(folder), str(folder)]
    if subprocess.run(bind, capture_output=True).returncode:
        pytest.skip("Root without the right to mount: nothing can be made read-only")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@ROUNDS
def test_two_runs_at_once(project: Project, copy: Path, seed: int) -> None:
    random = Random(f"two {seed}")
    stage = random.choice(STAGES)
    forget(copy, stage)
    first = begin(copy, *random.choice((DVC, RUN)))
    time.sleep(random.random() * (2 + project.seconds[stage]))
    second = begin(copy, *random.choice((DVC, RUN)))
    outputs = {process: process.communicate()[0] for process in (second, first)}
    stopped = [text for process, text in outputs.items() if process.returncode]
    assert len(stopped) < 2, stopped
    assert all(re.search("is busy|acquire lock|another DVC process", text) for text in stopped)
    TALLY[f"two runs: {'one refused' if stopped else 'both ended well'}"] += 1
    go_on(copy, project, "two runs, next run")


@ROUNDS
def test_a_file_of_dvcs_is_damaged(project: Project, copy: Path, seed: int) -> None:
    random = Random(f"dvc {seed}")
    kinds = {
        "object": [path for path in sorted(objects(copy)) if path.stat().st_size],
        "run cache": sorted((copy / ".dvc/cache/runs").glob("*/*/*")),
        "dvc.lock": [copy / "dvc.lock"],
        "rwlock": [copy / ".dvc/tmp/rwlock"],
    }
    kind = random.choice(["object", *kinds])
    damage(random.choice(kinds[kind]), random, cut=kind != "object" or random.random() < 0.5)
    # What is not there comes out of the cache.
    outs = [out["path"] for stage in read_lock(project.folder).values() for out in stage["outs"]]
    for out in outs:
        (shutil.rmtree if (copy / out).is_dir() else os.unlink)(copy / out)
    go_on(copy, project, f"damaged {kind}", *RUN)


def damage(path: Path, random: Random, *, cut: bool) -> None:
    """Cut a file or turn a bit of it; what protects it stays."""
    mode, content = path.stat().st_mode, bytearray(path.read_bytes())
    place = random.randrange(len(content))
    if cut:
        del content[place:]
    else:
        content[place] ^= 1 << random.randrange(8)
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(mode)


@ROUNDS
def test_outputs_are_cut(project: Project, copy: Path, seed: int) -> None:
    random = Random(f"cut {seed}")
    stages = [entry for name, entry in read_lock(copy).items()]
    outs = [copy / out["path"] for entry in stages for out in entry["outs"]]
    for out in random.sample(outs, 3):
        files = [out] if out.is_file() else sorted(x for x in out.rglob("*") if x.is_file())
        damage(random.choice([path for path in files if path.stat().st_size]), random, cut=True)
    go_on(copy, project, "cut outputs", *random.choice((DVC, RUN)))


@ROUNDS
def test_nothing_is_made_of_a_cut_model(project: Project, copy: Path, seed: int) -> None:
    random, model = Random(f"model {seed}"), copy / "training/model"
    files = sorted(path for path in model.rglob("*") if path.is_file())
    for path in files:
        whole = path.read_bytes()
        damage(path, random, cut=True)
        with pytest.raises(Exception):  # noqa: B017
            spacy.load(model)
        path.write_bytes(whole)
    damage(random.choice(files), random, cut=True)
    shutil.rmtree(copy / "packages")
    (copy / "metrics/scores.json").unlink()
    assert run(copy, "scripts.evaluate", "training/base", "training/model", "corpus", "metrics")[0]
    assert not (copy / "metrics/scores.json").exists()
    shutil.copyfile(project.folder / "metrics/scores.json", copy / "metrics/scores.json")
    judged = ("metrics/scores.json", "training/verdict.json")
    assert run(copy, "scripts.package", "training", "corpus", *judged, "packages")[0]
    assert not (copy / "packages").exists()
    TALLY["cut model: refused"] += len(files) + 2
