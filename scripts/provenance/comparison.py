"""Compare what the models of two revisions found, text by text."""

import json
from collections import Counter
from typing import Any

import numpy

from scripts.exceptions import RevisionError
from scripts.provenance.differences import differences
from scripts.provenance.revisions import MEASURED, WORKSPACE, Revision
from scripts.scoring.agreement import against_base
from scripts.scoring.chance import compare_f, resample
from scripts.scoring.kinds import kinds
from scripts.scoring.rows import Row, count_by_document, documents_of, gold_and_found


def pair_rows(before: list[Row], after: list[Row]) -> tuple[list[Row], list[str]]:
    """Pair the texts that both revisions have with the same gold annotation.

    before, after: the predictions of either revision.

    Returns the rows with what was found `before` and `after`, and notes on what is left out. Raises
    RevisionError if a part of the corpus has texts, but none in common.
    """

    def key(row: Row) -> str:
        return json.dumps([row[x] for x in ("part", "text", "gold", "unknown")])

    known: dict[str, list[Row]] = {}
    for row in before:
        known.setdefault(key(row), []).append(row)
    pairs = []
    for row in after:
        if same := known.get(key(row)):
            other = same.pop(0)
            pairs.append(
                row
                | {"before": other["tuned"], "after": row["tuned"]}
                | {"base_before": other["base"], "base_after": row["base"]}
            )
    notes = []
    for part in dict.fromkeys(MEASURED.values()):
        common, *sizes = [sum(x["part"] == part for x in rows) for rows in (pairs, before, after)]
        if any(sizes) and not common:
            raise RevisionError(f"The two have no text of {part} in common: nothing to compare.")
        if {common} != {*sizes}:
            notes.append(
                f"The texts of {part} differ: {common:,} are compared, which both have with the "
                f"same gold, of {sizes[0]:,} before and {sizes[1]:,} after."
            )
    return pairs, notes


def compare_labels(rows: list[Row], measured: str, labels: list[str]) -> list[dict[str, Any]]:
    """F before and after, of all labels together and of each, with interval and p-value.

    rows: the paired texts of one part of the corpus.
    measured: `new`, `kept` or `agreement`; the latter is F against what either's base found.
    """
    draws = resample(len(set(documents_of(rows))))
    counts = []
    for model in ("before", "after"):
        own = rows
        if measured == "agreement":
            own = against_base([row | {"base": row[f"base_{model}"]} for row in rows], labels)
        counts.append(count_by_document(own, model, labels))
    all_labels = [numpy.sum([*each.values()], axis=0) for each in counts]
    table = [("all", all_labels)] if labels else []
    table += [(label, [each[label] for each in counts]) for label in labels]
    return [
        {"measured": measured, "label": label} | compare_f(before, after, draws)
        for label, (before, after) in table
    ]


def compare_documents(rows: list[Row], labels: set[str]) -> dict[str, list[dict[str, Any]]]:
    """The texts that got better and those that got worse, those with the largest change first.

    A text's change is the change in its right entities minus its wrong ones.
    """
    changed = []
    for row in rows:
        score = {}
        for model in ("before", "after"):
            found = Counter(kind for kind, _, _ in kinds(*gold_and_found(row, model, labels)))
            score[model] = 2 * found["right"] - found.total()
        if change := score["after"] - score["before"]:
            changed.append({key: row[key] for key in ("part", "doc", "text")} | {"change": change})
    return {
        "better": sorted((x for x in changed if x["change"] > 0), key=lambda x: -x["change"]),
        "worse": sorted((x for x in changed if x["change"] < 0), key=lambda x: x["change"]),
    }


def compare_revisions(before: str = "HEAD", after: str = WORKSPACE) -> dict[str, Any]:
    """Everything that differs between two revisions.

    before, after: the name of a commit, branch, tag or experiment, or `workspace`.

    Raises RevisionError if one is unknown, lacks a result, or has no text in common with the other.
    """
    old, new = Revision(before), Revision(after)
    rows, notes = pair_rows(old.predictions(), new.predictions())
    old_labels, new_labels = old.labels(), new.labels()
    # A label may be new in one of the two alone; what is kept is compared where both measured it.
    labels = {measured: old_labels[measured] & new_labels[measured] for measured in MEASURED}
    labels["new"] = old_labels["new"] | new_labels["new"]
    table = []
    for measured, part in MEASURED.items():
        of_part = [row for row in rows if row["part"] == part]
        table += compare_labels(of_part, measured, sorted(labels[measured]))
    return {
        "before": before,
        "after": after,
        "notes": notes,
        "rows": table,
        "retention": {"before": old.retention(), "after": new.retention()},
        **compare_documents(rows, labels["new"] | labels["kept"]),
        "params": differences(old.params(), new.params(), "key"),
        "data": differences(old.data(), new.data(), "path"),
    }


def verdict(row: dict[str, Any]) -> str:
    """What a line of the table means, in a few words."""
    if not row["difference"]:
        return "the same"
    if row["p"] >= 0.05:
        return "could be chance"
    return "better" if row["difference"] > 0 else "worse"
