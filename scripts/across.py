"""What can only be seen across records: duplicates, leaks between splits, labels too rare.

Works on the hashes that intake keeps of every record (about 80 bytes), so that a million of them
fit; the few records that are listed are read again.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy

from scripts.batches import LISTED, PARTS, Batch
from scripts.intake import Source
from scripts.minhash import first_of, near_duplicates
from scripts.parsers import parse
from scripts.readers import read_pieces
from scripts.records import Finding, Record, find

# Spans that a label needs to be learned at all; below that a score says nothing.
FEW = 10
# Names of a split that also stand in train, above which its score says little of new ones.
SEEN = 0.9

Place = tuple[str, int]


def list_across(total: Batch, sources: list[Source]) -> None:
    """Add the findings across all records of train, dev and test."""
    pairs = pair_up(total)
    facts = total.facts

    def place(i: int) -> Place:
        return total.files[facts["file"][i]], int(facts["line"][i])

    wanted = {place(i) for found in pairs.values() for i in found[:LISTED, 0]}
    records = recall(wanted, sources)
    for code, found in pairs.items():
        total.found[code] += len(found)
        for i, j in found[:LISTED]:
            here, there = (PARTS[facts["part"][k]] for k in (i, j))
            path, line = place(j)
            advice = ADVICE[code].format(here=here, other=f"{path}:{line} ({there})")
            total.findings.append(find(code, records[place(i)], advice))


ADVICE = {
    "conflict": "Otherwise in {other}: give both the same spans.",
    "duplicate-across": "In {here}, and in {other}: take it out of one, or give both one meta.doc.",
    "near-duplicate-across": "In {here}, and nearly so in {other}: give both one meta.doc.",
    "split-document": "In {here}, its beginning in {other}: put a document in one split.",
    "duplicate": "As in {other}: it counts twice. Take one away, unless that is meant.",
    "near-duplicate": "Nearly as {other}: look whether both are wanted.",
}


def pair_up(total: Batch) -> dict[str, numpy.ndarray]:
    """For each code, the records that something is wrong with, and the earlier one (pairs x 2)."""
    facts = total.facts
    # What is left out of train for a learning curve is not in another split.
    spare = facts["part"] == PARTS.index("spare")
    part = numpy.where(spare, PARTS.index("train"), facts["part"])
    spans = facts["spans"]
    everyone = numpy.arange(len(part))
    first = first_of(facts["text"])
    again = first != everyone
    across = part != part[first]
    differs = again & (spans != spans[first]) & (spans != 0) & (spans[first] != 0)
    near = near_duplicates(total.signatures, facts["words"], first)
    is_near = near != everyone
    near_across = part != part[near]
    begin = first_of(facts["doc"])
    cut = numpy.flatnonzero(part != part[begin])
    # A document once, however many of its records are elsewhere.
    cut = cut[numpy.unique(begin[cut], return_index=True)[1]]
    named = cut[first[cut] != first[begin[cut]]]
    chosen = {
        "conflict": (differs, first),
        "duplicate-across": (again & across, first),
        "near-duplicate-across": (is_near & near_across, near),
        "split-document": (numpy.isin(everyone, named), begin),
        "duplicate": (again & ~across & ~differs, first),
        "near-duplicate": (is_near & ~near_across, near),
    }
    return {
        code: numpy.stack([everyone[mask], other[mask]], axis=1)
        for code, (mask, other) in chosen.items()
    }


def recall(wanted: set[Place], sources: list[Source]) -> dict[Place, Record]:
    """Read the records of some places again."""
    lines: dict[str, set[int]] = defaultdict(set)
    for name, line in wanted:
        lines[name].add(line)
    records = {}
    for path, layout, _ in sources:
        left = lines.get(str(path), set())
        for piece, _ in read_pieces(path, layout) if left else ():
            if piece[1] in left:
                left.remove(piece[1])
                records[piece[:2]] = parse(piece, layout)
            if not left:
                break
    return records


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


def count_spans(total: Batch) -> dict[str, Counter[str]]:
    """The spans of each part and label."""
    counts: dict[str, Counter[str]] = {part: Counter() for part in PARTS}
    for (part, label), names in total.mentions.items():
        counts[part][label] = len(names)
    return counts


def share_seen(total: Batch) -> dict[str, float]:
    """The share of dev's and test's spans whose words have the same label somewhere in train."""
    empty = numpy.empty(0, "u8")
    shares = {}
    for part in ("dev", "test"):
        found = {label: names for (where, label), names in total.mentions.items() if where == part}
        seen = sum(
            int(numpy.isin(names, total.mentions.get(("train", label), empty)).sum())
            for label, names in found.items()
        )
        if found:
            shares[part] = round(seen / sum(map(len, found.values())), 3)
    return shares


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
