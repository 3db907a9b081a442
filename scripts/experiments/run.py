"""Many experiments are run, by the queue or on a cluster."""

import csv
from pathlib import Path

import dvc.api
from tqdm import tqdm
from wasabi import msg

from scripts.experiments.core import Changes, Runner, finished, output, refs_of
from scripts.experiments.options import Engine
from scripts.provenance.revisions import facts


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
        from scripts.experiments.cluster import run_on_ray

        why = run_on_ray(missing, progress.commit, runner, progress.look)
    elif missing:
        from scripts.experiments.queue import run_in_queue

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
