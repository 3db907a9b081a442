"""Make small, committed copies of this project, for tests that run it as a user would."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import srsly

ROOT = Path(__file__).parent.parent


VALUES = {
    "data": {"source": "assets/small"},
    "rehearsal": {"ratio": 0.5},
    "training": {"max_epochs": 2, "min_steps": 0, "batch_size": 4},
    # So short a training may forget much, and must pass all the same; the gate has its own test.
    "evaluate": {"min_retention": 0.0},
}


def sh(
    folder: Path, *command: str, check: bool = True, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in a project as a user in the activated environment would.

    check: whether the test fails when the command does.
    env: environment variables besides those of this process.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PATH": path} | env,
        capture_output=True,
        text=True,
        encoding="utf8",
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def copy_project(folder: Path) -> Path:
    """Copy the repository's files into `folder`, with a small corpus, and commit them.

    Returns `folder`.
    """
    files = sh(ROOT, "git", "ls-files", "--cached", "--others", "--exclude-standard").stdout
    for name in files.splitlines():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    (folder / "dvc.lock").unlink(missing_ok=True)
    (folder / "assets/small").mkdir()
    for part, texts in (("train", 100), ("dev", 40), ("test", 60)):
        lines = (ROOT / f"assets/telecom/{part}.jsonl").read_text(encoding="utf8").splitlines()
        text = "\n".join(lines[:texts]) + "\n"
        (folder / f"assets/small/{part}.jsonl").write_text(text, encoding="utf8")
    params = srsly.read_yaml(folder / "params.yaml")
    for section, values in VALUES.items():
        params[section] |= values
    srsly.write_yaml(folder / "params.yaml", params)
    sh(folder, "git", "init", "--quiet")
    sh(folder, "git", "config", "user.name", "Test")
    sh(folder, "git", "config", "user.email", "test@localhost")
    commit(folder)
    return folder


def commit(folder: Path) -> None:
    """Commit everything that git does not ignore."""
    sh(folder, "git", "add", "--all")
    sh(folder, "git", "commit", "--quiet", "--message", "state")


def stages_run(output: str) -> list[str]:
    """Return the names of the stages that a `dvc repro` ran, from what it printed."""
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]
