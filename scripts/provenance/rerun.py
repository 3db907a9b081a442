"""Run a commit again in a clone, and compare its outputs with those that the commit recorded."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from scripts.exceptions import RevisionError
from scripts.provenance.differences import differences, flatten
from scripts.provenance.revisions import git

ENVIRONMENT = "training/environment.json"


class Output(NamedTuple):
    """A file or folder that a stage writes, with its MD5 in the commit and in the new run.

    An MD5 is None where there is no such output.
    """

    stage: str
    path: str
    before: str | None
    after: str | None


def run(folder: Path, *command: str, **env: str) -> None:
    """Run a command in a folder, outside this virtual environment, and show what it prints.

    env: environment variables that the command gets besides those of this process.

    Raises RevisionError if the command fails.
    """
    clean = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    if subprocess.run(command, cwd=folder, env=clean | env).returncode:
        raise RevisionError(f"{' '.join(command)} failed; the reason is printed above.")


def clone(commit: str, folder: Path) -> None:
    """Clone this repository at a commit; the data that DVC tracks comes from this project's cache.

    folder: an empty folder, which becomes the clone.

    Raises RevisionError if git or DVC fails.
    """
    run(Path.cwd(), "git", "clone", "--quiet", "--no-checkout", str(Path.cwd()), str(folder))
    run(folder, "git", "checkout", "--quiet", "--detach", commit)
    tracked = git("ls-files", "*.dvc", folder=folder).split("\n")[:-1]
    if tracked:
        dvc = (sys.executable, "-m", "dvc")
        run(folder, *dvc, "cache", "dir", "--local", str(Path(".dvc/cache").resolve()))
        run(folder, *dvc, "checkout", "--quiet", *tracked)


def repeat(folder: Path, here: bool) -> None:
    """Run every stage of a clone.

    here: whether to use the environment of this process. Otherwise `make setup` makes a new one
        with the versions that requirements.txt locks.

    Raises RevisionError if a command fails.
    """
    python = sys.executable
    if not here:
        run(folder, "make", "setup")
        python = str(folder / ".venv/bin/python")
    path = os.pathsep.join([str(Path(python).parent), os.environ["PATH"]])
    run(folder, python, "-m", "dvc", "repro", "--force", "--no-run-cache", PATH=path)


def list_outputs(before: dict, after: dict) -> list[Output]:
    """List every output of the stages, in their order.

    before, after: the contents of the commit's dvc.lock and of the new run's. What is an empty
        folder in the commit is left out: an experiment builds no package, but a run does.
    """
    old, new = (
        {
            (name, out["path"]): out
            for name, stage in lock["stages"].items()
            for out in stage["outs"]
        }
        for lock in (before, after)
    )
    absent: dict = {"md5": None}
    return [
        Output(*key, old.get(key, absent)["md5"], new.get(key, absent)["md5"])
        for key in {**old, **new}
        if old.get(key, absent).get("nfiles") != 0
    ]


def changed_files(output: Output, caches: list[Path]) -> list[str]:
    """List the files that differ between the two versions of a folder.

    caches: DVC's caches, folders like .dvc/cache, in which both versions are looked up.

    Returns the names of the files; none if the output is no folder or a version is in no cache.
    """
    listed = []
    for md5 in (output.before, output.after):
        name = Path("files/md5") / (md5 or "")[:2] / (md5 or "")[2:]
        known = [cache / name for cache in caches if (cache / name).is_file()]
        if not known or not (md5 or "").endswith(".dir"):
            return []
        listed.append({x["relpath"]: x["md5"] for x in json.loads(known[0].read_text("utf8"))})
    before, after = listed
    return [row["file"] for row in differences(before, after, "file")]


def explain(before: str | None, after: str) -> list[str]:
    """Say what differs between the environments of two runs, one line for each difference.

    before, after: the text of training/environment.json; None if the commit has none.
    """
    if before is None:
        return [f"The commit has no {ENVIRONMENT}: what it ran on is not known."]
    old, new = (flatten(json.loads(text)) for text in (before, after))
    rows = differences(old, new, "key")
    lines = [f"{row['key']}: {row['before']} → {row['after']}" for row in rows]
    return lines or [
        "The environments are the same in all that is recorded: this difference should not be."
    ]
