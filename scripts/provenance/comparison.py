"""Two revisions are compared, text by text."""

import json
from collections import Counter
from typing import Any

import numpy
import srsly

from scripts.exceptions import RevisionError
from scripts.provenance.differences import differences, flatten
from scripts.provenance.revisions import MEASURED, WORKSPACE, labels_of, read, read_data, read_rows
from scripts.scoring.chance import compare_f, resample
from scripts.scoring.kinds import kinds
from scripts.scoring.rows import Row, count_by_document, documents_of, gold_and_found


def pair_rows(before: list[Row], after: list[Row]) -> tuple[list[Row], list[str]]:
    """Texts that both have, with the same gold: what either model found; and what was left out."""

    def key(row: Row) -> str:
        return json.dumps([row[x] for x in ("part", "text", "gold", "unknown")])

    known: dict[str, list[Row]] = {}
    for row in before:
        known.setdefault(key(row), []).append(row)
    pairs = []
    for row in after:
        if same := known.get(key(row)):
            pairs.append(row | {"before": same.pop(0)["tuned"], "after": row["tuned"]})
    notes = []
    for part in MEASURED.values():
        sizes = [sum(row["part"] == part for row in rows) for rows in (pairs, before, after)]
        if sizes[1:] and not sizes[0]:
            raise RevisionError(f"The two have no text of {part} in common: nothing to compare.")
        if len(set(sizes)) > 1:
            notes.append(
                f"The texts of {part} differ: {sizes[0]:,} are compared, which both have with the "
                f"same gold, of {sizes[1]:,} before and {sizes[2]:,} after."
            )
    return pairs, notes


def compare_labels(rows: list[Row], measured: str, labels: list[str]) -> list[dict[str, Any]]:
    """F before and after of all labels and of each, with interval and p-value."""
    draws = resample(len(set(documents_of(rows))))
    counts = [count_by_document(rows, model, labels) for model in ("before", "after")]
    all_labels = [numpy.sum([*each.values()], axis=0) for each in counts]
    table = [("all", all_labels)] if labels else []
    table += [(label, [each[label] for each in counts]) for label in labels]
    return [
        {"measured": measured, "label": label} | compare_f(before, after, draws)
        for label, (before, after) in table
    ]


def compare_documents(rows: list[Row], labels: set[str]) -> dict[str, list[dict[str, Any]]]:
    """The texts that got better and worse, by the change in right minus wrong, the most first."""
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
    """Everything that differs between two revisions; raises RevisionError."""
    rows, notes = pair_rows(read_rows(before), read_rows(after))
    labels = [labels_of(name) for name in (before, after)]
    wanted = {key: sorted(labels[0][key] | labels[1][key]) for key in MEASURED}
    table = [
        line
        for measured, part in MEASURED.items()
        for line in compare_labels(
            [row for row in rows if row["part"] == part], measured, wanted[measured]
        )
    ]
    old, new = (flatten(srsly.yaml_loads(read("params.yaml", name))) for name in (before, after))
    return {
        "before": before,
        "after": after,
        "notes": notes,
        "rows": table,
        **compare_documents(rows, {label for each in wanted.values() for label in each}),
        "params": differences(old, new, "key"),
        "data": differences(read_data(before), read_data(after), "path"),
    }


def verdict(row: dict[str, Any]) -> str:
    """What a difference means, in a word."""
    if not row["difference"]:
        return "the same"
    if row["p"] >= 0.05:
        return "could be chance"
    return "better" if row["difference"] > 0 else "worse"
