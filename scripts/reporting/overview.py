"""Say in two tables what the labelled data is, and whether each label has enough of it."""

import numpy
from wasabi import msg

from scripts.intake.folder import SPLITS
from scripts.intake.lost_spans import FEW
from scripts.intake.tally import (
    Tally,
    count_documents,
    count_seen,
    count_spans,
    count_unmarked,
    count_words,
    part_mask,
    share_seen,
)
from scripts.reporting.escape import printable
from scripts.words import amount

# With so many spans in train, a label had 0.63 or more of the F that all the data gave it
# (docs/data.md).
ENOUGH = 100
# Of fewer spans in test, one more or less changes F by more than 0.03, and the summary doubts it
# (LEAST_SPANS in scripts/scoring/verdict.py); of so many, the 95% interval of a share is within a
# tenth.
FEW_TO_TEST, ENOUGH_TO_TEST = 30, 100
# Longer labels are cut, so that the table fits a terminal of 80 columns.
WIDTH = 20
TAUGHT = "the base's"
"""Stands for a verdict where a label of the base is not taught, and so needs no spans in train."""


def show_overview(total: Tally, known: set[str]) -> None:
    """Print what each split has, how many spans each label has there, and what is too little.

    total: of the labelled data. known: the base's labels; the data need not teach these.
    """
    msg.table(
        split_rows(total), header=("", *SPLITS), divider=True, aligns=("l", *"r" * len(SPLITS))
    )
    rows = label_rows(total, known)
    header = ("label", *SPLITS, "seen", "to learn", "to test")
    msg.table(rows, header=header, divider=True, aligns=tuple("lrrrrll"), spacing=2)
    msg.text("seen: the share of the label's spans in test whose words train has with that label")
    show_verdict(rows)


def show_files(total: Tally) -> None:
    """Print what was understood of each file, with the first record as it will be learned."""
    for file in total.understood:
        texts = ", ".join(f"{number:,} {part}" for part, number in file.splits.items()) or "none"
        documents = amount(file.documents, "document")
        msg.info(printable(f"{file.files}: {file.format}; texts: {texts}, of {documents}"))
        msg.text(printable(file.first), show=bool(file.first))
    if total.beside:
        msg.info(printable(f"No data, and passed over: {', '.join(total.beside)}"))


def split_rows(total: Tally) -> list[tuple[str, ...]]:
    """What each split has: the name of what is counted, then a figure for each of SPLITS."""
    masks = {part: part_mask(total, part) for part in SPLITS}
    texts = {part: int(mask.sum()) for part, mask in masks.items()}
    words = {part: total.facts["words"][mask] for part, mask in masks.items()}
    unmarked = {part: count_unmarked(total, part) / max(1, texts[part]) for part in SPLITS}
    spans, seen = count_spans(total), share_seen(total)
    figures = {
        "documents": [f"{number:,}" for number in count_documents(total).values()],
        "texts": [f"{texts[part]:,}" for part in SPLITS],
        "  without a span": [f"{unmarked[part]:.0%}" for part in SPLITS],
        "tokens": [f"{count_words(total, part):,}" for part in SPLITS],
        "  in a text, median": [
            f"{numpy.median(own):.0f}" if len(own) else "" for own in words.values()
        ],
        "  in the longest": [f"{own.max(initial=0):,}" for own in words.values()],
        "spans": [f"{spans[part].total():,}" for part in SPLITS],
        "  seen in train": [f"{seen[part]:.0%}" if part in seen else "" for part in SPLITS],
    }
    return [(name, *figures[name]) for name in figures]


def label_rows(total: Tally, known: set[str]) -> list[tuple[str, ...]]:
    """A row for each label, the most frequent in train first.

    Each has the label, its spans in each of SPLITS, the share of those in test that are seen in
    train, and what there is to learn from and to test (`judge`).
    """
    counts = count_spans(total)
    labels = {label for part in SPLITS for label in counts[part]}
    rows = []
    for label in sorted(labels, key=lambda x: (-counts["train"][x], x)):
        train, dev, test = (counts[part][label] for part in SPLITS)
        is_kept = label in known and not train
        name = printable(label)
        rows.append(
            (
                name if len(name) <= WIDTH else f"{name[: WIDTH - 1]}…",
                *(f"{number:,}" for number in (train, dev, test)),
                f"{count_seen(total, 'test', label) / test:.0%}" if test and not is_kept else "",
                TAUGHT if is_kept else judge(train, FEW, ENOUGH),
                judge(test, FEW_TO_TEST, ENOUGH_TO_TEST),
            )
        )
    return rows


def judge(number: int, few: int, enough: int) -> str:
    """Say in words how much a number of spans is: too few, little or enough.

    few: with fewer, they are too few. enough: with so many, there are enough.
    """
    return "too few" if number < few else "little" if number < enough else "enough"


def show_verdict(rows: list[tuple[str, ...]]) -> None:
    """Print which labels have too few spans, and from how many on there are enough.

    rows: those of `label_rows`.
    """
    poor = {
        what: [row[0] for row in rows if row[column] == "too few"]
        for what, column in (("learn", -2), ("test", -1))
    }
    for what, labels in poor.items():
        if labels:
            msg.warn(f"Too few spans to {what}: {', '.join(labels)}")
    if not any(poor.values()):
        msg.good("Every label has spans to learn from and to test.")
    msg.text(
        f"Enough to learn: {ENOUGH} spans in train, too few: under {FEW}. Enough to test: "
        f"{ENOUGH_TO_TEST} in test, too few: under {FEW_TO_TEST} (docs/data.md)."
    )
