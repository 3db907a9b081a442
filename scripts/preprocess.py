"""Make DocBins of the labelled data, the rehearsal text and the general text.

    python -m scripts.preprocess training/base corpus
    python -m scripts.preprocess training/base corpus --engine ray --address HOST:6379

Writes a folder of DocBins for each of train, dev, test, general and rehearsal, data.json (labels
and counts), the findings as JSON and as a page, and the rejected records whole. One rule holds for
every strategy: the component that learns has labels, the data's and, with `update`, its own; where
the data leaves a token open, `data.unlabelled: base` lets the base model say which of *these*
labels it has.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy
import spacy
import srsly
import typer
from spacy.tokens import DocBin
from wasabi import msg

from scripts.across import count_spans, list_across, list_labels, refuse_units, share_seen
from scripts.batches import Batch, count_words, is_part, note
from scripts.docbins import ATTRS, read_docs
from scripts.engine import ADDRESS, ENGINE, JOBS, Engine, Jobs, choose_workers
from scripts.files import list_files
from scripts.fill import entity_labels, fill_all, find_rivals
from scripts.findings import count_codes, records_of, show_findings, write_findings
from scripts.formats import recognize
from scripts.intake import Source, take_in
from scripts.kernels import choose_blis
from scripts.params import Data, Params, load_params
from scripts.records import DataError
from scripts.rehearsal import rehearse, warn_of_little
from scripts.whole import scratch_folder
from scripts.worker import Settings

SPLITS = ("train", "dev", "test")
FINDINGS = ("findings.json", "findings.html", "rejected.jsonl")
# Findings that no rejected record mends.
OF_ALL = ("offset-unit", "no-spans", "rename")


def find_sources(data: Data) -> tuple[list[Source], dict[str, float]]:
    """The files of the labelled data, each with its split, and the shares of those without a file.

    A folder with train.* (a file or a folder) is taken by these names; else all files below it are
    one set. What has no file is split off train, whole documents at a time.
    """
    source = Path(data.source)
    paths = {part: find_split(source, part) for part in SPLITS} if source.is_dir() else {}
    given = {part: path for part, path in paths.items() if path}
    if given and "train" not in given:
        names = ", ".join(path.name for path in given.values())
        raise DataError(f"{source}: there is {names}, but no train.*: name the training data so.")
    given = given or {"train": source}
    shares = {"test": data.test, "dev": data.dev}
    left = {part: share for part, share in shares.items() if part not in given}
    sources: list[Source] = [
        (file, recognize(file, data.format), None if part == "train" else part)
        for part, path in given.items()
        for file in list_files(path)
    ]
    return sources, left


def find_split(source: Path, part: str) -> Path | None:
    """The file or folder of a split in a folder of data."""
    found = [path for path in source.iterdir() if path.name.split(".")[0] == part]
    # brat's other half; what `dvc add` leaves beside a file.
    found = sorted(path for path in found if path.suffix not in (".ann", ".dvc"))
    if len(found) > 1:
        names = ", ".join(str(path) for path in found)
        raise DataError(f"{names}: which one is meant? Take the others away.")
    return found[0] if found else None


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


def make_corpus(
    params: Params, base: Path, folder: Path, total: Batch, practised: dict, jobs: Jobs
) -> dict:
    """Let the base fill what is open in the DocBins of a folder; return what data.json says."""
    choose_blis()
    nlp = spacy.load(base)
    counts = count_spans(total)
    learned, known = sorted(counts["train"]), entity_labels(nlp)
    strategy = params.training.strategy
    own = set(nlp.pipe_labels[params.base.component])
    labels = set(learned) | (own if strategy == "update" else set())
    if labels & known:
        fill_all(folder, params.data.unlabelled, base, labels, jobs)
    texts = {part: int(is_part(total, part).sum()) for part in SPLITS}
    train = read_docs(folder / "train", nlp.vocab)
    return {
        "labels": learned,
        "base_labels": sorted(known),
        # Given up on purpose: who reads of the model must be told.
        "dropped_labels": sorted(own - set(learned)) if strategy == "replace" else [],
        "rivals": {} if strategy == "replace" else find_rivals(nlp, train),
        "texts": texts | {"dev": texts["dev"] + practised["dev"]["texts"]},
        "labelled_texts": texts,
        "documents": {
            part: len(numpy.unique(total.facts["doc"][is_part(total, part)])) for part in SPLITS
        },
        "words": {part: count_words(total, part) for part in SPLITS},
        "spans": {part: dict(sorted(counts[part].items())) for part in SPLITS},
        "seen_mentions": share_seen(total),
        "rehearsal": practised,
        "left_out": int(is_part(total, "spare").sum()),
        "records": records_of(total),
        "findings": {row["code"]: row["count"] for row in count_codes(total)},
        "skipped_answers": dict(sorted(total.answers.items())),
    }


def preprocess(*, params: Params, base: Path, output: Path, jobs: Jobs = 1) -> None:
    """Write the DocBins, counts and findings into the folder `output`.

    jobs: processes that work at once, or a cluster; the output does not hang on it.
    Raises DataError; then only findings and rejected records are new in `output`.
    """
    # A cluster's workers have another working directory.
    base = base.resolve()
    # In `output` itself: an error leaves what was there.
    with scratch_folder(output.resolve(), "preprocess") as folder:
        total, general, is_gold = check(params, base, folder, jobs)
        practised = rehearse(params, base, folder, total, general, jobs)
        write_findings(total, folder)
        show_findings(total, output)
        try:
            stop_at_errors(total, params.data.max_rejected)
        except DataError:
            publish(folder, output, FINDINGS)
            raise
        summary = make_corpus(params, base, folder, total, practised, jobs)
        summary["texts"]["general"] = int(is_part(general, "general" if is_gold else "plain").sum())
        summary["general_is_gold"] = is_gold
        for part in (*SPLITS, "general", "rehearsal"):
            (folder / part).mkdir(exist_ok=True)
            if not any((folder / part).iterdir()):
                DocBin(attrs=ATTRS).to_disk(folder / part / f"{part}-00000.spacy")
        srsly.write_json(folder / "data.json", summary)
        # What says that the corpus is whole goes first and comes last.
        (output / "data.json").unlink(missing_ok=True)
        publish(folder, output, sorted(path.name for path in folder.iterdir()))
    report(summary, params.training.strategy)


def publish(folder: Path, output: Path, names: Iterable[str]) -> None:
    """Move files and folders to `output`, in the place of those of the same name."""
    for name in sorted(names, key=lambda name: name == "data.json"):
        target = output / name
        if target.is_dir():
            shutil.rmtree(target)
        (folder / name).replace(target)


def report(summary: dict, strategy: str) -> None:
    """Say what was made."""
    msg.good(
        f"{summary['labelled_texts']['train']:,} texts to learn {', '.join(summary['labels'])} "
        f"from, {summary['rehearsal']['train']['texts']:,} of general text to practise on"
    )
    warn_of_little(summary["rehearsal"]["train"]["words"], strategy)
    for label, rivals in summary["rivals"].items():
        seen = ", ".join(f"{share:.0%} {rival}" for rival, share in rivals.items())
        nearest = max(rivals, key=rivals.__getitem__)
        msg.warn(
            f"{label} rivals the base's labels: to the base its spans are {seen}.",
            f"If they mean the same, set data.rename to {{{label}: {nearest}}}; as two labels, "
            "what one gains the other loses.",
        )


def main(
    base: Path,
    output: Path,
    jobs: int | None = JOBS,
    engine: Engine = ENGINE,
    address: str | None = ADDRESS,
) -> None:
    """Make DocBins of the labelled data, the rehearsal text and the general text."""
    workers = choose_workers(engine, jobs, address)
    try:
        preprocess(params=load_params(), base=base, output=output, jobs=workers)
    except DataError as error:
        msg.fail(str(error), exits=1)


if __name__ == "__main__":
    typer.run(main)
