"""What is kept of the base on general text: what gold says where it covers the base's labels,
agreement with the base where it does not."""

from typing import Any

import numpy

from scripts.scoring.agreement import against_base, agreement
from scripts.scoring.chance import interval
from scripts.scoring.figures import measure_labels
from scripts.scoring.gold import count_found, counted_labels, other_meanings, uncovered_labels
from scripts.scoring.rows import Row, count_by_document, f_score

BY_GOLD, BY_AGREEMENT = "gold", "agreement"
"""What `retention` is the figure of: the values of `retention_by` in scores.json."""


def measure_kept(
    rows: list[Row], labels: list[str], learned: list[str], draws: numpy.ndarray, *, is_gold: bool
) -> dict[str, Any]:
    """Measure what is kept of the base's labels on the general text.

    rows: the general text's, with the spans of base and tuned.
    labels: the base's labels.
    learned: the labels that were taught.
    draws: bootstrap samples of the rows' documents (`resample`).
    is_gold: whether any of the text has gold; without, the rows have what the base found for gold.

    Returns `kept`, the figures of "base" and of "tuned" on the labels that gold counts (on all,
    without gold), and the keys of scores.json that say what is kept of general text: those of
    `decide`, `agreement`, and `gold` (of `measure_gold`; None without gold).
    """
    counted = counted_labels(rows, labels) if is_gold else labels
    kept = {model: measure_labels(rows, model, counted, draws) for model in ("base", "tuned")}
    agreed = agreement(against_base(rows, labels), labels, learned, draws)
    gold = measure_gold(rows, labels, learned, kept, draws) if is_gold else None
    return {"kept": kept, **decide(gold, agreed), "agreement": agreed, "gold": gold}


def measure_gold(
    rows: list[Row],
    labels: list[str],
    learned: list[str],
    kept: dict[str, Any],
    draws: numpy.ndarray,
) -> dict[str, Any]:
    """Say what gold counts and what it says of retention.

    kept: the figures of "base" and of "tuned" on the labels that gold counts.

    Returns `labels`, those that count; `not_counted`, labels of gold that do not, each with what
    the base says in their place; `uncovered`, labels of the base that matter and that gold says
    nothing of; `retention` (None where the base finds nothing that is right) with its interval, and
    `retention_per_label`.
    """
    counted = list(kept["base"]["per_label"])
    low, high = retention_interval(rows, counted, draws)
    return {
        "labels": counted,
        "not_counted": other_meanings(rows, labels, learned),
        "uncovered": uncovered_labels(count_found(rows, labels), counted),
        "retention": retention(kept["base"], kept["tuned"]),
        "retention_low": low,
        "retention_high": high,
        "retention_per_label": {
            label: retention(kept["base"]["per_label"][label], kept["tuned"]["per_label"][label])
            for label in counted
        },
    }


def decide(gold: dict[str, Any] | None, agreed: dict[str, Any]) -> dict[str, Any]:
    """Take retention from gold where that covers the base's labels, from agreement otherwise.

    gold: of `measure_gold`, or None without gold. agreed: of `agreement`.

    Returns `retention`, `retention_low`, `retention_high` and `retention_per_label`, and
    `retention_by`, which says what they are of.
    """
    if gold and gold["retention"] is not None and not gold["uncovered"]:
        names = ("retention", "retention_low", "retention_high", "retention_per_label")
        return {"retention_by": BY_GOLD} | {name: gold[name] for name in names}
    return {
        "retention_by": BY_AGREEMENT,
        "retention": agreed["ents_f"],
        "retention_low": agreed["ents_f_low"],
        "retention_high": agreed["ents_f_high"],
        "retention_per_label": {
            label: figures["ents_f"] for label, figures in agreed["per_label"].items()
        },
    }


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
    labels: the labels that gold counts.
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
