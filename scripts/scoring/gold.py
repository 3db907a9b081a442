"""Which labels of gold general text count: those that the base has, too, and means the same by."""

from collections import Counter
from collections.abc import Iterable

from scripts.scoring.rows import Row
from scripts.scoring.verdict import LEAST_SPANS

SEEN_AS = 0.2
"""The base sees a label of gold as one of its own if it gives that one at least this share of the
label's spans."""
OFTEN = 0.05
"""A label of the base matters if it makes at least this share of all that the base finds in the
text, or LEAST_SPANS entities."""


def shares_seen(rows: Iterable[Row]) -> dict[str, dict[str, float]]:
    """For each label of gold, the share of its spans that the base gives each of its labels."""
    seen: dict[str, Counter[str]] = {}
    for row in rows:
        guessed = {(start, end): label for start, end, label in row["base"]}
        for start, end, label in row["gold"]:
            seen.setdefault(label, Counter())[guessed.get((start, end), "")] += 1
    return {
        label: {
            other: round(number / counts.total(), 3)
            for other, number in sorted(counts.items())
            if other
        }
        for label, counts in sorted(seen.items())
    }


def other_meanings(
    rows: list[Row], labels: list[str], learned: list[str]
) -> dict[str, dict[str, float]]:
    """The labels of gold that do not count, each with what the base says in their place.

    That is a label that the base does not have, and one whose spans it gives another label more
    often than this one. New labels, which are taught, are none of the base's and are left out.

    rows: of the general text. labels: the base's. learned: those that are taught.
    """
    found = {}
    for label, shares in shares_seen(rows).items():
        if label in learned and label not in labels:
            continue
        others = {x: share for x, share in shares.items() if x != label and share >= SEEN_AS}
        if label not in labels or max(others.values(), default=0) > shares.get(label, 0):
            found[label] = others
    return found


def counted_labels(rows: list[Row], labels: list[str]) -> list[str]:
    """The labels of the base that gold marks, and that mean the same in both."""
    marked = {label for row in rows for _, _, label in row["gold"]}
    return sorted(marked & set(labels) - other_meanings(rows, labels, []).keys())


def count_found(rows: Iterable[Row], labels: list[str]) -> dict[str, int]:
    """How many entities of each of its labels the base finds."""
    counts = Counter(label for row in rows for _, _, label in row["base"])
    return {label: counts[label] for label in labels}


def uncovered_labels(found: dict[str, int], counted: list[str]) -> list[str]:
    """The labels of the base that matter and that gold says nothing of.

    found: how many entities of each of its labels the base finds in the text.
    counted: of `counted_labels`.
    """
    enough = min(LEAST_SPANS, OFTEN * sum(found.values()))
    return [
        label
        for label, number in found.items()
        if number and number >= enough and label not in counted
    ]
