"""Check labels and offsets over all of the data: what no single record can show."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from scripts.intake.findings import Finding
from scripts.intake.folder import SPLITS
from scripts.intake.tally import Outcome, Tally, count_spans, share_seen

# With fewer spans than this, a label is hardly learned, and its score says nothing.
FEW = 10
# With a larger share of names that also stand in train, a split hardly tests new names.
SEEN = 0.9

# For each part, how many spans each label has.
Counts = dict[str, Counter[str]]
# The code of a finding, and the advice.
Advice = tuple[str, str]


def list_label_findings(
    total: Tally, rename: dict[str, str], known: set[str], source: str
) -> Iterator[Finding]:
    """List what is wrong with the labels of all the data.

    rename: data.rename, from old names of labels to new ones.
    known: the base's labels; the data need not teach these.
    source: data.source, the place of every finding.
    """
    counts = count_spans(total)
    labels = sorted({label for part in counts.values() for label in part})
    for code, advice in (
        *splits_without_spans(counts),
        *unknown_renames(rename, set(total.labels)),
        *label_variants(counts, labels),
        *rare_and_absent_labels(counts, labels, known),
        *seen_mentions(total),
    ):
        yield Finding(code, source, 0, "", ("", "", ""), advice)


def splits_without_spans(counts: Counts) -> Iterator[Advice]:
    """Splits in which nothing is labelled."""
    for part in SPLITS:
        if not counts[part]:
            yield (
                "no-spans",
                f"No record of {part} has a span: give a file {part}.*, or more documents (the "
                "split goes by meta.doc; without it, by text).",
            )


def unknown_renames(rename: dict[str, str], labels: set[str]) -> Iterator[Advice]:
    """Keys of data.rename that are no label of the data."""
    if unknown := sorted(rename.keys() - labels):
        there = ", ".join(sorted(labels))
        yield (
            "rename",
            f"data.rename: no span has the label {', '.join(unknown)}; there are {there}.",
        )


def label_variants(counts: Counts, labels: list[str]) -> Iterator[Advice]:
    """Labels that differ only in case, spaces or punctuation."""
    variants: dict[str, set[str]] = defaultdict(set)
    for label in labels:
        variants[re.sub(r"[\W_]+", "", label.casefold())].add(label)
    for same in variants.values():
        if len(same) > 1:
            names = sorted(same, key=lambda x: -sum(part[x] for part in counts.values()))
            change = ", ".join(f"{name}: {names[0]}" for name in names[1:])
            yield (
                "label-variants",
                f"{', '.join(names)}: if they mean the same, set data.rename to {{{change}}}.",
            )


def rare_and_absent_labels(counts: Counts, labels: list[str], known: set[str]) -> Iterator[Advice]:
    """For each label in turn: whether train has few spans of it, and which splits have none."""
    for label in labels:
        yield from rare_label(counts, label)
        # A label that the base knows, and that train does not teach, may be absent anywhere.
        if label not in known or label in counts["train"]:
            yield from absent_label(counts, label)


def rare_label(counts: Counts, label: str) -> Iterator[Advice]:
    """Whether train has spans of a label, but too few of them."""
    number = counts["train"][label]
    if 0 < number < FEW:
        yield "few-examples", f"{label}: {number} in train; {FEW} are few already."


def absent_label(counts: Counts, label: str) -> Iterator[Advice]:
    """Splits that have spans, but none of a label."""
    for part in SPLITS:
        if not counts[part][label] and counts[part]:
            where = "nothing is learned of it" if part == "train" else "it gets no score there"
            yield "absent-label", f"{label}: none in {part}, so {where}."


def seen_mentions(total: Tally) -> Iterator[Advice]:
    """Splits nearly all of whose names also stand in train."""
    for part, seen in share_seen(total).items():
        if seen > SEEN:
            yield (
                "seen-mentions",
                f"{seen:.0%} of the names in {part} stand in train: new ones are hardly tested.",
            )


def list_unit_findings(outcome: Outcome) -> Iterator[Finding]:
    """List files whose offsets count bytes or UTF-16 units.

    A file is listed if at least half of the records in which the unit matters fit in that unit
    only: then the offsets of the others are wrong, too, and fit characters by accident.
    """
    for path, code in sorted({key[:2] for key in outcome.units}):
        fits, matters = (outcome.units[path, code, kind] for kind in ("fits", "matters"))
        if fits and 2 * fits >= matters:
            unit = "bytes" if code == "byte-offsets" else "UTF-16 units"
            advice = (
                f"{fits} of {matters} records in which it matters fit as "
                f"{unit} only. Export the file with offsets in characters (code points)."
            )
            yield Finding("offset-unit", path, 0, "", ("", "", ""), advice)
