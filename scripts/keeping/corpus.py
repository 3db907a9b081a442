"""Make the corpus that training and evaluation read, or only check what it would be made of.

One rule holds for every strategy: the component that learns has labels, the data's and, with
`update`, its own. Where the data leaves a token open, `data.unlabelled: base` lets the base model
say which of *these* labels it has.
"""

from pathlib import Path

import spacy
import srsly
from spacy.tokens import DocBin
from wasabi import msg

from scripts.base.recognizers import FACTORIES, read_enabled, read_entity_labels
from scripts.exceptions import DataError
from scripts.intake.folder import SPLITS
from scripts.intake.gather import (
    FINDINGS,
    stop_at_errors,
    take_labelled_and_general,
)
from scripts.intake.ranks import FEW_DOCUMENTS
from scripts.intake.tally import (
    Tally,
    count_documents,
    count_spans,
    count_words,
    part_mask,
    share_seen,
)
from scripts.keeping.base_labels import entity_labels, fill_train_and_dev, find_rivals
from scripts.keeping.general_text import (
    Measured,
    choose_measured,
    look_at_general,
    rehearses_general,
    warn_of_general,
)
from scripts.keeping.language import warn_of_other_language
from scripts.keeping.rehearsal import read_plain, rehearse
from scripts.params import Params
from scripts.reporting.findings_page import count_codes, records_of, show_findings, write_findings
from scripts.reporting.overview import show_files, show_overview
from scripts.runtime.kernels import choose_blis
from scripts.storage.atomic import publish, scratch_folder
from scripts.storage.docbins import ATTRS, read_docs

FOLDERS = (*SPLITS, "general", "rehearsal")


def check_data(*, params: Params, base: Path, output: Path, jobs: int = 1) -> None:
    """Check all the data as `preprocess` does, and write only the findings into `output`.

    Prints an overview, then the findings. Raises DataError where `preprocess` would.
    """
    with scratch_folder(output, "check") as folder:
        total, general = take_labelled_and_general(params, base, folder, jobs, write=False)
        if not rehearses_general(params):
            for _ in read_plain(params, folder, total):
                pass  # its findings are what is wanted
        write_findings(total, folder)
        publish(folder, output, FINDINGS)
        choose_measured(params, folder, general)
        choose_blis()
        learned = sorted(count_spans(total)["train"])
        seen = look_at_general(spacy.load(base), folder / "general", learned)
    show_overview(total, read_entity_labels(base))
    show_files(total)
    show_findings(total, output)
    show_ranks(total)
    if params.training.strategy != "replace":
        warn_of_general(seen)
    warn_of_base(params, base)
    stop_at_errors(total, params.data.max_rejected)


def show_ranks(total: Tally) -> None:
    """Where the split is cut by rank, print its sizes, and what moves when the data grows."""
    if total.split == "rank":
        counts = ", ".join(f"{n:,} {part}" for part, n in count_documents(total).items())
        msg.info(
            f"Few documents, so the split is cut by rank: {counts}. Below {FEW_DOCUMENTS:,} the "
            "shares hold, and a document that comes or goes can move others between splits "
            "(docs/data.md)."
        )


def warn_of_base(params: Params, base: Path) -> None:
    """Warn of what does not suit the base: texts of another language, one recognizer more."""
    warn_of_other_language(params, base)
    names = read_enabled(base, FACTORIES)
    if params.training.strategy == "extend" and len(names) > 1:
        msg.info(
            f"The base has {len(names)} recognizers, {', '.join(names)}; extend adds one more, and "
            "each costs running time. Where that matters, let one that was added learn the labels, "
            "at some F of those that it has: base.component, and training.strategy: update "
            "(docs/keeping.md, Second generation)."
        )


def preprocess(*, params: Params, base: Path, output: Path, jobs: int = 1) -> dict:
    """Write the DocBins, data.json and findings into `output`; return what data.json says.

    base: the folder of the base model.
    jobs: how many processes work at once; the output does not depend on it.
    Prints the findings. Raises DataError; then only the findings and the rejected records are new
    in `output`.
    """
    # Inside `output`, so that what stands there is replaced only when everything is made.
    with scratch_folder(output, "preprocess") as folder:
        total, general = take_labelled_and_general(params, base, folder, jobs)
        measured = choose_measured(params, folder, general)
        rehearsal = rehearse(params, base, folder, total, measured, jobs)
        write_findings(total, folder)
        show_findings(total, output)
        show_ranks(total)
        warn_of_base(params, base)
        try:
            stop_at_errors(total, params.data.max_rejected)
        except DataError:
            publish(folder, output, FINDINGS)
            raise
        summary = add_base_labels(params, base, folder, total, jobs)
        summary |= summarize(total, measured, rehearsal)
        write_empty_shards(folder)
        srsly.write_json(folder / "data.json", summary)
        # data.json stands for a whole corpus: it is removed first and published last.
        (output / "data.json").unlink(missing_ok=True)
        publish(folder, output, sorted(path.name for path in folder.iterdir()))
    return summary


def add_base_labels(params: Params, base: Path, folder: Path, total: Tally, jobs: int) -> dict:
    """Let the base predict labels that are learned where the DocBins in `folder` leave them open.

    Returns the part of data.json that says which labels there are, and what the base finds of its
    own in general text.
    """
    choose_blis()
    nlp = spacy.load(base)
    learned, known = sorted(count_spans(total)["train"]), entity_labels(nlp)
    strategy = params.training.strategy
    own = set(nlp.pipe_labels[params.base.component])
    labels = set(learned) | (own if strategy == "update" else set())
    if labels & known:
        fill_train_and_dev(folder, params.data.unlabelled, base, labels, jobs)
    train = read_docs(folder / "train", nlp.vocab)
    return {
        "labels": learned,
        "base_labels": sorted(known),
        # `replace` gives these up; the model card has to say so.
        "dropped_labels": sorted(own - set(learned)) if strategy == "replace" else [],
        "rivals": {} if strategy == "replace" else find_rivals(nlp, train),
        "general": look_at_general(nlp, folder / "general", learned),
    }


def summarize(total: Tally, measured: Measured, rehearsal: dict) -> dict:
    """The part of data.json that counts what the corpus has.

    measured: the general text that is measured on.
    rehearsal: texts and words of the general text in train and dev, as `rehearse` returns them.
    """
    counts = count_spans(total)
    texts = {part: int(part_mask(total, part).sum()) for part in SPLITS}
    general = {"dev": texts["dev"] + rehearsal["dev"]["texts"], "general": measured.texts}
    return {
        "texts": texts | general,
        "labelled_texts": texts,
        "documents": count_documents(total),
        "split": total.split,
        "words": {part: count_words(total, part) for part in SPLITS},
        "spans": {part: dict(sorted(counts[part].items())) for part in SPLITS},
        "seen_mentions": share_seen(total),
        "rehearsal": rehearsal,
        "left_out": int(part_mask(total, "spare").sum()),
        "records": records_of(total),
        "findings": {row["code"]: row["count"] for row in count_codes(total)},
        "skipped_answers": dict(sorted(total.answers.items())),
        "general_is_gold": measured.is_gold,
    }


def write_empty_shards(folder: Path) -> None:
    """Write an empty DocBin for each part that has none: spaCy's Corpus needs one to read."""
    for part in FOLDERS:
        (folder / part).mkdir(exist_ok=True)
        if not any((folder / part).iterdir()):
            DocBin(attrs=ATTRS).to_disk(folder / part / f"{part}-00000.spacy")
