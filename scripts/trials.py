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

from scripts.charts import NEW_F, draw, draw_parameters, short_names
from scripts.compare import CompareError, compare_revisions
from scripts.compare import verdict as verdict_of
from scripts.experiments import facts, finished, name_of, output, refs_of
from scripts.params import Params, load_params
from scripts.space import Sweep, load_sweep

DECLARED, TABLE, PICTURES = Path("configs/sweep.yaml"), Path("metrics/sweep.csv"), Path("docs")
RETENTION = "retention"
SHOWN = 5


# What trials came to


def keeps(retention: float | None, strategy: str, params: Params) -> bool:
    """Whether `package` would take it, as its gate decides."""
    minimum = params.evaluate.min_retention
    return minimum == 0 or strategy == "replace" or (retention is not None and retention >= minimum)


def result_of(name: str, commit: str, sweep: Sweep, params: Params) -> tuple[float, float]:
    """What a search is told of a trial: what is maximized, and how much retention is missing."""
    found = facts(refs_of(commit) + name)
    if keeps(found[RETENTION], found["training.strategy"], params):
        return found[sweep.maximize], 0.0
    return found[sweep.maximize], params.evaluate.min_retention - (found[RETENTION] or 0.0)


def mark_best(rows: list[dict]) -> list[dict]:
    """Mark the rows that no other one beats in one measure without losing in the other."""

    def measures(row: dict) -> tuple[float, float]:
        return row["new_f"], row["retention"] or 0.0

    def beaten(row: dict) -> bool:
        mine = measures(row)
        others = map(measures, rows)
        return any(x[0] >= mine[0] and x[1] >= mine[1] and x != mine for x in others)

    return [row | {"best": "" if beaten(row) else "best"} for row in rows]


def read_trials(sweep: Sweep, params: Params, commit: str) -> list[dict[str, Any]]:
    """A row for each trial of a commit."""
    names = short_names(sweep.keys)
    figures = {"new_f": NEW_F, "low": f"{NEW_F}_low", "high": f"{NEW_F}_high"}
    figures |= {x: x for x in (RETENTION, f"{RETENTION}_low", f"{RETENTION}_high")}
    if sweep.maximize != NEW_F:
        figures[sweep.maximize] = sweep.maximize
    rows = []
    for name in finished(commit):
        found = facts(refs_of(commit) + name)
        values = {key: found.get(key) for key in sweep.keys}
        if name == name_of("sweep", commit, values):
            row = {names[key]: value for key, value in values.items()}
            row |= {column: found.get(key) for column, key in figures.items()}
            kept = keeps(row["retention"], found["training.strategy"], params)
            rows.append(row | {"kept": "yes" if kept else "no", "name": name})
    rows.sort(key=lambda row: [(str(type(row[x])), row[x]) for x in names.values()])
    return mark_best(rows)


def last_trials(sweep: Sweep, params: Params) -> list[dict[str, Any]]:
    """The trials of the last commit that has any of this declaration."""
    refs = output("git", "for-each-ref", "--format=%(refname)", "refs/exps").splitlines()
    named = {"".join(ref.split("/")[2:4]) for ref in refs if "/sweep-" in ref}
    for commit in output("git", "rev-list", "HEAD").splitlines():
        if commit in named and (rows := read_trials(sweep, params, commit[:7])):
            return rows
    return []


def ranked(rows: list[dict[str, Any]], sweep: Sweep) -> list[dict[str, Any]]:
    """The best first: those that keep enough by what is maximized, then the others by retention."""
    measure = "new_f" if sweep.maximize == NEW_F else sweep.maximize

    def rank(row: dict[str, Any]) -> tuple:
        kept = row["kept"] == "yes"
        return (kept, row[measure]) if kept else (kept, row["retention"] or 0.0)

    return sorted(rows, key=rank, reverse=True)


# What is shown


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
    except (CompareError, KeyError, IndexError):
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
        from scripts.search import importances_of

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
