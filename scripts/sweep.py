"""Run the trials that a file declares, a grid or a search, and show what came of them.

    python -m scripts.sweep configs/sweep.yaml [--jobs N] [--engine ray --address auto]

The file names keys of params.yaml and their values. Every trial is a DVC experiment, named after
its commit and values: a trial that has a result is not run again, and the same command continues
where it was stopped. Trials run in DVC's queue, or on the workers of a Ray cluster
(docs/experiments.md). At the end, the same is shown as by `python -m scripts.trials`.
"""

from pathlib import Path

import typer

from scripts.exceptions import door
from scripts.experiments.declaration import load_sweep
from scripts.experiments.execution import report_failures
from scripts.experiments.presentation import DECLARED, PICTURES, TABLE, pictures_in, show
from scripts.experiments.repository import clean_commit
from scripts.experiments.results import read_trials
from scripts.experiments.runner import (
    AddressOption,
    Engine,
    EngineOption,
    JobsOption,
    RemoteOption,
    Runner,
    load_params_for,
)
from scripts.experiments.sweep_runs import run_sweep


@door
def main(
    declared: Path = typer.Argument(DECLARED, help="What is tried"),
    table: Path = typer.Option(TABLE, help="Where the table goes"),
    pictures: Path = typer.Option(PICTURES, help="The folder of the pictures"),
    trials: int = typer.Option(
        0, help="How many trials a search has, instead of as many as declared"
    ),
    engine: EngineOption = Engine.queue,
    jobs: JobsOption = 1,
    address: AddressOption = "auto",
    remote: RemoteOption = "origin",
) -> None:
    """Run the trials that a file declares, and show what came of them."""
    params = load_params_for(engine)
    sweep = load_sweep(declared, params)
    if trials and sweep.search:
        sweep = sweep.model_copy(update={"trials": trials})
    written = (table, *pictures_in(pictures))
    commit = clean_commit(written)
    runner = Runner(engine, jobs, address, remote, sweep.maximize, written)
    failed = run_sweep(sweep, params, commit, runner)
    if rows := read_trials(sweep, params, commit):
        show(rows, sweep=sweep, params=params, table=table, pictures=pictures)
    report_failures(failed, sweep.trials or len(sweep.points()))
    raise SystemExit(bool(failed))


if __name__ == "__main__":
    typer.run(main)
