"""What is kept of the base: retention, its F against gold; agreement, its own entities again."""

from typing import Any

import numpy

from scripts.scoring.chance import interval
from scripts.scoring.figures import precision_recall_f
from scripts.scoring.rows import Row, count_by_document, f_score


def retention(base: dict, tuned: dict) -> float | None:
    """The tuned model's F over the base's; None where the base's F is 0.

    base, tuned: blocks of scores.json with `ents_f`, from 0 to 1. The quotient may exceed 1.
    """
    return round(tuned["ents_f"] / base["ents_f"], 4) if base["ents_f"] else None


def retention_interval(
    rows: list[Row], labels: list[str], draws: numpy.ndarray
) -> tuple[float | None, float | None]:
    """The bootstrap interval of retention, base and tuned on the same sampled documents.

    rows: the general text's, with the spans of base and tuned.
    labels: the base's labels.
    draws: bootstrap samples of the rows' documents (`resample`).

    Returns (None, None) where there is nothing to divide by: without rows or labels, or when the
    base's F is 0 in one of the samples.
    """
    before, after = (
        f_score(draws @ sum(count_by_document(rows, model, labels).values()))
        if labels and rows
        else draws[:, 0]
        for model in ("base", "tuned")
    )
    return interval(after / before) if len(before) and before.all() else (None, None)


def agreement(rows: list[Row], labels: list[str], draws: numpy.ndarray) -> dict[str, Any]:
    """F of the tuned model's entities against the base's own: 1.0 where both say the same.

    rows: the general text's, with the spans of base and tuned. Every token counts, whatever the
        gold says of it, for the base says something of each.
    labels: the base's labels.
    draws: bootstrap samples of the rows' documents (`resample`).

    Returns `agreement`, from 0 to 1, and the bounds of its interval, `agreement_low` and
    `agreement_high`; all are None where the base finds nothing.
    """
    by_base = [row | {"gold": row["base"], "unknown": []} for row in rows]
    none = numpy.zeros((draws.shape[1], 3), "i8")
    counts = sum(count_by_document(by_base, "tuned", labels).values(), start=none)
    found = precision_recall_f(counts, draws)
    known = found["true_positives"] + found["misses"]
    ends = ("", "_low", "_high")
    return {f"agreement{end}": found[f"ents_f{end}"] if known else None for end in ends}
