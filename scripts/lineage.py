"""Where a model comes from: the commits that made it, its inputs, and what differs between two.

    python -m scripts.lineage packages/en_telecom_ner-1.0.0-py3-none-any.whl [OTHER]

Takes a wheel, an sdist, an installed or unpacked package, and a pipeline's folder such as
training/model. Every commit's dvc.lock names what it made by content, so no model has to name its
commit. Leaves with 1 where no commit here made the model, or where its files were changed.
"""

import subprocess
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import srsly
import typer
from wasabi import msg

from scripts.exceptions import RevisionError
from scripts.provenance.describe import hide_folders
from scripts.provenance.differences import differences, flatten
from scripts.provenance.packaged import Model, read_model

LOCK = "dvc.lock"
SHOWN = 10


class Commit(NamedTuple):
    """A commit whose dvc.lock made a model."""

    name: str
    inputs: dict[str, Any]
    """What its package was made of: MD5s of paths, and values of params.yaml; none where it is
    not packaged there."""


def git(*command: str) -> str:
    """What a git command prints; `git grep` leaves with 1 where it finds nothing."""
    done = subprocess.run(["git", *command], capture_output=True, text=True, encoding="utf8")
    if done.returncode > 1:
        raise RevisionError(f"git {command[0]}: {done.stderr.strip()}")
    return done.stdout


def find_commits(md5: str) -> list[Commit]:
    """The commits, of all branches, tags and experiments, whose dvc.lock made a model, last first.

    Those that changed dvc.lock: what leaves it as it is would make the same.
    """
    commits = git("log", "--all", "--format=%H", "--", LOCK).split()
    if not commits:
        return []
    found = git("grep", "-l", "--fixed-strings", md5, *commits, "--", LOCK).split()
    return [read_commit(name.removesuffix(f":{LOCK}"), md5) for name in found]


def read_commit(name: str, md5: str) -> Commit:
    """What a commit packaged that made a model."""
    stage = srsly.yaml_loads(git("show", f"{name}:{LOCK}"))["stages"].get("package", {})
    deps = {dep["path"]: dep["md5"] for dep in stage.get("deps", [])}
    if md5 not in deps.values():
        return Commit(name, {})
    read = {path: deps[path] for path in deps if not path.startswith("scripts/")}
    return Commit(name, hide_folders(read | flatten(stage["params"]["params.yaml"])))


def inputs_of(model: Model, commits: list[Commit]) -> dict[str, Any]:
    """What a model was made of, as it says itself, or as the last commit that made it says."""
    if model.lineage is None:
        return commits[0].inputs if commits else {}
    told = model.lineage
    return {told["model"]["path"]: model.md5} | told["inputs"] | flatten(told["params"])


def report(path: Path) -> tuple[dict[str, Any], bool]:
    """Say which commits made a model; return what it was made of, and whether one did."""
    model = read_model(path)
    commits = find_commits(model.md5)
    inputs = inputs_of(model, commits)
    msg.divider(str(path))
    print(f"The pipeline is {model.md5} in dvc.lock.")
    if not commits:
        msg.fail(
            "No commit in this repository made it.",
            "It may be another repository's, or its dvc.lock was not committed; git fetch --all "
            "brings the commits of others.",
        )
    for commit in commits[:SHOWN]:
        title = git("log", "-1", "--format=%h %ad %s%d", "--date=short", commit.name).strip()
        print(f"{title}\n{told_by(commit, model, inputs)}")
    if len(commits) > SHOWN:
        print(f"and {len(commits) - SHOWN} earlier ones")
    return inputs, bool(commits)


def told_by(commit: Commit, model: Model, inputs: dict[str, Any]) -> str:
    """What a commit that made the pipeline has to do with the package."""
    if model.lineage is None:
        return "    made this pipeline"
    if not commit.inputs:
        return "    made this pipeline, and did not package it"
    if changed := [row["input"] for row in differences(inputs, commit.inputs, "input")]:
        return f"    packaged it otherwise: {', '.join(changed)}"
    return "    made this package"


def main(
    package: Annotated[Path, typer.Argument(help="Wheel, sdist, installed package or folder")],
    other: Annotated[Path | None, typer.Argument(help="What to compare it with")] = None,
) -> None:
    """Find the commits that made a model, and what differs between it and another one."""
    try:
        told = [report(path) for path in (package, other) if path]
    except RevisionError as error:
        msg.fail(str(error), exits=1)
    if other:
        rows = differences(told[0][0], told[1][0], "input")
        msg.divider("What differs")
        lines = [list(map(str, row.values())) for row in rows]
        if lines:
            msg.table(lines, header=("Input", str(package), str(other)), divider=True)
        else:
            print("Nothing: both were made of the same.")
    raise SystemExit(not all(found for _, found in told))


if __name__ == "__main__":
    typer.run(main)
