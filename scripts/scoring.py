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
from collections.abc import Iterable
from typing import Any

import numpy
from spacy.tokens import Doc

from scripts.errors import KINDS, Span, kinds, overlap

Row = dict[str, Any]
RESAMPLES = 1_000
TRIALS = 10_000
LEVEL = 95


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


def draw(documents: int) -> numpy.ndarray:
    """How often each document is drawn, in each resample (RESAMPLES x documents)."""
    if not documents:
        return numpy.zeros((RESAMPLES, 0), "i8")
    shares = numpy.full(documents, 1 / documents)
    return numpy.random.default_rng(0).multinomial(documents, shares, size=RESAMPLES)


def interval(values: numpy.ndarray) -> tuple[float, float]:
    """The bounds between which LEVEL percent of resampled values are."""
    outside = (100 - LEVEL) / 2
    low, high = numpy.percentile(values, [outside, 100 - outside])
    return round(float(low), 4), round(float(high), 4)


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


def difference(before: numpy.ndarray, after: numpy.ndarray, draws: numpy.ndarray) -> dict[str, Any]:
    """F of two models on the same documents: the difference, its interval, and its p-value.

    before, after: documents x 3, of the same documents in the same order.
    """
    f_before, f_after = (f_score(counts.sum(axis=0)) for counts in (before, after))
    low, high = interval(f_score(draws @ after) - f_score(draws @ before))
    return {
        "before": round(float(f_before), 4),
        "after": round(float(f_after), 4),
        "difference": round(float(f_after - f_before), 4),
        "low": low,
        "high": high,
        "p": randomize(before, after),
    }


def randomize(before: numpy.ndarray, after: numpy.ndarray) -> float:
    """How often a difference in F as large comes out when documents swap the models by chance."""
    change = after - before
    differ = change.any(axis=1)
    change = change[differ]
    totals = before.sum(axis=0), after.sum(axis=0)
    observed = abs(float(f_score(totals[1]) - f_score(totals[0])))
    rng = numpy.random.default_rng(0)
    as_large = 0
    for size in [TRIALS // 10] * 10:
        swaps = rng.integers(0, 2, size=(size, len(change)), dtype="i1").astype("f4")
        moved = swaps @ change
        swapped = f_score(totals[1] - moved) - f_score(totals[0] + moved)
        as_large += int((abs(swapped) >= observed - 1e-9).sum())
    return round((as_large + 1) / (TRIALS + 1), 4)
