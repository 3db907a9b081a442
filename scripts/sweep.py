"""Run the trials that a file declares, a grid or a search, and show what came of them.

    python -m scripts.sweep configs/sweep.yaml [--jobs N] [--engine ray --address auto]

The file names keys of params.yaml and their values. Every trial is a DVC experiment, named after
its commit and values: what is there is not run again, and the same command goes on where it was
stopped. Trials run in DVC's queue, or on the workers of a Ray cluster (docs/experiments.md). At the
end stands what `python -m scripts.trials` shows.
"""

from pathlib import Path

import typer
from wasabi import msg

from scripts.experiments.core import Changes, Runner, clean_commit, name_of
from scripts.experiments.declaration import Sweep, load_sweep
from scripts.experiments.options import (
    AddressOption,
    Engine,
    EngineOption,
    JobsOption,
    RemoteOption,
)
from scripts.experiments.results import read_trials, result_of
from scripts.experiments.run import Progress, report, run_all
from scripts.params import load_params
from scripts.provenance.revisions import facts
from scripts.trials import DECLARED, PICTURES, TABLE, show, written_to


def run_grid(sweep: Sweep, commit: str, runner: Runner) -> dict[str, str]:
    """Run every combination; where it can be read why one failed."""
    return run_all({name_of("sweep", commit, point): point for point in sweep.points()}, runner)


def run_search(sweep: Sweep, commit: str, runner: Runner) -> dict[str, str]:
    """Run the trials that Optuna chooses; where it can be read why one failed."""
    from scripts.experiments.search import Result, search

    params = load_params()
    failed: dict[str, str] = {}
    progress = Progress(commit, sweep.maximize, sweep.trials or 0)

    def run(settings: list[Changes]) -> list[Result | None]:
        names = [name_of("sweep", commit, setting) for setting in settings]
        failed.update(run_all(dict(zip(names, settings, strict=True)), runner, progress))
        return [None if n in failed else result_of(n, commit, sweep, params) for n in names]

    search(sweep=sweep, commit=commit, jobs=runner.jobs, run=run)
    return failed


def check_measure(measure: str) -> None:
    """Stop where the last commit has figures, but not the one that is to be maximized."""
    found = facts("HEAD")
    if "retention" in found and not isinstance(found.get(measure), int | float):
        msg.fail(f"maximize: {measure} is no figure of `dvc metrics show`", exits=1)


def main(
    declared: Path = typer.Argument(DECLARED, help="What is tried"),
    table: Path = typer.Option(TABLE, help="Where the table goes"),
    pictures: Path = typer.Option(PICTURES, help="Where the pictures go"),
    trials: int = typer.Option(0, help="More trials of a search than are declared"),
    engine: EngineOption = Engine.queue,
    jobs: JobsOption = 1,
    address: AddressOption = "auto",
    remote: RemoteOption = "origin",
) -> None:
    """Run the trials that a file declares, and show what came of them."""
    params = load_params()
    sweep = load_sweep(declared, params)
    if trials and sweep.search:
        sweep = sweep.model_copy(update={"trials": trials})
    written = (table, *written_to(pictures))
    commit = clean_commit(written)
    check_measure(sweep.maximize)
    runner = Runner(engine, jobs, address, remote, sweep.maximize, written)
    failed = (run_grid if sweep.grid else run_search)(sweep, commit, runner)
    if rows := read_trials(sweep, params, commit):
        show(rows, sweep=sweep, params=params, table=table, pictures=pictures)
    report(failed, sweep.trials or len(sweep.points()))
    raise SystemExit(bool(failed))


if __name__ == "__main__":
    typer.run(main)
