"""What git revisions hold."""

import json
import subprocess
from pathlib import Path
from typing import Any

import dvc.api
import srsly
from dvc.exceptions import DvcException
from dvc.scm import SCMError
from scmrepo.exceptions import SCMError as GitError
from scmrepo.git import Git

from scripts.exceptions import RevisionError
from scripts.provenance.differences import flatten
from scripts.scoring.rows import Row

WORKSPACE = "workspace"
PREDICTIONS = "metrics/predictions.jsonl"
MEASURED = {"new": "test", "kept": "general"}


def resolve(name: str) -> str | None:
    """The commit of a revision or experiment; None for the workspace."""
    if name == WORKSPACE:
        return None
    try:
        git = Git(".")
        experiments = [ref for ref in git.iter_refs(base="refs/exps") if ref.endswith(f"/{name}")]
        return git.resolve_rev(experiments[0] if experiments else name)
    except GitError:
        raise RevisionError(f"{name} is no commit, branch, tag or experiment here.") from None


def read(path: str, name: str) -> str:
    """The text of a file at a revision, out of git or DVC's cache."""
    commit = resolve(name)
    try:
        if commit is None:
            return Path(path).read_text(encoding="utf8")
        return dvc.api.read(path, rev=commit, encoding="utf8")
    except (OSError, DvcException, SCMError) as error:
        advice = (
            "make run" if commit is None else "dvc fetch --all-commits, or run that commit again"
        )
        raise RevisionError(f"{name} has no {path}: {advice} ({error}).") from None


def read_rows(name: str) -> list[Row]:
    """The predictions of a revision."""
    return [json.loads(line) for line in read(PREDICTIONS, name).splitlines()]


def labels_of(name: str) -> dict[str, set[str]]:
    """The labels that a revision measured, new and kept."""
    tuned = json.loads(read("metrics/scores.json", name))["tuned"]
    return {measured: set(tuned[measured]["per_label"]) for measured in MEASURED}


def read_data(name: str) -> dict[str, str]:
    """The hashes of what the stages read that no stage made, scripts apart."""
    stages = srsly.yaml_loads(read("dvc.lock", name))["stages"]
    made = {out["path"] for stage in stages.values() for out in stage.get("outs", [])}
    deps = {dep["path"]: dep["md5"] for stage in stages.values() for dep in stage.get("deps", [])}
    return {
        path: md5
        for path, md5 in deps.items()
        if path not in made and not path.startswith("scripts/")
    }


METRICS = ("training/live/metrics.json", "metrics/scores.json")


def facts(revision: str) -> dict[str, Any]:
    """Parameters and figures of a finished experiment, or a commit, out of git: keys with dots."""
    found: dict[str, Any] = {}
    for path in ("params.yaml", *METRICS):
        command = ["git", "show", f"{revision}:{path}"]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf8")
        # JSON is YAML; its own reader is much faster.
        load = srsly.yaml_loads if path.endswith(".yaml") else json.loads
        found |= {} if done.returncode else flatten(load(done.stdout))
    return found
