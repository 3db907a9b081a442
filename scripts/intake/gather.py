"""The labelled data and the general text are read and checked."""

import shutil
from pathlib import Path

import srsly

from scripts.exceptions import DataError
from scripts.intake.duplicates import list_across
from scripts.intake.formats import Source, recognize
from scripts.intake.label_checks import list_labels, refuse_units
from scripts.intake.splits import find_sources
from scripts.intake.stream import take_in
from scripts.intake.tally import Batch, is_part, note
from scripts.intake.worker import Settings
from scripts.params import Params
from scripts.runtime.workers import Jobs
from scripts.storage.input_files import list_files

FINDINGS = ("findings.json", "findings.html", "rejected.jsonl")
# Findings that no rejected record mends.
OF_ALL = ("offset-unit", "no-spans", "rename")


def make_settings(params: Params, base: Path, shares: dict[str, float], *, write: bool) -> Settings:
    """What intake's workers need to know of params.yaml."""
    data = params.data
    names = (data.alignment, data.unlabelled, data.rename)
    return Settings(base, *names, shares, data.train_share, data.seed, write)


def take_labelled(
    params: Params, base: Path, folder: Path, jobs: Jobs, *, write: bool = True
) -> Batch:
    """Read and check the labelled data, and list what is found, in `folder`."""
    sources, shares = find_sources(params.data)
    settings = make_settings(params, base, shares, write=write)
    rejected = folder / "rejected.jsonl"
    total = take_in(
        sources, settings, output=folder, rejected=rejected, jobs=jobs, title="Labelled data"
    )
    list_across(total, sources)
    labels = srsly.read_json(base / "meta.json").get("labels", {})
    known = set(labels.get(params.base.component, ()))
    for finding in (
        *refuse_units(total),
        *list_labels(total, params.data.rename, known, params.data.source),
    ):
        note(finding, total)
    return total


def take_general(
    params: Params, base: Path, folder: Path, jobs: Jobs, *, write: bool = True
) -> tuple[Batch, bool]:
    """Read the text that retention is measured on; return also whether it is gold.

    Gold are the records with spans; where none has any, all records count.
    """
    path = Path(params.evaluate.general)
    settings = make_settings(params, base, {}, write=write)
    settings = settings._replace(rename={}, unlabelled="outside", train_share=1.0)
    sources: list[Source] = [(file, recognize(file), "general") for file in list_files(path)]
    rejected = folder / "rejected.jsonl"
    general = take_in(
        sources, settings, output=folder, rejected=rejected, jobs=jobs, title="General text"
    )
    for finding in refuse_units(general):
        note(finding, general)
    is_gold = bool(is_part(general, "general").any())
    if write and is_gold:
        shutil.rmtree(folder / "plain", ignore_errors=True)
    elif write and (folder / "plain").is_dir():
        (folder / "plain").rename(folder / "general")
    return general, is_gold


def check(
    params: Params, base: Path, folder: Path, jobs: Jobs, *, write: bool = True
) -> tuple[Batch, Batch, bool]:
    """Take in labelled data and general text; the first Batch has the findings of both."""
    (folder / "rejected.jsonl").touch()
    total = take_labelled(params, base, folder, jobs, write=write)
    general, is_gold = take_general(params, base, folder, jobs, write=write)
    total.add_findings(general)
    return total, general, is_gold


def stop_at_errors(total: Batch, tolerated: int) -> None:
    """Raise DataError where there are errors of all the data, or too many rejected records."""
    rejected = total.read - total.used - sum(total.answers.values())
    of_all = [finding for finding in total.findings if finding.code in OF_ALL]
    if of_all:
        raise DataError("\n".join(f"{x.path}: {x.code}: {x.advice}" for x in of_all))
    if rejected > tolerated:
        raise DataError(
            f"{rejected:,} records are rejected, data.max_rejected tolerates {tolerated:,}. They "
            "stand whole in rejected.jsonl: mend them and put them back into the data, or raise "
            "the number."
        )
