"""Sweep strategy and amount of general text: what is learned against what is kept.

    python -m scripts.sweep metrics/sweep.csv docs/sweep.svg

Every point is a DVC experiment in the queue, named after the commit that it belongs to, and runs up
to `evaluate`: no gate stops it. A point that this commit has already is not run again. Writes a
table, with the points marked that no other one beats in both, and draws it with the same Vega-Lite
template as `dvc plots show` does.
"""

import json
from pathlib import Path

import typer
import vl_convert
from wasabi import msg

from scripts.experiments import clean_commit, collect, run_all, write_table

TEMPLATE = Path(".dvc/plots/frontier.json")
TITLE = "New labels against retention"
# What `dvc exp show` calls what the table calls so.
COLUMNS = {
    "strategy": "training.strategy",
    "ratio": "rehearsal.ratio",
    "new_f": "tuned.new.ents_f",
    "retention": "retention",
}


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
    points = {
        f"sweep-{commit}-{s}-{r}": {"training.strategy": s, "rehearsal.ratio": r}
        for s in strategy
        for r in ratio
    }
    run_all(points, jobs)
    rows = collect(commit, list(points), COLUMNS)
    rows = mark_best(sorted(rows, key=lambda row: (row["strategy"], row["ratio"])))
    write_table(rows, table)
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_text(draw(rows), encoding="utf8")
    msg.good(f"{table} and {picture}; dvc plots show draws it, too")


if __name__ == "__main__":
    typer.run(main)
