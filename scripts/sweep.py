"""Sweep strategy and amount of general text: what is learned against what is kept.

    python -m scripts.sweep metrics/sweep.csv docs/sweep.svg

Every point is a DVC experiment in the queue, named after the commit that it belongs to, and runs up
to `evaluate`: no gate stops it. A point that this commit has already is not run again. Writes a
table, with the points marked that no other one beats in both, and draws it with the same Vega-Lite
template as `dvc plots show` does.
"""

import csv
import json
import subprocess
import sys
from pathlib import Path

import dvc.api
import typer
import vl_convert
from wasabi import msg

DVC = [sys.executable, "-m", "dvc"]
TEMPLATE = Path(".dvc/plots/frontier.json")
TITLE = "New labels against retention"
# What `dvc exp show` calls what the table calls so.
COLUMNS = {
    "strategy": "training.strategy",
    "ratio": "rehearsal.ratio",
    "new_f": "tuned.new.ents_f",
    "retention": "retention",
}


def output(*command: str) -> str:
    """What a command prints; its failure is ours."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def clean_commit() -> str:
    """The commit that the sweep belongs to; nothing may differ from it."""
    if output("git", "status", "--porcelain"):
        msg.fail("A sweep belongs to a commit: commit or stash what changed.", exits=1)
    return output("git", "rev-parse", "--short=7", "HEAD")


def queue(commit: str, points: list[tuple[str, float]]) -> dict[str, tuple[str, float]]:
    """Queue every point that the commit has not yet; return all points by their name."""
    names = {f"sweep-{commit}-{strategy}-{ratio}": (strategy, ratio) for strategy, ratio in points}
    there = output(*DVC, "exp", "list", "--name-only").split()
    # What an interrupted sweep left in the queue is in it still.
    there += output(*DVC, "queue", "status").split()
    for name, (strategy, ratio) in names.items():
        if name not in there:
            changes = ("-S", f"training.strategy={strategy}", "-S", f"rehearsal.ratio={ratio}")
            output(*DVC, "exp", "run", "--queue", "--name", name, *changes, "evaluate")
    return names


def collect(commit: str, names: dict[str, tuple[str, float]]) -> list[dict]:
    """A row for each experiment of the commit (HEAD may have moved on), by strategy and ratio."""
    found = {row["Experiment"]: row for row in dvc.api.exp_show(revs=commit)}
    if missing := [n for n in names if n not in found or found[n]["State"] == "Failed"]:
        msg.fail(
            f"{len(missing)} of {len(names)} points have no result: {', '.join(missing)}",
            "dvc queue logs NAME says why; the same command again runs what is missing.",
            exits=1,
        )
    rows = [{key: found[name][column] for key, column in COLUMNS.items()} for name in names]
    return sorted(rows, key=lambda row: (row["strategy"], row["ratio"]))


def mark_best(rows: list[dict]) -> list[dict]:
    """Mark the rows that no other one beats in one measure without losing in the other."""

    def beaten(row: dict) -> bool:
        return any(
            other["new_f"] >= row["new_f"]
            and other["retention"] >= row["retention"]
            and (other["new_f"], other["retention"]) != (row["new_f"], row["retention"])
            for other in rows
        )

    return [row | {"best": "" if beaten(row) else "best"} for row in rows]


def draw(rows: list[dict]) -> str:
    """The picture, as SVG."""
    anchors = {"TITLE": TITLE, "X": "retention", "Y": "new_f"}
    text = TEMPLATE.read_text(encoding="utf8")
    for name, value in anchors.items():
        text = text.replace(f"<DVC_METRIC_{name}>", value)
    spec = json.loads(text) | {"data": {"values": rows}, "background": "white"}
    return vl_convert.vegalite_to_svg(spec)


def main(
    table: Path,
    picture: Path,
    strategy: list[str] = typer.Option(["extend", "update"], help="May be given several times"),
    ratio: list[float] = typer.Option([0.0, 0.25, 0.5, 1.0, 2.0], help="The same"),
    jobs: int = typer.Option(1, help="Experiments at a time"),
) -> None:
    """Sweep strategy and amount of general text."""
    commit = clean_commit()
    names = queue(commit, [(s, r) for s in strategy for r in ratio])
    subprocess.run([*DVC, "exp", "run", "--run-all", "--jobs", str(jobs)], check=True)
    rows = mark_best(collect(commit, names))
    for path in (table, picture):
        path.parent.mkdir(parents=True, exist_ok=True)
    with table.open("w", encoding="utf8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    picture.write_text(draw(rows), encoding="utf8")
    msg.table([list(row.values()) for row in rows], header=list(rows[0]), divider=True)
    msg.good(f"{table} and {picture}; dvc plots show draws it, too")


if __name__ == "__main__":
    typer.run(main)
