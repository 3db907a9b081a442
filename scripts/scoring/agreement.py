"""What the tuned model says of the entities that the base itself finds: agreement.

It needs no gold. F against the base's own entities is 1 where both say the same, right or wrong,
and what differs is counted by what became of it (CHANGES).
"""

from collections import Counter
from typing import Any

import numpy

from scripts.scoring.figures import measure_labels
from scripts.scoring.kinds import Span, kinds, overlap
from scripts.scoring.rows import Row, gold_and_found

CHANGES = ("same", "moved", "relabelled", "lost", "gained")
"""What can become of an entity of the base: the same; the same label in other bounds; another
label in its place; nothing there any more; and what the base did not find."""
# What `kinds` calls it, when the base's entities stand for gold.
_CHANGE_OF = {
    "right": "same",
    "wrong_boundary": "moved",
    "wrong_label": "relabelled",
    "both": "relabelled",
    "missed": "lost",
    "spurious": "gained",
}
_UNKNOWN = ("ents_p", "ents_r", "ents_f", "ents_f_low", "ents_f_high")


def agreement(
    rows: list[Row], labels: list[str], learned: list[str], draws: numpy.ndarray
) -> dict[str, Any]:
    """Measure the tuned model against what the base found.

    rows: of `against_base`, or of `against_base_in_domain`.
    labels: the base's labels that are measured.
    learned: the labels that were taught; one of these in the place of a base's entity is a change.
    draws: bootstrap samples of the rows' documents (`resample`).

    Returns `precision_recall_f` of all labels together, with `changes` (how many entities became
    each of CHANGES), and `per_label` with both for each. Figures are None where the base finds
    nothing, for there is nothing to agree with.
    """
    measured = measure_labels(rows, "tuned", labels, draws)
    del measured["errors"]
    changes: dict[str, Counter[str]] = {label: Counter() for label in labels}
    for row in rows:
        for change, before, after in list_changes(row, labels, learned):
            changes[(before or after or (0, 0, ""))[2]][change] += 1
    for label, figures in measured["per_label"].items():
        figures["changes"] = {change: changes[label][change] for change in CHANGES}
    total = sum(changes.values(), Counter())
    measured["changes"] = {change: total[change] for change in CHANGES}
    for figures in (measured, *measured["per_label"].values()):
        if not figures["true_positives"] + figures["misses"]:
            figures |= dict.fromkeys(_UNKNOWN)
    return {**measured, "per_label": measured.pop("per_label")}


def list_changes(
    row: Row, labels: list[str], learned: list[str]
) -> list[tuple[str, Span | None, Span | None]]:
    """What became of each entity that the base found in a text, and what it did not find.

    Returns (one of CHANGES, the base's entity, the tuned model's), in the order of `kinds`. New
    entities of a label that was taught are no change of the base's.
    """
    gold = {(start, end, label) for start, end, label in row["gold"]}
    _, found = gold_and_found(row, "tuned", {*labels, *learned})
    return [
        (_CHANGE_OF[kind], before, after)
        for kind, before, after in kinds(gold, found)
        if before or (after and after[2] in labels)
    ]


def against_base(rows: list[Row], labels: list[str]) -> list[Row]:
    """The rows with what the base found in the place of gold.

    Every token counts, whatever the gold says of it, for the base says something of each.
    """
    wanted = set(labels)
    return [
        row | {"gold": [span for span in row["base"] if span[2] in wanted], "unknown": []}
        for row in rows
    ]


def against_base_in_domain(rows: list[Row], labels: list[str], learned: list[str]) -> list[Row]:
    """The same of labelled texts, without what gold takes on purpose.

    An entity of the base that touches a gold span of a label that is taught has to go, and is no
    damage. So these spans, and what no annotation says anything of, count neither way.
    """
    result = []
    for row, own in zip(rows, against_base(rows, labels), strict=True):
        taken = _taken(row, learned)
        kept = [span for span in own["gold"] if not _touches(span, taken)]
        result.append(own | {"gold": kept, "unknown": [[start, end] for start, end, _ in taken]})
    return result


def count_on_purpose(rows: list[Row], labels: list[str], learned: list[str]) -> dict[str, int]:
    """Count the base's entities that gold takes on purpose and the tuned model gave up, by label.

    rows: of the labelled texts, as `make_row` makes them. Labels of which there are none are left
    out.
    """
    counts: Counter[str] = Counter()
    for row in rows:
        gold = [(start, end, label) for start, end, label in row["gold"] if label in learned]
        after = {tuple(span) for span in row["tuned"]}
        counts.update(
            span[2]
            for span in row["base"]
            if span[2] in labels and _touches(span, gold) and tuple(span) not in after
        )
    return dict(sorted(counts.items()))


def _taken(row: Row, learned: list[str]) -> list[Span]:
    """The gold spans of labels that are taught, and the parts that gold says nothing of."""
    gold = [(start, end, label) for start, end, label in row["gold"] if label in learned]
    return gold + [(start, end, "") for start, end in row["unknown"]]


def _touches(span: list, others: list[Span]) -> bool:
    """Whether a span has a character in common with one of the others."""
    return any(overlap((span[0], span[1], span[2]), other) for other in others)
