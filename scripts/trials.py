"""Show what a sweep came to: a table, the best trials, a picture of what each parameter did.

    python -m scripts.trials configs/sweep.yaml

Nothing is run: the experiments in the repository are read, whoever ran them (`dvc exp pull` gets
those of others). The trials of the last commit that has any for this declaration are shown. A trial
belongs to the declaration by its name, which is made of the commit and the values that it tries.
Trials of other data, another base or other params than those here are not shown.
"""

from pathlib import Path

import typer

from scripts.exceptions import ExperimentError, door
from scripts.experiments.declaration import load_sweep
from scripts.experiments.presentation import DECLARED, PICTURES, TABLE, show
from scripts.experiments.results import last_trials
from scripts.params import load_params


@door
def main(
    declared: Path = typer.Argument(DECLARED, help="What was tried"),
    table: Path = typer.Option(TABLE, help="Where the table goes"),
    pictures: Path = typer.Option(PICTURES, help="The folder of the pictures"),
) -> None:
    """Show what a sweep came to."""
    params = load_params()
    sweep = load_sweep(declared, params)
    rows = last_trials(sweep, params)
    if not rows:
        raise ExperimentError(
            f"No commit has trials of {declared} made of what is here: weasel run sweep, "
            "or dvc exp pull"
        )
    show(rows, sweep=sweep, params=params, table=table, pictures=pictures)


if __name__ == "__main__":
    typer.run(main)
