"""Find the commits that made a model, and what each of them made it from."""

from typing import Any, NamedTuple

from scripts.provenance.describe import hide_folders
from scripts.provenance.differences import differences, flatten
from scripts.provenance.packaged import Model
from scripts.provenance.revisions import LOCK, VERDICT, git
from scripts.settings.yaml_file import parse_yaml


class Commit(NamedTuple):
    """A commit whose dvc.lock names a model."""

    name: str
    inputs: dict[str, Any]
    """What the commit packaged the model from: the MD5 of every path, and the values of
    params.yaml. Empty if the commit did not package the model."""


def find_commits(md5: str) -> list[Commit]:
    """List the commits whose dvc.lock names a model, newest first.

    All branches and experiments are searched. Only commits that changed dvc.lock are listed: the
    others have the same models as the commit before.

    md5: the MD5 by which dvc.lock names the model.
    """
    commits = git("log", "--all", "--format=%H", "--", LOCK).split()
    if not commits:
        return []
    # `git grep` ends with 1 when it finds nothing.
    search = ("grep", "-l", "--fixed-strings", md5, *commits, "--", LOCK)
    found = git(*search, allowed=(0, 1)).split()
    return [read_commit(name.removesuffix(f":{LOCK}"), md5) for name in found]


def read_commit(name: str, md5: str) -> Commit:
    """Read what a commit that made a model packaged it from.

    name: the commit's hash.
    md5: the MD5 by which dvc.lock names the model.
    """
    lock = parse_yaml(git("show", f"{name}:{LOCK}"), f"{name}:{LOCK}")
    stage = lock["stages"].get("package", {})
    deps = {dep["path"]: dep["md5"] for dep in stage.get("deps", [])}
    # An experiment runs the stage, too, but leaves the folder of packages empty.
    empty = any(out.get("nfiles") == 0 for out in stage.get("outs", []))
    if md5 not in deps.values() or empty:
        return Commit(name, {})
    # The verdict says whether a package may be made, and is no part of it.
    data = {x: deps[x] for x in deps if x != VERDICT and not x.startswith("scripts/")}
    return Commit(name, hide_folders(data | flatten(stage["params"]["params.yaml"])))


def describe_commit(commit: Commit) -> str:
    """Describe a commit on one line: short hash, date, title, branches and tags."""
    return git("log", "-1", "--format=%h %ad %s%d", "--date=short", commit.name).strip()


def inputs_of(model: Model, commits: list[Commit]) -> dict[str, Any]:
    """Say what a model was made from, by its package or else by the newest commit that made it.

    commits: the commits that made the model, newest first.

    Returns the MD5 of every path and the values of params.yaml; empty if neither source has them.
    """
    if model.lineage is None:
        return commits[0].inputs if commits else {}
    lineage = model.lineage
    return {lineage["model"]["path"]: model.md5} | lineage["inputs"] | flatten(lineage["params"])


def relation(commit: Commit, model: Model, inputs: dict[str, Any]) -> str:
    """Say in a few words how a commit that made the pipeline is related to the package.

    model: what was read from the package or the pipeline's folder.
    inputs: what the model was made from (`inputs_of`).
    """
    if model.lineage is None:
        return "made this pipeline"
    if not commit.inputs:
        return "made this pipeline, and did not package it"
    if changed := [row["input"] for row in differences(inputs, commit.inputs, "input")]:
        return f"packaged it otherwise: {', '.join(changed)}"
    return "made this package"
