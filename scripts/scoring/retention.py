"""How much of the base is left."""

import numpy

from scripts.scoring.chance import interval
from scripts.scoring.rows import Row, count, f_score


def retention_interval(
    rows: list[Row], labels: list[str], draws: numpy.ndarray
) -> tuple[float | None, float | None]:
    """The interval of retention: base and tuned on the same documents; None where F is 0."""
    before, after = (
        f_score(draws @ sum(count(rows, name, labels).values())) if labels and rows else draws[:, 0]
        for name in ("base", "tuned")
    )
    return interval(after / before) if len(before) and before.all() else (None, None)


def retention(base: dict, tuned: dict) -> float | None:
    """The share of the base's F that is left; None where the base finds nothing."""
    return round(tuned["ents_f"] / base["ents_f"], 4) if base["ents_f"] else None
