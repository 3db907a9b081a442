"""Rows: the gold spans of a text and those that each model found, and how they are counted.

A row is a dictionary for one text, with the keys "part", "doc", "text", "gold", "unknown" and the
name of each model. "part" is "test" or "general"; "doc" names the document that the text belongs
to. "gold" and each model's name have lists of spans [start, end, label], in characters. "unknown"
lists the parts of the text [start, end] without gold annotation: a found span that touches one of
them counts neither as right nor as wrong.
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
    """Return the entities of a Doc as [start, end, label], in characters."""
    return [[ent.start_char, ent.end_char, ent.label_] for ent in doc.ents]


def gold_and_found(row: Row, model: str, labels: set[str]) -> tuple[set[Span], set[Span]]:
    """Return a row's gold spans, and the spans that a model found, for some labels.

    Found spans that touch an unknown part are left out.

    model: "base", "tuned", or another model that the row has spans of.
    labels: the labels whose spans are returned.
    """
    open_parts = [(start, end, "") for start, end in row["unknown"]]
    gold = {(s, e, label) for s, e, label in row["gold"] if label in labels}
    found = {(s, e, label) for s, e, label in row[model] if label in labels}
    if open_parts:
        found = {span for span in found if not any(overlap(span, part) for part in open_parts)}
    return gold, found


def documents_of(rows: list[Row]) -> list[int]:
    """Return the number of each row's document: 0 for the first that appears, 1 for the next."""
    numbers: dict[tuple[str, str], int] = {}
    return [numbers.setdefault((row["part"], row["doc"]), len(numbers)) for row in rows]


def count_by_document(
    rows: list[Row], model: str, labels: Iterable[str]
) -> dict[str, numpy.ndarray]:
    """Count the true positives, false positives and misses of a model in each document.

    model: "base", "tuned", or another model that the rows have spans of.
    labels: the labels to count.

    Returns an array of integers (documents x 3) for each label. The documents are numbered as by
    `documents_of`. A found span is a true positive if a gold span has its start, end and label.
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
    """Compute F1 from counts.

    counts: true positives, false positives and misses along the last axis (... x 3).

    Returns values from 0 to 1, in the shape of `counts` without the last axis. F1 is 0 where all
    three counts are 0.
    """
    tp, fp, fn = (counts[..., i].astype("f8") for i in range(3))
    total = 2 * tp + fp + fn
    return numpy.divide(2 * tp, total, out=numpy.zeros_like(total), where=total > 0)
