"""Experiments of one commit, named after it and run once: by DVC's queue, or on a Ray cluster.

What `sweep`, `seeds` and `learning` share: where experiments run, how far they are, and what they
came to, as a table.
"""

import csv
import json
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import dvc.api
import srsly
import typer
from dvc.utils import dict_sha256
from tqdm import tqdm
from wasabi import msg

from scripts.compare import flatten

DVC = [sys.executable, "-m", "dvc"]
# Up to here an experiment runs: no gate stops it.
TARGET = "evaluate"
METRICS = ("training/live/metrics.json", "metrics/scores.json")
Changes = dict[str, Any]
"""Keys of params.yaml, with dots, and their values."""


class Engine(str, Enum):
    """What runs experiments."""

    queue = "queue"
    ray = "ray"


# The options that every command with experiments has.
EngineOption = Annotated[
    Engine, typer.Option(help="DVC's queue on this machine, or workers of a Ray cluster")
]
JobsOption = Annotated[
    int, typer.Option(min=1, help="Experiments at a time; Ray runs as many as the cluster has CPUs")
]
AddressOption = Annotated[str, typer.Option(help="The Ray cluster")]
RemoteOption = Annotated[
    str, typer.Option(help="The Git remote, or its URL, that the workers of a cluster share")
]


@dataclass(frozen=True)
class Runner:
    """Where experiments run, and how many at a time."""

    engine: Engine = Engine.queue
    jobs: int = 1
    address: str = "auto"
    remote: str = "origin"
    # What is shown as the best so far.
    measure: str = "tuned.new.ents_f"
    # What the command writes: it may have been written before.
    written: tuple[Path, ...] = ()


def output(*command: str) -> str:
    """What a command prints; its failure is ours."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.rstrip()


def clean_commit(written: Iterable[Path] = ()) -> str:
    """The commit that experiments belong to; nothing may differ from it.

    written: what the command itself writes, and no stage reads.
    """
    status = output("git", "status", "--porcelain", "--untracked-files=all", "-z").split("\0")
    mine = {path.as_posix() for path in written}
    if any(line and line[3:] not in mine for line in status):
        msg.fail("Experiments belong to a commit: commit or stash what changed.", exits=1)
    return output("git", "rev-parse", "--short=7", "HEAD")


def name_of(kind: str, commit: str, changes: Changes) -> str:
    """An experiment's name: the same commit and values have the same."""
    return f"{kind}-{commit}-{dict_sha256(changes)[:10]}"


def refs_of(commit: str) -> str:
    """The folder of the Git references in which DVC keeps a commit's experiments."""
    full = output("git", "rev-parse", "--verify", f"{commit}^{{commit}}")
    return f"refs/exps/{full[:2]}/{full[2:]}/"


def finished(commit: str) -> set[str]:
    """The names of the experiments of a commit that are here."""
    folder = refs_of(commit)
    refs = output("git", "for-each-ref", "--format=%(refname)", folder).splitlines()
    return {ref.removeprefix(folder) for ref in refs}


def as_hydra(value: Any) -> str:
    """A value as `dvc exp run --set-param` reads it (Hydra's syntax), whatever is in it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {as_hydra(x)}" for key, x in value.items()) + "}"
    if not isinstance(value, str):
        return repr(value)
    # Nothing is filled in (OmegaConf), and no quote in it ends the text (Hydra): there, and at the
    # end, backslashes count double.
    text = re.sub(r"(\\*)\$\{", r"\1\1\\${", value)
    text = re.sub(r"(\\*)'", r"\1\1\\'", text)
    return "'" + re.sub(r"(\\+)$", r"\1\1", text) + "'"


def as_arguments(changes: Changes) -> list[str]:
    """Values as arguments of `dvc exp run`."""
    return [part for key, value in changes.items() for part in ("-S", f"{key}={as_hydra(value)}")]


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


class Progress:
    """A bar: how many of the experiments are done, and the best so far."""

    def __init__(self, commit: str, measure: str, total: int) -> None:
        self.commit, self.measure = commit, measure
        self.names: set[str] = set()
        self.done: set[str] = set()
        self.best: float | None = None
        self.bar = tqdm(total=total, unit="experiment")

    def look(self) -> None:
        """Show what is done by now."""
        new = (finished(self.commit) & self.names) - self.done
        figures = [facts(refs_of(self.commit) + name).get(self.measure) for name in new]
        self.best = max((x for x in (*figures, self.best) if x is not None), default=None)
        self.done |= new
        if self.best is not None:
            self.bar.set_postfix_str(f"best {self.measure} {self.best:.4f}", refresh=False)
        self.bar.update(len(new))


def run_all(
    experiments: dict[str, Changes], runner: Runner, progress: Progress | None = None
) -> dict[str, str]:
    """Run every experiment that is not there yet; where it can be read why one failed.

    experiments: by their names, of the last commit, or of that of `progress`, which shows them
    among others.
    """
    head = output("git", "rev-parse", "--short=7", "HEAD")
    progress = progress or Progress(head, runner.measure, len(experiments))
    progress.names |= set(experiments)
    progress.look()
    missing = {name: x for name, x in experiments.items() if name not in progress.done}
    why: dict[str, str] = {}
    if missing and runner.engine is Engine.ray:
        from scripts.cluster import run_on_ray

        why = run_on_ray(missing, progress.commit, runner, progress.look)
    elif missing:
        from scripts.dvc_queue import run_in_queue

        run_in_queue(missing, progress.commit, runner, progress.look)
    progress.look()
    progress.bar.refresh()
    failed = [name for name in missing if name not in progress.done]
    return {name: why.get(name, f"dvc queue logs {name}") for name in failed}


def report(failed: dict[str, str], total: int) -> None:
    """Say which experiments failed, and what to do."""
    if failed:
        print()
        msg.fail(f"Failed: {len(failed)} of {total}. The same command runs what is missing.")
        print("\n".join(f"  {name}: {why}" for name, why in failed.items()))


def collect(commit: str, names: list[str], columns: dict[str, str]) -> list[Changes]:
    """A row for each experiment of the commit (HEAD may have moved on).

    columns: what the row calls what `dvc exp show` calls otherwise.
    """
    found = {row["Experiment"]: row for row in dvc.api.exp_show(revs=commit)}
    if missing := [n for n in names if n not in found or found[n]["State"] == "Failed"]:
        msg.fail(
            f"{len(missing)} of {len(names)} points have no result: {', '.join(missing)}",
            "The same command again runs what is missing.",
            exits=1,
        )
    return [{key: found[name][column] for key, column in columns.items()} for name in names]


def write_table(rows: list[Changes], path: Path) -> None:
    """Write and print a table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    msg.table([list(row.values()) for row in rows], header=list(rows[0]), divider=True)
