"""For tests of faults: run a project, kill and repeat the run, and check that all is whole."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from hashlib import md5
from pathlib import Path
from typing import Any, NamedTuple

import srsly

from tests.projects import sh

FOLDERS = ("corpus", "metrics", "packages", "training")
DVC, RUN = ("dvc", "repro"), ("scripts.run",)
TALLY: Counter[str] = Counter()
"""How often each fault was tried, and how often each outcome came of it."""


class Project(NamedTuple):
    """The folder of a finished, undisturbed run, and how many seconds each of its stages took."""

    folder: Path
    seconds: dict[str, float]


def begin(folder: Path, *module: str) -> subprocess.Popen[str]:
    """Start a module in a project, in a process group of its own, and return its process.

    Temporary files and DVC's own are written inside the project too, so that all is on one disk.

    folder: the project.
    module: the module's name and its arguments.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    places = {"DVC_SITE_CACHE_DIR": folder / ".dvc/tmp/site", "TMPDIR": folder / ".dvc/tmp/scratch"}
    return subprocess.Popen(
        [sys.executable, "-m", *module],
        cwd=folder,
        env=os.environ | {"PATH": path} | {key: str(place) for key, place in places.items()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf8",
        start_new_session=True,
    )


def run(folder: Path, *module: str) -> tuple[int, str]:
    """Run a module to its end (see `begin`); return its exit status and what it printed."""
    process = begin(folder, *module)
    output = process.communicate()[0]
    return process.returncode, output


def thin(path: Path, target: Path, step: int) -> None:
    """Write every `step`th line of a file to `target`."""
    lines = path.read_text(encoding="utf8").splitlines(keepends=True)
    target.write_text("".join(lines[::step]), encoding="utf8")


def read_lock(folder: Path) -> dict[str, Any]:
    """Read the stages of dvc.lock without sizes and numbers of files, which DVC ignores, too."""
    text = (folder / "dvc.lock").read_text(encoding="utf8")
    return srsly.yaml_loads(re.sub(r"\n *(size|nfiles):.*", "", text))["stages"]


def hash_file(path: Path) -> str:
    """Return the MD5 of a file."""
    return md5(path.read_bytes()).hexdigest()


def contents(folder: Path) -> dict[str, str]:
    """Return the MD5 of every file in the outputs of all stages, by its path in the project."""
    outs = [folder / out["path"] for stage in read_lock(folder).values() for out in stage["outs"]]
    files = [path for out in outs for path in ([out] if out.is_file() else out.rglob("*"))]
    return {str(path.relative_to(folder)): hash_file(path) for path in files if path.is_file()}


def objects(folder: Path) -> dict[Path, str]:
    """Return the paths of the objects in DVC's cache, each with the MD5 that its name gives."""
    paths = (folder / ".dvc/cache/files/md5").glob("??/*")
    return {path: (path.parent.name + path.name).removesuffix(".dir") for path in paths}


def check_whole(folder: Path, project: Project) -> None:
    """Assert that a project is as whole as the undisturbed one.

    dvc.lock and all outputs are equal, DVC's cache is undamaged, no temporary folder is left, and
    neither git nor `scripts.mend` finds anything to do.

    folder: the project to check.
    project: the undisturbed run.
    """
    assert read_lock(folder) == read_lock(project.folder)
    assert contents(folder) == contents(project.folder)
    assert "up to date" in run(folder, "dvc", "status")[1]
    assert [path for path, name in objects(folder).items() if hash_file(path) != name] == []
    assert [path for name in FOLDERS for path in (folder / name).glob(".*-*")] == []
    changed = sh(folder, "git", "status", "--porcelain").stdout.splitlines()
    changed = [line for line in changed if not line.endswith("dvc.lock")]
    assert changed == [], changed
    assert "is whole" in run(folder, "scripts.mend", "--yes")[1]


def mend(folder: Path) -> None:
    """Run `scripts.mend`, as a failed run advises, and then the command that it advises."""
    status, output = run(folder, "scripts.mend", "--yes")
    advice = re.search(r"python -m (dvc repro.*)", output)
    assert status == 0 and (advice or "in DVC's cache: now it is" in output), output
    if advice:
        status, output = run(folder, *advice[1].split())
        assert status == 0, output


def go_on(folder: Path, project: Project, kind: str, *door: str) -> None:
    """Run a project again after a fault, do what it advises if it fails, and check the result.

    folder: the project with the fault.
    project: the undisturbed run.
    kind: the fault's name in TALLY.
    door: the module to run and its arguments; `dvc repro` unless given.
    """
    status, output = run(folder, *(door or DVC))
    # DVC alone does not check that its cache is complete; `scripts.run` does.
    if not status and door != RUN:
        status, output = run(folder, "scripts.run")
    if status:
        assert re.search(r"dvc\.lock|rwlock|scripts\.mend", output), output
        mend(folder)
    check_whole(folder, project)
    TALLY[f"{kind}: {'said what to do' if status else 'repaired'}"] += 1


def reach(folder: Path, stage: str, *door: str) -> subprocess.Popen[str]:
    """Start a run and return its process as soon as it begins a stage.

    If the run refuses to start because of an earlier fault, mend the project and start again.

    stage: the stage's name.
    door: the module to run and its arguments.
    """
    while True:
        process, output = begin(folder, *door), ""
        for line in process.stdout or ():
            output += line
            if line.startswith(f"Running stage '{stage}'"):
                return process
        assert process.wait() and re.search(r"dvc\.lock|rwlock", output), output
        TALLY["kill: said what to do"] += 1
        assert run(folder, "scripts.mend", "--yes")[0] == 0


def kill(process: subprocess.Popen[str], *, alone: bool = False) -> None:
    """Kill a run with SIGKILL, and all processes that it started unless `alone` is set."""
    (os.kill if alone else os.killpg)(process.pid, signal.SIGKILL)
    if process.stdout:
        process.stdout.close()
    process.wait()


def forget(folder: Path, stage: str) -> None:
    """Remove all outputs of a stage and DVC's records of them, so that it must run again."""
    lock = srsly.read_yaml(folder / "dvc.lock")
    before = set(objects(folder))
    keep = [out for name, entry in lock["stages"].items() if name != stage for out in entry["outs"]]
    for out in lock["stages"].pop(stage)["outs"]:
        path = folder / out["path"]
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    srsly.write_yaml(folder / "dvc.lock", lock)
    shutil.rmtree(folder / ".dvc/cache/runs")
    names = {out["md5"] for out in keep}
    listed = [
        path for path in before if path.suffix == ".dir" and path.parent.name + path.name in names
    ]
    names |= {entry["md5"] for path in listed for entry in srsly.read_json(path)}
    for path in before:
        if path.parent.name + path.name not in names:
            path.unlink()
