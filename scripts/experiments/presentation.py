"""Show what a sweep came to: files with its table and pictures, and the best trials in print."""

from pathlib import Path
from typing import Any

import pandas
from wasabi import msg

from scripts.exceptions import RevisionError
from scripts.experiments.charts import plot_frontier, plot_parameters
from scripts.experiments.declaration import Sweep
from scripts.experiments.naming import NEW_F, RETENTION, short_names
from scripts.experiments.results import ranked
from scripts.params import Params
from scripts.provenance.comparison import compare_revisions, verdict
from scripts.storage.atomic import write_text

DECLARED, TABLE, PICTURES = Path("configs/sweep.yaml"), Path("metrics/sweep.csv"), Path("docs")
SHOWN = 5


def with_interval(row: dict[str, Any], name: str, low: str = "", high: str = "") -> str:
    """A figure with its 95% interval, where there is one.

    name, low, high: the columns of the figure and of its bounds.
    """
    if row[name] is None:
        return "unknown"
    bounds = "" if row.get(low) is None else f" ({row[low]:.3f} to {row[high]:.3f})"
    return f"{row[name]:.3f}{bounds}"


def best_table(rows: list[dict[str, Any]], sweep: Sweep) -> pandas.DataFrame:
    """The first SHOWN trials, with intervals. rows: of `ranked`."""
    lines = []
    for row in rows[:SHOWN]:
        line = {x: row[x] for x in short_names(sweep.keys).values()}
        if sweep.maximize != NEW_F:
            line[sweep.maximize] = f"{row[sweep.maximize]:.4f}"
        line["new F"] = with_interval(row, "new_f", "low", "high")
        line["retention"] = with_interval(row, RETENTION, "retention_low", "retention_high")
        line["agreement"] = with_interval(row, "agreement")
        lines.append(line | {"kept": row["kept"], "name": row["name"]})
    return pandas.DataFrame(lines)


def print_difference(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Print whether the best trial is ahead of the next by more than chance, on the same texts.

    Prints nothing where the two have no predictions to compare.
    """
    try:
        row = compare_revisions(second["name"], first["name"])["rows"][0]
    except (RevisionError, KeyError, IndexError):
        return
    msg.info(
        f"New F of the best against the next: {row['difference']:+.3f}, "
        f"p = {row['p']:.4f}: {verdict(row)}"
    )


def pictures_in(folder: Path) -> tuple[Path, Path]:
    """The files of the two pictures: the frontier, and what each parameter did."""
    return folder / "sweep.svg", folder / "trials.svg"


def write_sweep(rows: list[dict[str, Any]], sweep: Sweep, table: Path, pictures: Path) -> None:
    """Write the table as CSV, and the pictures. pictures: their folder."""
    frontier, parameters = pictures_in(pictures)
    for path in (table, frontier):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_text(table, pandas.DataFrame(rows).to_csv(index=False, lineterminator="\n"))
    write_text(frontier, plot_frontier(rows, sweep.keys))
    importances = {}
    if sweep.search:
        # Optuna is heavy, and a grid does not need it.
        from scripts.experiments.search import importances_of

        importances = importances_of(sweep, rows[0]["name"].split("-")[1])
    write_text(parameters, plot_parameters(rows, sweep, importances))


def show(
    rows: list[dict[str, Any]], *, sweep: Sweep, params: Params, table: Path, pictures: Path
) -> None:
    """Write table and pictures, and print the table, the best trials, and how to take the best.

    rows: of `read_trials`, at least one.
    """
    write_sweep(rows, sweep, table, pictures)
    print("\n" + pandas.DataFrame(rows).to_string(index=False))
    order = ranked(rows, sweep)
    msg.divider("The best")
    print(best_table(order, sweep).to_string(index=False))
    if len(order) > 1 and sweep.maximize == NEW_F:
        print_difference(*order[:2])
    if order[0]["kept"] == "no":
        msg.warn(
            f"No trial keeps evaluate.min_retention ({params.evaluate.min_retention}): "
            "more rehearsal.ratio or rehearsal.text keeps more"
        )
    msg.info(", ".join(map(str, (table, *pictures_in(pictures)))) + "; to take the best:")
    print(f"dvc exp apply {order[0]['name']}")
