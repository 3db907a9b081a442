"""What can only be seen across records: duplicates, leaks between splits, labels too rare.

Works on the hashes that intake keeps of every record (about 80 bytes), so that a million of them
fit; the few records that are listed are read again.
"""

from collections import defaultdict

import numpy

from scripts.intake.formats import Source
from scripts.intake.minhash import first_of, near_duplicates
from scripts.intake.parsers import parse
from scripts.intake.readers import read_pieces
from scripts.intake.records import Record, finding_in
from scripts.intake.tally import LISTED, PARTS, Batch

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
            total.findings.append(finding_in(records[place(i)], code, advice))


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
