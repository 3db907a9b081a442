"""Say what the data is, look for what is wrong with it, and make nothing of it.

    python -m scripts.check training/base corpus/check

Reads the labelled data, the general text and the rehearsal text as `preprocess` does. Prints what
each split and label has, and whether that is enough, then the findings, counts by code first; and
writes the findings with the rejected records to the folder. Leaves with status 1 where `preprocess`
would stop.
"""

from pathlib import Path

import typer

from scripts.exceptions import door
from scripts.keeping.corpus import check_data
from scripts.params import load_params
from scripts.runtime.workers import JOBS, count_cores


@door
def main(base: Path, output: Path, jobs: int | None = JOBS) -> None:
    """Say what the data is, look for what is wrong with it, and make nothing of it."""
    check_data(params=load_params(), base=base, output=output, jobs=jobs or count_cores())


if __name__ == "__main__":
    typer.run(main)
