"""Experiments of one commit, queued by DVC and named after it: run once, collected as a table."""

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

import dvc.api
from wasabi import msg

DVC = [sys.executable, "-m", "dvc"]
Changes = dict[str, Any]
"""Keys of params.yaml, with dots, and their values."""


def output(*command: str) -> str:
    """What a command prints; its failure is ours."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def clean_commit() -> str:
    """The commit that experiments belong to; nothing may differ from it."""
    if output("git", "status", "--porcelain"):
        msg.fail("Experiments belong to a commit: commit or stash what changed.", exits=1)
    return output("git", "rev-parse", "--short=7", "HEAD")


def run_all(experiments: dict[str, Changes], jobs: int) -> None:
    """Run every experiment that is not there yet, up to `evaluate`: no gate stops it.

    experiments: by their names.
    """
    there = output(*DVC, "exp", "list", "--name-only").split()
    # What an interrupted run left in the queue is in it still.
    there += output(*DVC, "queue", "status").split()
    for name, changes in experiments.items():
        if name not in there:
            sets = [part for key, value in changes.items() for part in ("-S", f"{key}={value}")]
            output(*DVC, "exp", "run", "--queue", "--name", name, *sets, "evaluate")
    subprocess.run([*DVC, "exp", "run", "--run-all", "--jobs", str(jobs)], check=True)


def collect(commit: str, names: list[str], columns: dict[str, str]) -> list[Changes]:
    """A row for each experiment of the commit (HEAD may have moved on).

    columns: what the row calls what `dvc exp show` calls otherwise.
    """
    found = {row["Experiment"]: row for row in dvc.api.exp_show(revs=commit)}
    if missing := [n for n in names if n not in found or found[n]["State"] == "Failed"]:
        msg.fail(
            f"{len(missing)} of {len(names)} points have no result: {', '.join(missing)}",
            "dvc queue logs NAME says why; the same command again runs what is missing.",
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
