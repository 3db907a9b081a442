"""Check labels and offsets over all of the data: what no single record can show."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from scripts.intake.findings import Finding
from scripts.intake.folder import SPLITS
from scripts.intake.lost_spans import FEW, Advice, lost_labels, lost_spans
from scripts.intake.repairs import TAG, has_tag_labels
from scripts.intake.tally import Outcome, Tally, count_spans, share_seen
from scripts.params import Data

# A longer label is no name; it would also be the name of a file of training's plots.
LONGEST_LABEL = 100
# What is wrong with offsets that fit with a shift (`SHIFTS`), and how to mend it.
ONE_OFF = {
    "end-early": "every end lies one character early. The end is the character after the last one "
    "of a name: add 1 to every end",
    "start-late": "every start lies one character late. The first character of a text has the "
    "number 0: take 1 from every start",
    "both-late": "every start and end lies one character late. The first character of a text has "
    "the number 0: take 1 from both",
}
# With a larger share of names that also stand in train, a split hardly tests new names.
SEEN = 0.9

# For each part, how many spans each label has.
Counts = dict[str, Counter[str]]


def list_label_findings(
    total: Tally, data: Data, known: set[str], *, is_joined: bool = False, lone: str = ""
) -> Iterator[Finding]:
    """List what is wrong with the labels of all the data.

    data: the section data of params.yaml; data.source is the place of every finding.
    known: the base's labels; the data need not teach these.
    is_joined: whether labels that are tags of tokens have been joined to spans.
    lone: the one document that all texts are said to be of (`find_lone_document`).
    """
    counts = count_spans(total)
    labels = sorted({label for part in counts.values() for label in part})
    if lone:
        yield Finding(
            "lone-document",
            data.source,
            0,
            "",
            ("", "", ""),
            f"All texts are of one document, {lone}: each counts as a document of its own, because "
            "nothing could be split off otherwise.",
        )
    for code, advice in (
        *unknown_renames("data.rename", data.rename, set(total.labels)),
        *odd_labels(labels),
        *tag_labels({data.rename.get(x, x) for x in total.labels}, is_joined=is_joined),
        *lost_labels(total.fates),
        *lost_spans(total.fates, data.max_lost_spans),
        *no_common_labels(counts),
        *splits_without_spans(total, counts),
        *label_variants(counts, labels),
        *rare_and_absent_labels(counts, labels, known),
        *seen_mentions(total),
    ):
        yield Finding(code, data.source, 0, "", ("", "", ""), advice)


def splits_without_spans(total: Tally, counts: Counts) -> Iterator[Advice]:
    """Splits in which nothing is labelled."""
    empty = [part for part in SPLITS if not counts[part]]
    if empty and len(total.facts["words"]) == 1:
        words = int(total.facts["words"][0])
        yield (
            "no-spans",
            f"All of the data is one text of {words:,} words, so that nothing can be split off. In "
            "column files a blank line ends a text: put one after every sentence.",
        )
        return
    for part in empty:
        yield (
            "no-spans",
            f"No record of {part} has a span: give a file {part}.*, or more documents (the "
            "split goes by meta.doc; without it, by text).",
        )


def unknown_renames(key: str, rename: dict[str, str], labels: set[str]) -> Iterator[Advice]:
    """Labels to rename that no span has.

    key: data.rename or evaluate.rename. labels: those that there are.
    """
    if unknown := sorted(rename.keys() - labels):
        there = ", ".join(sorted(labels)) or "none"
        yield "rename", f"{key}: no span has the label {', '.join(unknown)}; there are {there}."


def odd_labels(labels: list[str]) -> Iterator[Advice]:
    """Labels that are no names: too long for the name of a file, or without a letter or digit."""
    for label in labels:
        if len(label) > LONGEST_LABEL:
            what = f"{label[:40]}…: a label of {len(label)} characters; {LONGEST_LABEL} are allowed"
        elif not any(char.isalnum() for char in label) or not label.isprintable():
            what = f"{label!r}: a label needs a letter or digit, and no control characters"
        else:
            continue
        yield "odd-label", f"{what}. Give it another name with data.rename."


def tag_labels(labels: set[str], *, is_joined: bool) -> Iterator[Advice]:
    """Labels that are tags of tokens, such as B-PERSON: joined, or met too late to be joined."""
    tags = sorted(label for label in labels if TAG.fullmatch(label))
    names = ", ".join(tags)
    if is_joined:
        made = ", ".join(sorted({label[2:] for label in tags}))
        yield "joined-tags", f"{names} are tags of tokens: joined to spans of {made}."
    elif has_tag_labels(tags):
        yield (
            "tag-label",
            f"{names} are tags of tokens. They are joined to spans where they stand at the "
            "beginning of a file; here they come later. Use one kind of labels in all of the data.",
        )


def no_common_labels(counts: Counts) -> Iterator[Advice]:
    """Splits with spans, none of which has a label that train teaches."""
    # What data.train_share leaves out is taught where more is learned from.
    known = counts["train"].keys() | counts["spare"].keys()
    for part in ("dev", "test"):
        if known and counts[part] and not known & counts[part].keys():
            there, taught = (", ".join(sorted(x)) for x in (counts[part], known))
            yield (
                "no-common-label",
                f"{part} has {there}; train teaches {taught}, none of which {part} has. Give both "
                "the same labels; where two mean the same, data.rename makes one of them.",
            )


def in_yaml(label: str) -> str:
    """A label as it has to be written in YAML, in quotes where YAML would read something else."""
    is_plain = re.fullmatch(r"[A-Za-z_]\w*([ -]\w+)*", label, re.ASCII)
    is_word = label.casefold() in ("y", "n", "yes", "no", "on", "off", "true", "false", "null")
    return label if is_plain and not is_word else json.dumps(label, ensure_ascii=False)


def label_variants(counts: Counts, labels: list[str]) -> Iterator[Advice]:
    """Labels that differ only in case, spaces or punctuation."""
    variants: dict[str, set[str]] = defaultdict(set)
    for label in labels:
        variants[re.sub(r"[\W_]+", "", label.casefold())].add(label)
    for same in variants.values():
        if len(same) > 1:
            names = sorted(same, key=lambda x: -sum(part[x] for part in counts.values()))
            change = ", ".join(f"{in_yaml(name)}: {in_yaml(names[0])}" for name in names[1:])
            yield (
                "label-variants",
                f"{', '.join(map(in_yaml, names))}: if they mean the same, set data.rename to "
                f"{{{change}}}.",
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
    """List files whose offsets count bytes or UTF-16 units, or are one off.

    A file is listed if at least half of the records in which the unit matters fit in that unit
    only: then the offsets of the others are wrong, too, and fit characters by accident. Of offsets
    that are one off, it is the spans that are counted.
    """
    for path, code in sorted({key[:2] for key in outcome.units}):
        unit = "spans" if code in ONE_OFF else code
        fits, matters = outcome.units[path, code, "fits"], outcome.units[path, unit, "matters"]
        if not fits or 2 * fits < matters:
            continue
        if code in ONE_OFF:
            advice = f"{fits} of {matters} spans fit the words only so: {ONE_OFF[code]}."
        else:
            name = "bytes" if code == "byte-offsets" else "UTF-16 units"
            advice = (
                f"{fits} of {matters} records in which it matters fit as "
                f"{name} only. Export the file with offsets in characters (code points)."
            )
        yield Finding("offset-unit", path, 0, "", ("", "", ""), advice)
