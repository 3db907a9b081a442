"""What the tests of faults share: runs that can be killed, and what says that all is whole."""

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
"""What was tried, and what came of it."""


class Project(NamedTuple):
    """A finished run that nothing disturbed, and how many seconds each of its stages took."""

    folder: Path
    seconds: dict[str, float]


def begin(folder: Path, *module: str) -> subprocess.Popen[str]:
    """Start a module in a project, in a process group of its own; all is written to one disk."""
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
    """Run a module to its end; return its status and what it printed."""
    process = begin(folder, *module)
    output = process.communicate()[0]
    return process.returncode, output


def thin(path: Path, target: Path, step: int) -> None:
    """Every `step`th line of a file."""
    lines = path.read_text(encoding="utf8").splitlines(keepends=True)
    target.write_text("".join(lines[::step]), encoding="utf8")


def read_lock(folder: Path) -> dict[str, Any]:
    """The stages of dvc.lock, without the sizes and counts: DVC leaves them out of account, too."""
    text = (folder / "dvc.lock").read_text(encoding="utf8")
    return srsly.yaml_loads(re.sub(r"\n *(size|nfiles):.*", "", text))["stages"]


def hash_file(path: Path) -> str:
    return md5(path.read_bytes()).hexdigest()


def contents(folder: Path) -> dict[str, str]:
    """What lies in all outputs, byte by byte."""
    outs = [folder / out["path"] for stage in read_lock(folder).values() for out in stage["outs"]]
    files = [path for out in outs for path in ([out] if out.is_file() else out.rglob("*"))]
    return {str(path.relative_to(folder)): hash_file(path) for path in files if path.is_file()}


def objects(folder: Path) -> dict[Path, str]:
    """The objects in DVC's cache, with the MD5 that their names say."""
    paths = (folder / ".dvc/cache/files/md5").glob("??/*")
    return {path: (path.parent.name + path.name).removesuffix(".dir") for path in paths}


def check_whole(folder: Path, project: Project) -> None:
    """Nothing differs from the undisturbed run, in DVC's eyes or byte by byte; nothing is left."""
    assert read_lock(folder) == read_lock(project.folder)
    assert contents(folder) == contents(project.folder)
    assert "up to date" in run(folder, "dvc", "status")[1]
    assert [path for path, name in objects(folder).items() if hash_file(path) != name] == []
    assert [path for name in FOLDERS for path in (folder / name).glob(".*-*")] == []
    changed = sh(folder, "git", "status", "--porcelain").stdout.splitlines()
    changed = [line for line in changed if not line.endswith("dvc.lock")]
    assert changed == [], changed
    assert "is whole" in run(folder, "scripts.mend")[1]


def mend(folder: Path) -> None:
    """Do what a run says that is to be done, and then what that says."""
    status, output = run(folder, "scripts.mend")
    advice = re.search(r"python -m (dvc repro.*)", output)
    assert status == 0 and (advice or "in DVC's cache: now it is" in output), output
    if advice:
        status, output = run(folder, *advice[1].split())
        assert status == 0, output


def go_on(folder: Path, project: Project, kind: str, *door: str) -> None:
    """Run again, and do what it says if it says anything; then all is whole."""
    status, output = run(folder, *(door or DVC))
    # DVC alone does not look whether its cache has all; `scripts.run` does.
    if not status and door != RUN:
        status, output = run(folder, "scripts.run")
    if status:
        assert re.search(r"dvc\.lock|rwlock|scripts\.mend", output), output
        mend(folder)
    check_whole(folder, project)
    TALLY[f"{kind}: {'said what to do' if status else 'repaired'}"] += 1


def reach(folder: Path, stage: str, *door: str) -> subprocess.Popen[str]:
    """Start a run, and go on as it says where it does, until it comes to a stage."""
    while True:
        process, output = begin(folder, *door), ""
        for line in process.stdout or ():
            output += line
            if line.startswith(f"Running stage '{stage}'"):
                return process
        assert process.wait() and re.search(r"dvc\.lock|rwlock", output), output
        TALLY["kill: said what to do"] += 1
        assert run(folder, "scripts.mend")[0] == 0


def kill(process: subprocess.Popen[str], *, alone: bool = False) -> None:
    """SIGKILL for a run, and all that it started unless it is alone."""
    (os.kill if alone else os.killpg)(process.pid, signal.SIGKILL)
    if process.stdout:
        process.stdout.close()
    process.wait()


def forget(folder: Path, stage: str) -> None:
    """Take away all that a stage made, and what DVC knows of it, so that it has to run."""
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
