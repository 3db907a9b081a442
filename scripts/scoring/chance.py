"""How much is chance: intervals by bootstrap, p-values by permutation."""

from itertools import combinations
from statistics import mean
from typing import Any

import numpy

from scripts.scoring.rows import f_score

RESAMPLES = 1_000
TRIALS = 10_000
LEVEL = 95


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


def permutation_p(first: list[float], second: list[float]) -> float:
    """The share of all ways to deal out the runs that differ in their means by as much."""
    values = [*first, *second]
    observed = abs(mean(first) - mean(second))
    ways = list(combinations(range(len(values)), len(first)))
    as_large = 0
    for way in ways:
        chosen = [values[i] for i in way]
        others = [value for i, value in enumerate(values) if i not in way]
        as_large += abs(mean(chosen) - mean(others)) >= observed - 1e-12
    return as_large / len(ways)
