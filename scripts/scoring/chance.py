"""How much of a figure is chance: intervals by bootstrap, p-values by permutation.

- Intervals are percentiles of the bootstrap (Efron, 1979, "Bootstrap methods: another look at the
  jackknife", Annals of Statistics 7(1); Efron and Tibshirani, 1993, chapter 13).
- Two models on the same documents are compared by approximate randomization (Noreen, 1989,
  Computer-Intensive Methods for Testing Hypotheses; for F, Yeh, 2000, COLING, "More accurate tests
  for the statistical significance of result differences").
- Two groups of runs are compared by an exact permutation test (Fisher, 1935, The Design of
  Experiments).

Counts are integers, documents x 3: true positives, false positives and misses of each document.
Random numbers are seeded: the same counts give the same figures.
"""

from itertools import combinations
from statistics import mean
from typing import Any

import numpy

from scripts.scoring.rows import f_score

RESAMPLES = 1_000
"""Bootstrap samples of the documents."""
RANDOMIZATIONS = 10_000
"""Random exchanges of two models' documents."""
LEVEL = 95
"""Percent of the resampled values that lie in an interval."""


def resample(documents: int) -> numpy.ndarray:
    """Draw bootstrap samples: as many documents as there are, with replacement, RESAMPLES times.

    Returns how often each document is in each sample (RESAMPLES x documents, integers). `draws @
    counts` are then the summed counts of every sample.
    """
    if not documents:
        return numpy.zeros((RESAMPLES, 0), "i8")
    shares = numpy.full(documents, 1 / documents)
    return numpy.random.default_rng(0).multinomial(documents, shares, size=RESAMPLES)


def interval(values: numpy.ndarray) -> tuple[float, float]:
    """The percentile interval of a figure: the bounds of the middle LEVEL percent of its values.

    values: the figure in each bootstrap sample (RESAMPLES).
    """
    outside = (100 - LEVEL) / 2
    low, high = numpy.percentile(values, [outside, 100 - outside])
    return round(float(low), 4), round(float(high), 4)


def difference(before: numpy.ndarray, after: numpy.ndarray, draws: numpy.ndarray) -> dict[str, Any]:
    """Compare the F of two models on the same documents.

    before, after: counts of the two models (documents x 3), documents in the same order.
    draws: bootstrap samples of these documents (`resample`).

    Returns F `before` and `after` and their `difference`, the bounds `low` and `high` of its
    interval, and its p-value `p` (`randomize`), all rounded to 4 digits.
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
    """The two-sided p-value of a difference in F, by approximate randomization over documents.

    In each of RANDOMIZATIONS trials every document's counts are exchanged between the models with
    probability 1/2. With k trials in which F differs at least as much as observed, p is
    (k + 1) / (RANDOMIZATIONS + 1), so it is never 0.

    before, after: counts of the two models (documents x 3), documents in the same order.
    """
    change = after - before
    differ = change.any(axis=1)
    change = change[differ]
    totals = before.sum(axis=0), after.sum(axis=0)
    observed = abs(float(f_score(totals[1]) - f_score(totals[0])))
    rng = numpy.random.default_rng(0)
    as_large = 0
    # In ten batches, to hold a tenth of the trials x documents in memory.
    for size in [RANDOMIZATIONS // 10] * 10:
        swaps = rng.integers(0, 2, size=(size, len(change)), dtype="i1").astype("f4")
        moved = swaps @ change
        swapped = f_score(totals[1] - moved) - f_score(totals[0] + moved)
        as_large += int((abs(swapped) >= observed - 1e-9).sum())
    return round((as_large + 1) / (RANDOMIZATIONS + 1), 4)


def permutation_p(first: list[float], second: list[float]) -> float:
    """The two-sided p-value of a difference in means between two groups of runs, exact.

    It is the share of all ways to deal the values out to groups of these sizes in which the means
    differ at least as much as observed.

    first, second: a figure of each run; neither group is empty.
    """
    values = [*first, *second]
    observed = abs(mean(first) - mean(second))
    ways = list(combinations(range(len(values)), len(first)))
    as_large = 0
    for way in ways:
        chosen = [values[i] for i in way]
        others = [value for i, value in enumerate(values) if i not in way]
        as_large += abs(mean(chosen) - mean(others)) >= observed - 1e-12
    return as_large / len(ways)
