"""Make DocBins of the labelled data, the rehearsal text and the general text.

    python -m scripts.preprocess training/base corpus
    python -m scripts.preprocess training/base corpus --engine ray --address HOST:6379

Writes a folder of DocBins for each of train, dev, test, general and rehearsal, data.json (labels
and counts), the findings as JSON and as a page, and the rejected records whole. One rule holds for
every strategy: the component that learns has labels, the data's and, with `update`, its own; where
the data leaves a token open, `data.unlabelled: base` lets the base model say which of *these*
labels it has.
"""

from pathlib import Path

import numpy
import spacy
import srsly
import typer
from spacy.tokens import DocBin
from wasabi import msg

from scripts.exceptions import DataError
from scripts.intake.gather import FINDINGS, check, stop_at_errors
from scripts.intake.splits import SPLITS
from scripts.intake.tally import Batch, count_spans, count_words, is_part, share_seen
from scripts.keeping.base_labels import entity_labels, fill_all, find_rivals
from scripts.keeping.rehearsal import rehearse, warn_of_little
from scripts.params import Params, load_params
from scripts.reporting.findings_page import count_codes, records_of, show_findings, write_findings
from scripts.runtime.kernels import choose_blis
from scripts.runtime.workers import ADDRESS, ENGINE, JOBS, Engine, Jobs, choose_workers
from scripts.storage.atomic import publish, scratch_folder
from scripts.storage.docbins import ATTRS, read_docs


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
