"""Look for what is wrong with the data, and make nothing of it.

    python -m scripts.check training/base corpus/check

Reads the labelled data and the general text as `preprocess` does, prints the findings, counts by
code first, and writes them with the rejected records to the folder. Leaves with status 1 where
`preprocess` would stop.
"""

from pathlib import Path

import typer
from wasabi import msg

from scripts.exceptions import DataError
from scripts.intake.gather import FINDINGS, check, stop_at_errors
from scripts.params import load_params
from scripts.reporting.findings_page import show_findings, write_findings
from scripts.runtime.workers import JOBS, count_cores
from scripts.storage.atomic import publish, scratch_folder


def main(base: Path, output: Path, jobs: int | None = JOBS) -> None:
    """Look for what is wrong with the data, and make nothing of it."""
    params = load_params()
    try:
        with scratch_folder(output, "check") as folder:
            total, _, _ = check(params, base, folder, jobs or count_cores(), write=False)
            write_findings(total, folder)
            publish(folder, output, FINDINGS)
        show_findings(total, output)
        stop_at_errors(total, params.data.max_rejected)
    except DataError as error:
        msg.fail(str(error), exits=1)


if __name__ == "__main__":
    typer.run(main)
