"""Run the trials of a sweep: all of a grid, or those that a search chooses."""

from scripts.exceptions import ExperimentError
from scripts.experiments.declaration import Sweep
from scripts.experiments.execution import Progress, run_all
from scripts.experiments.naming import RETENTION, Changes, name_of
from scripts.experiments.results import result_of
from scripts.experiments.runner import Runner
from scripts.params import Params
from scripts.provenance.revisions import facts


def run_sweep(sweep: Sweep, params: Params, commit: str, runner: Runner) -> dict[str, str]:
    """Run the trials of a sweep that have no result yet.

    Returns where the log of each failed trial can be read, by its name.
    Raises ExperimentError where the figure to maximize does not exist.
    """
    check_measure(sweep.maximize)
    if sweep.search:
        return run_search(sweep, params, commit, runner)
    return run_all({name_of("sweep", commit, point): point for point in sweep.points()}, runner)


def run_search(sweep: Sweep, params: Params, commit: str, runner: Runner) -> dict[str, str]:
    """Run the trials that Optuna chooses; returns the same as `run_sweep`."""
    # Optuna is heavy, and a grid does not need it.
    from scripts.experiments.search import Result, search

    failed: dict[str, str] = {}
    progress = Progress(commit, sweep.maximize, sweep.trials or 0)

    def run(settings: list[Changes]) -> list[Result | None]:
        names = [name_of("sweep", commit, setting) for setting in settings]
        failed.update(run_all(dict(zip(names, settings, strict=True)), runner, progress))
        return [None if n in failed else result_of(n, commit, sweep, params) for n in names]

    search(sweep=sweep, commit=commit, jobs=runner.jobs, run=run)
    return failed


def check_measure(measure: str) -> None:
    """Raise ExperimentError where the last commit has figures, but not the one to maximize."""
    found = facts("HEAD")
    if RETENTION in found and not isinstance(found.get(measure), int | float):
        raise ExperimentError(
            f"maximize: {measure} is no figure of metrics/summary.json, metrics/scores.json "
            "or training/live/metrics.json"
        )
