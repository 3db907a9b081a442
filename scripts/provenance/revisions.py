"""What git revisions hold: the one reader of commits, experiments and the workspace."""

import json
import subprocess
from functools import cached_property
from pathlib import Path
from typing import Any

from dvc.api import DVCFileSystem
from dvc.exceptions import DvcException
from dvc.scm import SCMError
from scmrepo.exceptions import SCMError as GitError
from scmrepo.git import Git

from scripts.exceptions import RevisionError
from scripts.provenance.differences import flatten
from scripts.scoring.rows import Row
from scripts.settings.yaml_file import parse_yaml
from scripts.words import did_you_mean

WORKSPACE = "workspace"
LOCK = "dvc.lock"
PREDICTIONS = "metrics/predictions.jsonl"
SCORES = "metrics/scores.json"
SUMMARY = "metrics/summary.json"
VERDICT = "training/verdict.json"
# The last has the last word: the summary's figures are rounded.
METRICS = (SUMMARY, "training/live/metrics.json", SCORES)
MEASURED = {"new": "test", "kept": "general", "agreement": "general"}
"""What is measured, and the part of the corpus that it is measured on."""


def git(*command: str, folder: Path | None = None, allowed: tuple[int, ...] = (0,)) -> str:
    """Run git and return what it prints.

    folder: where it runs; the current folder unless given.
    allowed: the exit statuses that are no error (`git grep` ends with 1 when it finds nothing).

    Raises RevisionError, with what git says, for every other status.
    """
    done = subprocess.run(
        ["git", *command], cwd=folder, capture_output=True, text=True, encoding="utf8"
    )
    if done.returncode not in allowed:
        raise RevisionError(f"git {command[0]}: {done.stderr.strip()}")
    return done.stdout


def read_committed(commit: str, path: str) -> str | None:
    """The text of a file that git itself keeps, or None if the commit has no such file."""
    try:
        return git("show", f"{commit}:{path}")
    except RevisionError:
        return None


def resolve(name: str) -> str | None:
    """The full hash of a commit, branch, tag or experiment; None for the workspace.

    Raises RevisionError if there is no revision of this name.
    """
    if name == WORKSPACE:
        return None
    try:
        repository = Git(".")
        references = repository.iter_refs(base="refs/exps")
        experiments = [reference for reference in references if reference.endswith(f"/{name}")]
        return repository.resolve_rev(experiments[0] if experiments else name)
    except GitError:
        names = git("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads", "refs/tags")
        known = [*names.split(), *(x.rpartition("/")[2] for x in repository.iter_refs("refs/exps"))]
        raise RevisionError(
            f"There is no tag, branch, experiment or commit named {name} here"
            f"{did_you_mean(name, known)}. git tag, git branch and dvc exp list --all-commits show "
            "what there is; git fetch --tags brings the tags of others."
        ) from None


class Revision:
    """A commit, an experiment or the workspace; its files come out of git or DVC's cache."""

    def __init__(self, name: str) -> None:
        """Find the revision; raises RevisionError if there is none of this name."""
        self.name = name
        self.commit = resolve(name)

    @cached_property
    def files(self) -> DVCFileSystem:
        """The files of the commit. Opening them takes DVC a while, so it is done once."""
        return DVCFileSystem(rev=self.commit)

    def read(self, path: str) -> str:
        """The text of a file; raises RevisionError, with advice, if it cannot be read."""
        try:
            if self.commit is None:
                return Path(path).read_text(encoding="utf8")
            return self.files.read_text(path, encoding="utf8")
        except (OSError, DvcException, SCMError) as error:
            advice = "dvc fetch --all-commits, or run that commit again"
            if self.commit is None:
                advice = "make run"
            raise RevisionError(f"{self.name} has no {path}: {advice} ({error}).") from None

    def read_yaml(self, path: str) -> Any:
        """The values of a YAML file."""
        return parse_yaml(self.read(path), f"{self.name}:{path}")

    def predictions(self) -> list[Row]:
        """What both models found in every text that was evaluated."""
        return [json.loads(line) for line in self.read(PREDICTIONS).splitlines()]

    @cached_property
    def scores(self) -> dict[str, Any]:
        """The content of scores.json."""
        return json.loads(self.read(SCORES))

    def labels(self) -> dict[str, set[str]]:
        """The labels that were measured: new, kept by gold, and in agreement with the base."""
        tuned, agreed = self.scores["tuned"], self.scores.get("agreement")
        found = {name: set(tuned[name]["per_label"]) for name in ("new", "kept")}
        # In older commits agreement is a number, over the labels kept.
        found["agreement"] = set(agreed["per_label"]) if isinstance(agreed, dict) else found["kept"]
        return found

    def retention(self) -> str:
        """Retention in words, with what it is the figure of, as "0.986 by gold"."""
        share = self.scores.get("retention")
        if share is None:
            return "unknown"
        # Older commits do not say it.
        by = self.scores.get("retention_by")
        return f"{share:.3f} by {by}" if by else f"{share:.3f}"

    def params(self) -> dict[str, Any]:
        """The values of params.yaml; the keys have dots."""
        return flatten(self.read_yaml("params.yaml"))

    def data(self) -> dict[str, str]:
        """The MD5 of every path that a stage reads and no stage writes, except the scripts."""
        stages = self.read_yaml(LOCK)["stages"].values()
        made = {out["path"] for stage in stages for out in stage.get("outs", [])}
        return {
            dep["path"]: dep["md5"]
            for stage in stages
            for dep in stage.get("deps", [])
            if dep["path"] not in made and not dep["path"].startswith("scripts/")
        }


def facts(revision: str) -> dict[str, Any]:
    """Parameters and figures of a finished experiment or commit; the keys have dots.

    Only files that git itself keeps are read, so that many experiments are read quickly.
    """
    found: dict[str, Any] = {}
    for path in ("params.yaml", *METRICS):
        if text := read_committed(revision, path):
            # JSON is YAML, but its own reader is much faster.
            is_yaml = path.endswith(".yaml")
            values = parse_yaml(text, f"{revision}:{path}") if is_yaml else json.loads(text)
            found |= flatten(values)
    return found
