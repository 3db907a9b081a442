"""Figures of what was found against what is gold, with intervals and tests over documents.

A row is a text: {"part", "doc", "text", "gold", "unknown", and what each model found}. Spans are
[start, end, label] in characters; of the characters in "unknown" the gold says nothing, and a span
that touches them counts neither way.

Texts of one document are alike, so that chance is drawn document by document: intervals are
percentiles of a bootstrap (Efron and Tibshirani, 1993, An Introduction to the Bootstrap, chapter
13), p-values come from approximate randomization (Noreen, 1989, Computer-Intensive Methods for
Testing Hypotheses; for F, Yeh, 2000, COLING, "More accurate tests for the statistical significance
of result differences"). Both are seeded: the same rows give the same figures.
"""

from collections import Counter
from typing import Any

import numpy

from scripts.scoring.chance import interval
from scripts.scoring.kinds import KINDS, kinds
from scripts.scoring.rows import Row, count, documents_of, f_score, gold_and_found


def figures(counts: numpy.ndarray, draws: numpy.ndarray | None = None) -> dict[str, Any]:
    """What scores.json says of counts (documents x 3): P, R, F, the counts, F's interval."""
    tp, fp, fn = (int(number) for number in counts.sum(axis=0))
    result: dict[str, Any] = {
        "ents_p": round(tp / (tp + fp), 4) if tp + fp else 0.0,
        "ents_r": round(tp / (tp + fn), 4) if tp + fn else 0.0,
        "ents_f": round(2 * tp / (2 * tp + fp + fn), 4) if tp else 0.0,
    }
    if draws is not None:
        low, high = interval(f_score(draws @ counts))
        result |= {"ents_f_low": low, "ents_f_high": high}
    return result | {"true_positives": tp, "false_positives": fp, "misses": fn}


def measure(
    rows: list[Row], model: str, labels: list[str], draws: numpy.ndarray | None = None
) -> dict[str, Any]:
    """The figures of all `labels` together and of each, and the kinds of error.

    draws: of the rows' documents (`draw`), for intervals.
    """
    counts = count(rows, model, labels)
    total = sum(counts.values(), start=numpy.zeros((max(documents_of(rows), default=-1) + 1, 3)))
    errors: Counter[str] = Counter()
    for row in rows:
        errors.update(kind for kind, _, _ in kinds(*gold_and_found(row, model, set(labels))))
    return figures(total.astype("i8"), draws) | {
        "errors": {kind: errors[kind] for kind in KINDS},
        "per_label": {label: figures(counts[label], draws) for label in labels},
    }


def recall_of_mentions(
    rows: list[Row], model: str, labels: list[str], known: set[tuple[str, str]]
) -> dict[str, dict[str, Any]]:
    """Recall of the names that also stand in train with their label, and of all others.

    known: (words in lower case, label) of every span in train.
    """
    counts = {True: [0, 0], False: [0, 0]}
    for row in rows:
        gold, found = gold_and_found(row, model, set(labels))
        for span in gold:
            words = row["text"][span[0] : span[1]].casefold()
            counts[(words, span[2]) in known][span not in found] += 1
    return {
        name: {
            "ents_r": round(tp / (tp + fn), 4) if tp + fn else 0.0,
            "true_positives": tp,
            "misses": fn,
        }
        for name, (tp, fn) in (("seen", counts[True]), ("unseen", counts[False]))
    }
