"""Make small, committed copies of this project, for tests that run it as a user would."""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import srsly
from weasel.util.config import load_project_config

from tests.conftest import ROOT, world_values

SMALL = ROOT / "tests/small"
"""The labelled texts of the copies: a part of the demo's, so that these may be taken out."""
GENERAL = "assets/general.jsonl"
VALUES: dict[str, dict[str, Any]] = {
    "base": {"model": "assets/en_base_sm-1.0.0-py3-none-any.whl"},
    "data": {"source": "assets/small"},
    "rehearsal": {"text": GENERAL},
    "training": {"max_epochs": 2, "learn_rate": 0.001},
    # So short a training may forget much, and must pass all the same; the gate has its own test.
    "evaluate": {"general": GENERAL, "min_retention": 0.0},
    "package": {"name": "small_ner"},
}
"""What params.yaml of a copy says otherwise than that of a small world."""


def sh(
    folder: Path, *command: str, check: bool = True, answers: str | None = None, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in a project as a user in the activated environment would.

    check: whether the test fails when the command does.
    answers: what is typed in; unless given, the command has this process's standard input.
    env: environment variables besides those of this process.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PATH": path} | env,
        input=answers,
        capture_output=True,
        text=True,
        encoding="utf8",
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def copy_project(folder: Path) -> Path:
    """Copy the repository's files into `folder`, with data and values of its own, and commit them.

    It makes no difference what the params.yaml of the repository says.

    Returns `folder`.
    """
    files = sh(ROOT, "git", "ls-files", "--cached", "--others", "--exclude-standard").stdout
    for name in files.splitlines():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    (folder / "dvc.lock").unlink(missing_ok=True)
    # A user's own data may have this name.
    shutil.rmtree(folder / "assets/small", ignore_errors=True)
    shutil.copytree(SMALL, folder / "assets/small")
    params = world_values(folder)
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


def check_commands(folder: Path) -> None:
    """Assert that weasel accepts a folder's project.yml, and that its commands can be run."""
    # weasel checks the schema, and that workflows name commands that exist; it exits if not.
    for command in load_project_config(folder)["commands"]:
        for line in command["script"]:
            (module,) = re.findall(r"python -m ([\w.]+)", line)
            name = module.replace(".", "/")
            assert (ROOT / f"{name}.py").is_file() or find_spec(module), line
            assert not re.search(r"[|*$]|&&", line), "weasel runs commands without a shell"
