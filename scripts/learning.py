"""Would more annotation help? The score over the amount of training data.

    python -m scripts.learning metrics/learning.csv

Learns from a quarter, half, three quarters and all of train's documents (`data.train_share`), as
DVC experiments. Each share contains the smaller ones. The last step is tested on the test split:
is it more than chance? A picture is drawn beside the table.
"""

from pathlib import Path

import typer
from wasabi import msg

from scripts.exceptions import door
from scripts.experiments.execution import report_failures, run_all
from scripts.experiments.learning_curve import COLUMNS, advice, plot_learning, points_of
from scripts.experiments.repository import clean_commit
from scripts.experiments.runner import (
    AddressOption,
    Engine,
    EngineOption,
    JobsOption,
    RemoteOption,
    Runner,
    load_params_for,
)
from scripts.experiments.tables import add_origin, collect, write_table
from scripts.provenance.comparison import compare_revisions
from scripts.storage.atomic import write_text


@door
def main(
    table: Path,
    engine: EngineOption = Engine.queue,
    jobs: JobsOption = 1,
    address: AddressOption = "auto",
    remote: RemoteOption = "origin",
) -> None:
    """Would more annotation help? The score over the amount of training data."""
    load_params_for(engine)
    picture = table.with_suffix(".svg")
    written = (table, picture)
    commit = clean_commit(written)
    points = points_of(commit)
    runner = Runner(engine, jobs, address, remote, written=written)
    report_failures(run_all(points, runner), len(points))
    rows = add_origin(collect(commit, list(points), COLUMNS), commit, points.items())
    write_table(rows, table)
    write_text(picture, plot_learning(rows, commit))
    three_quarters, everything = list(points)[-2:]
    result = compare_revisions(three_quarters, everything)
    msg.info(advice(result["rows"][0]))
    msg.info(f"{table}, {picture}")


if __name__ == "__main__":
    typer.run(main)
