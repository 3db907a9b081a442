"""Show what a sweep came to: a table, the best trials, a picture of what each parameter did.

    python -m scripts.trials configs/sweep.yaml

Nothing is run: the experiments in the repository are read, whoever ran them (`dvc exp pull` gets
others'). Those of the last commit that has any for this declaration are shown; a trial belongs to
it by its name, which is made of the commit and the values of what the declaration varies.
"""

from pathlib import Path
from typing import Any

import pandas
import typer
from wasabi import msg

from scripts.exceptions import RevisionError
from scripts.experiments.charts import NEW_F, draw, draw_parameters, short_names
from scripts.experiments.declaration import Sweep, load_sweep
from scripts.experiments.results import RETENTION, last_trials, ranked
from scripts.params import Params, load_params
from scripts.provenance.comparison import compare_revisions
from scripts.provenance.comparison import verdict as verdict_of

DECLARED, TABLE, PICTURES = Path("configs/sweep.yaml"), Path("metrics/sweep.csv"), Path("docs")
SHOWN = 5


def with_interval(row: dict[str, Any], name: str, low: str, high: str) -> str:
    """A figure with its 95% interval, where there is one."""
    if row[name] is None:
        return "unknown"
    bounds = "" if row[low] is None else f" ({row[low]:.3f} to {row[high]:.3f})"
    return f"{row[name]:.3f}{bounds}"


def best_table(rows: list[dict[str, Any]], sweep: Sweep) -> pandas.DataFrame:
    """The best trials, with intervals."""
    lines = []
    for row in rows[:SHOWN]:
        line = {x: row[x] for x in short_names(sweep.keys).values()}
        if sweep.maximize != NEW_F:
            line[sweep.maximize] = f"{row[sweep.maximize]:.4f}"
        line["new F"] = with_interval(row, "new_f", "low", "high")
        line["retention"] = with_interval(row, RETENTION, "retention_low", "retention_high")
        lines.append(line | {"kept": row["kept"], "name": row["name"]})
    return pandas.DataFrame(lines)


def say_difference(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Whether the best is more than chance ahead of the next, on the same test texts."""
    try:
        row = compare_revisions(second["name"], first["name"])["rows"][0]
    except (RevisionError, KeyError, IndexError):
        return
    verdict = verdict_of(row)
    msg.info(
        f"New F of the best against the next: {row['difference']:+.3f}, "
        f"p = {row['p']:.4f}: {verdict}"
    )


def written_to(pictures: Path) -> tuple[Path, Path]:
    """The two pictures."""
    return pictures / "sweep.svg", pictures / "trials.svg"


def show(
    rows: list[dict[str, Any]], *, sweep: Sweep, params: Params, table: Path, pictures: Path
) -> None:
    """Write table and pictures; print the table, the best, and how to take it."""
    frame = pandas.DataFrame(rows)
    frontier, parameters = written_to(pictures)
    for path in (table, frontier):
        path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(table, index=False, lineterminator="\n")
    frontier.write_text(draw(rows, sweep.keys), encoding="utf8")
    importances = {}
    if sweep.search:
        from scripts.experiments.search import importances_of

        importances = importances_of(sweep, rows[0]["name"].split("-")[1])
    parameters.write_text(draw_parameters(rows, sweep, importances), encoding="utf8")
    print("\n" + frame.to_string(index=False))
    order = ranked(rows, sweep)
    msg.divider("The best")
    print(best_table(order, sweep).to_string(index=False))
    if len(order) > 1 and sweep.maximize == NEW_F:
        say_difference(*order[:2])
    if order[0]["kept"] == "no":
        msg.warn(
            f"No trial keeps evaluate.min_retention ({params.evaluate.min_retention}): "
            "more rehearsal.ratio or rehearsal.text keeps more"
        )
    msg.info(f"{table}, {frontier}, {parameters}; to take the best:")
    print(f"dvc exp apply {order[0]['name']}")


def main(
    declared: Path = typer.Argument(DECLARED, help="What was tried"),
    table: Path = typer.Option(TABLE, help="Where the table goes"),
    pictures: Path = typer.Option(PICTURES, help="Where the pictures go"),
) -> None:
    """Show what a sweep came to."""
    params = load_params()
    sweep = load_sweep(declared, params)
    if not (rows := last_trials(sweep, params)):
        msg.fail("No commit has trials of this: weasel run sweep, or dvc exp pull", exits=1)
    show(rows, sweep=sweep, params=params, table=table, pictures=pictures)


if __name__ == "__main__":
    typer.run(main)
