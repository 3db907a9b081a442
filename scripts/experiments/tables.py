"""The results of experiments as a table."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from wasabi import msg

from scripts.exceptions import ExperimentError
from scripts.experiments.ingredients import hash_of, ingredients_of
from scripts.experiments.naming import Changes
from scripts.experiments.repository import finished, refs_of
from scripts.provenance.revisions import facts
from scripts.storage.atomic import write_text


def refuse_missing(commit: str, names: list[str], what: str) -> None:
    """Raise ExperimentError where experiments of a commit have no result.

    what: what they are called in the message.
    """
    done = finished(commit)
    if missing := [name for name in names if name not in done]:
        raise ExperimentError(
            f"{len(missing)} of {len(names)} {what} have no result: {', '.join(missing)}. "
            "The same command again runs what is missing."
        )


def collect(commit: str, names: list[str], columns: dict[str, str]) -> list[Changes]:
    """A row for each experiment, in the order of the names.

    commit: the commit that the experiments belong to; HEAD may have moved on.
    columns: for each column, the key of the parameter or figure in it (`facts`).
    Raises ExperimentError where an experiment has no result.
    """
    refuse_missing(commit, names, "points")
    folder = refs_of(commit)
    found = {name: facts(folder + name) for name in names}
    return [{key: found[name][column] for key, column in columns.items()} for name in names]


def add_origin(
    rows: list[Changes], commit: str, runs: Iterable[tuple[str, Changes]]
) -> list[Changes]:
    """The rows with a last column `made_of`: the hash of data, base, recipe and params.

    runs: the name and the changes of the experiment of each row, in the order of the rows; several
        rows may be of the same experiment.
    """
    runs, folder = list(runs), refs_of(commit)
    varied = {key for _, changes in runs for key in changes}
    there = [ingredients_of(folder + name) for name, _ in runs]
    return [row | {"made_of": hash_of(x, varied)} for row, x in zip(rows, there, strict=True)]


def write_table(rows: list[Changes], path: Path) -> None:
    """Write rows to a CSV file, and print them. There has to be a row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, file.getvalue())
    msg.table([list(row.values()) for row in rows], header=list(rows[0]), divider=True)
