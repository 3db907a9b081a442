"""Precision, recall and F of what a model found against what is gold, as scores.json has them.

Texts of one document share names and topics, so the bootstrap samples documents, not texts.
"""

from collections import Counter
from typing import Any

import numpy

from scripts.scoring.chance import interval
from scripts.scoring.kinds import KINDS, kinds
from scripts.scoring.rows import Row, count_by_document, documents_of, f_score, gold_and_found


def precision_recall_f(counts: numpy.ndarray, draws: numpy.ndarray | None = None) -> dict[str, Any]:
    """Precision, recall and F (from 0 to 1, rounded to 4 digits), F's interval, and the counts.

    counts: true positives, false positives and misses (documents x 3).
    draws: bootstrap samples of the documents (`resample`); without them there is no interval.
    """
    tp, fp, fn = (int(number) for number in counts.sum(axis=0))
    result: dict[str, Any] = {
        "ents_p": round(tp / (tp + fp), 4) if tp + fp else 0.0,
        "ents_r": round(tp / (tp + fn), 4) if tp + fn else 0.0,
        "ents_f": round(2 * tp / (2 * tp + fp + fn), 4) if tp else 0.0,
    }
    if draws is not None:
        samples = draws @ counts
        # In a sample without any entity there is no F: 0 would say that all are wrong there.
        if (drawn := samples.any(axis=1)).any():
            samples = samples[drawn]
        low, high = interval(f_score(samples))
        result |= {"ents_f_low": low, "ents_f_high": high}
    return result | {"true_positives": tp, "false_positives": fp, "misses": fn}


def measure_labels(
    rows: list[Row], model: str, labels: list[str], draws: numpy.ndarray | None = None
) -> dict[str, Any]:
    """Measure a model on `labels`: all together, each alone, and the kinds of its errors.

    draws: bootstrap samples of the rows' documents (`resample`), for intervals.

    Returns `precision_recall_f` of all labels together, with `errors` (how many entities are of
    each of KINDS) and `per_label` (`precision_recall_f` of each).
    """
    counts = count_by_document(rows, model, labels)
    total = sum(counts.values(), start=numpy.zeros((max(documents_of(rows), default=-1) + 1, 3)))
    errors: Counter[str] = Counter()
    for row in rows:
        errors.update(kind for kind, _, _ in kinds(*gold_and_found(row, model, set(labels))))
    return precision_recall_f(total.astype("i8"), draws) | {
        "errors": {kind: errors[kind] for kind in KINDS},
        "per_label": {label: precision_recall_f(counts[label], draws) for label in labels},
    }


def recall_of_mentions(
    rows: list[Row], model: str, labels: list[str], known: set[tuple[str, str]]
) -> dict[str, dict[str, Any]]:
    """Recall of the gold names that also stand in train with their label, and of all others.

    known: (words, case-folded, and label) of every span in train (`read_mentions`).

    Returns `seen` and `unseen`, each with `ents_r` (from 0 to 1), `true_positives` and `misses`.
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
