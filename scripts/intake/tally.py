"""What is known of records once they are worked on: of a chunk of them, or of all."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy

from scripts.intake.findings import Finding
from scripts.intake.formats import Layout
from scripts.intake.minhash import SIGNATURE
from scripts.intake.readers import Piece

# So many findings of each code are listed; all are counted.
LISTED = 1_000
PARTS = ("train", "dev", "test", "general", "plain", "spare")

# What stays of a record that is done: from this, duplicates and the like are found later.
FACTS: dict[str, str] = {
    "part": "u1",
    "file": "u4",
    "line": "u4",
    "text": "u8",
    "doc": "u8",
    "spans": "u8",
    "words": "u4",
}


class Chunk(NamedTuple):
    """Pieces that are worked on together."""

    layout: Layout
    part: str | None
    pieces: list[Piece]


@dataclass
class Batch:
    """What became of a chunk, or of all of them."""

    shards: dict[str, bytes] = field(default_factory=dict)
    facts: dict[str, numpy.ndarray] = field(default_factory=dict)
    signatures: numpy.ndarray = field(default_factory=lambda: numpy.zeros((0, SIGNATURE), "u2"))
    files: list[str] = field(default_factory=list)
    mentions: dict[tuple[str, str], numpy.ndarray] = field(default_factory=dict)
    """The names of a part and label, as hashes."""
    findings: list[Finding] = field(default_factory=list)
    found: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    """Spans of each label, before data.rename."""
    units: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """For a file and a unit that is refused: how many records it matters in, and how many fit."""
    rejected: list[bytes] = field(default_factory=list)
    read: int = 0
    used: int = 0

    def add_findings(self, other: "Batch") -> None:
        """Add what another one counted and listed; of each code, the first ones stay listed."""
        listed = self.found.copy()
        for finding in other.findings:
            if listed[finding.code] < LISTED:
                self.findings.append(finding)
            listed[finding.code] += 1
        self.found += other.found
        self.answers += other.answers
        self.labels += other.labels
        self.units += other.units
        self.read += other.read
        self.used += other.used


def note(finding: Finding, batch: Batch) -> None:
    """Count a finding, and list it unless there are many like it."""
    batch.found[finding.code] += 1
    if batch.found[finding.code] <= LISTED:
        batch.findings.append(finding)


def is_part(total: Batch, part: str) -> numpy.ndarray:
    """Whether each record is in a part (bool)."""
    return total.facts["part"] == PARTS.index(part)


def count_words(total: Batch, part: str) -> int:
    """The words of a part."""
    return int(total.facts["words"][is_part(total, part)].sum())


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
