"""What was found in a text, and how it is counted."""

from collections.abc import Iterable
from typing import Any

import numpy
from spacy.tokens import Doc

from scripts.scoring.kinds import Span, overlap

Row = dict[str, Any]


def make_row(part: str, doc: str, gold: Doc, found: dict[str, Doc]) -> Row:
    """The row of a text: its gold Doc, and the Doc of each model."""
    return {
        "part": part,
        "doc": doc,
        "text": gold.text,
        "gold": spans_of(gold),
        "unknown": [[t.idx, t.idx + len(t)] for t in gold if not t.ent_iob],
        **{model: spans_of(guess) for model, guess in found.items()},
    }


def spans_of(doc: Doc) -> list[list]:
    """The entities of a Doc as a row has them."""
    return [[ent.start_char, ent.end_char, ent.label_] for ent in doc.ents]


def gold_and_found(row: Row, model: str, labels: set[str]) -> tuple[set[Span], set[Span]]:
    """The gold and found spans with one of `labels` that count."""
    open_parts = [(start, end, "") for start, end in row["unknown"]]
    gold = {(s, e, label) for s, e, label in row["gold"] if label in labels}
    found = {(s, e, label) for s, e, label in row[model] if label in labels}
    if open_parts:
        found = {span for span in found if not any(overlap(span, part) for part in open_parts)}
    return gold, found


def documents_of(rows: list[Row]) -> list[int]:
    """The number of each row's document, in the order in which they come."""
    numbers: dict[tuple[str, str], int] = {}
    return [numbers.setdefault((row["part"], row["doc"]), len(numbers)) for row in rows]


def count(rows: list[Row], model: str, labels: Iterable[str]) -> dict[str, numpy.ndarray]:
    """For each label, true positives, false positives and misses (documents x 3)."""
    wanted = set(labels)
    places = documents_of(rows)
    size = max(places, default=-1) + 1
    counts = {label: numpy.zeros((size, 3), dtype="i8") for label in sorted(wanted)}
    for row, place in zip(rows, places, strict=True):
        gold, found = gold_and_found(row, model, wanted)
        for column, spans in enumerate((gold & found, found - gold, gold - found)):
            for span in spans:
                counts[span[2]][place, column] += 1
    return counts


def f_score(counts: numpy.ndarray) -> numpy.ndarray:
    """F of true positives, false positives and misses along the last axis; 0 where there are none.

    counts: ... x 3.
    """
    tp, fp, fn = (counts[..., i].astype("f8") for i in range(3))
    total = 2 * tp + fp + fn
    return numpy.divide(2 * tp, total, out=numpy.zeros_like(total), where=total > 0)
