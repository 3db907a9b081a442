"""Rows: what is gold and what each model found in a text, and how that is counted.

A row is a dictionary of one text: {"part", "doc", "text", "gold", "unknown", and the spans of each
model under its name}. "part" is test or general, "doc" the document that the text belongs to. Spans
are [start, end, label], in characters. Of the characters in "unknown" ([start, end]) the gold says
nothing, so a found span that touches them counts neither as right nor as wrong.
"""

from collections.abc import Iterable
from typing import Any

import numpy
from spacy.tokens import Doc

from scripts.scoring.kinds import Span, overlap

Row = dict[str, Any]


def make_row(part: str, doc: str, gold: Doc, found: dict[str, Doc]) -> Row:
    """Make the row of a text.

    gold: the text's Doc with gold entities; tokens without annotation are its unknown part.
    found: the Doc that each model made of the text, by the model's name.
    """
    return {
        "part": part,
        "doc": doc,
        "text": gold.text,
        "gold": entity_spans(gold),
        "unknown": [[t.idx, t.idx + len(t)] for t in gold if not t.ent_iob],
        **{model: entity_spans(guess) for model, guess in found.items()},
    }


def entity_spans(doc: Doc) -> list[list]:
    """The entities of a Doc as [start, end, label], in characters."""
    return [[ent.start_char, ent.end_char, ent.label_] for ent in doc.ents]


def gold_and_found(row: Row, model: str, labels: set[str]) -> tuple[set[Span], set[Span]]:
    """The gold spans and the model's, of `labels` alone, without found ones that touch "unknown".

    model: "base", "tuned", or another name that the row has spans under.
    """
    open_parts = [(start, end, "") for start, end in row["unknown"]]
    gold = {(s, e, label) for s, e, label in row["gold"] if label in labels}
    found = {(s, e, label) for s, e, label in row[model] if label in labels}
    if open_parts:
        found = {span for span in found if not any(overlap(span, part) for part in open_parts)}
    return gold, found


def documents_of(rows: list[Row]) -> list[int]:
    """The number of each row's document; documents are numbered from 0 as they first appear."""
    numbers: dict[tuple[str, str], int] = {}
    return [numbers.setdefault((row["part"], row["doc"]), len(numbers)) for row in rows]


def count_by_document(
    rows: list[Row], model: str, labels: Iterable[str]
) -> dict[str, numpy.ndarray]:
    """Count true positives, false positives and misses of a model.

    Returns, for each label, integers of documents x 3, in the order of `documents_of`. A span is
    a true positive only where start, end and label are those of a gold span.
    """
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
    """F1 from counts, along the last axis; 0 where all three are 0.

    counts: ... x 3, true positives, false positives and misses.
    Returns values from 0 to 1, of the shape of `counts` without its last axis.
    """
    tp, fp, fn = (counts[..., i].astype("f8") for i in range(3))
    total = 2 * tp + fp + fn
    return numpy.divide(2 * tp, total, out=numpy.zeros_like(total), where=total > 0)
