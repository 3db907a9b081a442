"""Would more annotation help? The score over the amount of training data.

    python -m scripts.learning metrics/learning.csv

Learns from a quarter, half, three quarters and all of train's documents (`data.train_share`), as
DVC experiments in the queue; each share contains the smaller ones. The last step is tested on the
test split: whether it is more than chance.
"""

from pathlib import Path

import typer
from wasabi import msg

from scripts.exceptions import RevisionError
from scripts.experiments.core import Runner, clean_commit
from scripts.experiments.options import (
    AddressOption,
    Engine,
    EngineOption,
    JobsOption,
    RemoteOption,
)
from scripts.experiments.run import collect, report, run_all, write_table
from scripts.provenance.comparison import compare_revisions

SHARES = (0.25, 0.5, 0.75, 1.0)
COLUMNS = {
    "share": "data.train_share",
    "new_f": "tuned.new.ents_f",
    "low": "tuned.new.ents_f_low",
    "high": "tuned.new.ents_f_high",
    "retention": "retention",
}


def verdict(row: dict) -> str:
    """What the step from three quarters to all says. row: of `compare`, for all new labels."""
    step = f"From three quarters to all, F changes by {row['difference']:+.3f} (p = {row['p']:.4f})"
    if row["p"] < 0.05 and row["difference"] > 0:
        return f"{step}: more annotation is likely to help."
    return f"{step}: from this it cannot be said that more annotation would help."


def main(
    table: Path,
    engine: EngineOption = Engine.queue,
    jobs: JobsOption = 1,
    address: AddressOption = "auto",
    remote: RemoteOption = "origin",
) -> None:
    """Would more annotation help? The score over the amount of training data."""
    commit = clean_commit()
    points = {f"learning-{commit}-{share}": {"data.train_share": share} for share in SHARES}
    report(run_all(points, Runner(engine, jobs, address, remote)), len(points))
    write_table(collect(commit, list(points), COLUMNS), table)
    try:
        result = compare_revisions(*list(points)[-2:])
    except RevisionError as error:
        msg.fail(str(error), exits=1)
    msg.info(verdict(result["rows"][0]))


if __name__ == "__main__":
    typer.run(main)
