"""What is checked of labels and offsets over all of the data."""

import re
from collections import defaultdict
from collections.abc import Iterator

from scripts.intake.findings import Finding
from scripts.intake.tally import Batch, count_spans, share_seen

# Spans that a label needs to be learned at all; below that a score says nothing.
FEW = 10
# Names of a split that also stand in train, above which its score says little of new ones.
SEEN = 0.9


def list_labels(
    total: Batch, rename: dict[str, str], known: set[str], source: str
) -> Iterator[Finding]:
    """Labels that are missing somewhere, too rare, or look like one another.

    known: the base's labels, of which nothing has to be learned.
    """
    counts = count_spans(total)

    def of_label(code: str, advice: str) -> Finding:
        return Finding(code, source, 0, "", ("", "", ""), advice)

    for part in ("train", "dev", "test"):
        if not counts[part]:
            yield of_label(
                "no-spans",
                f"No record of {part} has a span: give a file {part}.*, or more documents (the "
                "split goes by meta.doc; without it, by text).",
            )
    if unknown := sorted(rename.keys() - total.labels.keys()):
        there = ", ".join(sorted(total.labels))
        yield of_label(
            "rename", f"data.rename: no span has the label {', '.join(unknown)}; there are {there}."
        )
    variants: dict[str, set[str]] = defaultdict(set)
    labels = sorted({label for part in counts.values() for label in part})
    for label in labels:
        variants[re.sub(r"[\W_]+", "", label.casefold())].add(label)
    for same in variants.values():
        if len(same) > 1:
            names = sorted(same, key=lambda x: -sum(part[x] for part in counts.values()))
            change = ", ".join(f"{name}: {names[0]}" for name in names[1:])
            yield of_label(
                "label-variants",
                f"{', '.join(names)}: if they mean the same, set data.rename to {{{change}}}.",
            )
    unlearned = known - counts["train"].keys()
    for label in labels:
        number = counts["train"][label]
        if 0 < number < FEW:
            yield of_label("few-examples", f"{label}: {number} in train; {FEW} are few already.")
        for part in ("train", "dev", "test"):
            if not counts[part][label] and counts[part] and label not in unlearned:
                where = "nothing is learned of it" if part == "train" else "it gets no score there"
                yield of_label("absent-label", f"{label}: none in {part}, so {where}.")
    for part, seen in share_seen(total).items():
        if seen > SEEN:
            advice = (
                f"{seen:.0%} of the names in {part} stand in train: new ones are hardly tested."
            )
            yield of_label("seen-mentions", advice)


def refuse_units(total: Batch) -> Iterator[Finding]:
    """A file whose offsets are of another kind: what fits by accident is wrong, too."""
    for path, code in sorted({key[:2] for key in total.units}):
        fits, matters = (total.units[path, code, kind] for kind in ("fits", "matters"))
        if fits and 2 * fits >= matters:
            unit = "bytes" if code == "byte-offsets" else "UTF-16 units"
            advice = (
                f"{fits} of {matters} records in which it matters fit as "
                f"{unit} only. Export the file with offsets in characters (code points)."
            )
            yield Finding("offset-unit", path, 0, "", ("", "", ""), advice)
