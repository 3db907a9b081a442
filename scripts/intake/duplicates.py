"""What can be seen only by comparing records: duplicates, and texts that leak between splits.

Compares the hashes that are kept of every record (`FACTS` and a signature, together about 80
bytes), so that millions of records fit into memory. The few records that are listed as findings
are read again from their files.
"""

from collections import defaultdict

import numpy

from scripts.intake.formats import Source
from scripts.intake.minhash import first_of, near_duplicates
from scripts.intake.parsers import parse
from scripts.intake.readers import read_pieces
from scripts.intake.records import Record, finding_in
from scripts.intake.tally import LISTED, PARTS, Tally

# The path of a file, and a line in it.
Place = tuple[str, int]

# {here}: the record's split; {other}: place and split of the earlier record.
ADVICE = {
    "conflict": "Otherwise in {other}: give both the same spans.",
    "duplicate-across": "In {here}, and in {other}: take it out of one, or give both one meta.doc.",
    "near-duplicate-across": "In {here}, and nearly so in {other}: give both one meta.doc.",
    "split-document": "In {here}, its beginning in {other}: put a document in one split.",
    "duplicate": "As in {other}: it counts twice. Take one away, unless that is meant.",
    "near-duplicate": "Nearly as {other}: look whether both are wanted.",
}


def list_across(total: Tally, sources: list[Source]) -> None:
    """Add to `total` what is found by comparing the records of train, dev and test.

    sources: the files that `total` was made of.
    """
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


def pair_up(total: Tally) -> dict[str, numpy.ndarray]:
    """For each code, an array of the shape (pairs, 2): a record, and the earlier one it is like.

    Records are given by their places in the arrays of `total`.
    """
    facts = total.facts
    # A record that data.train_share leaves out of train leaks into no other split.
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
    # A document is listed once, however many of its records are in another split.
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
    """Read the records at some places, (path, line), again."""
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
