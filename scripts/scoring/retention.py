"""Retention: the share of the base's F on its own labels that the tuned model has left."""

import numpy

from scripts.scoring.chance import interval
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
