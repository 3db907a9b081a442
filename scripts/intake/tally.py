"""What is known of records once they are checked: of one chunk (ChunkResult), or of all (Tally)."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy
from spacy.strings import get_string_id

from scripts.intake.findings import Finding
from scripts.intake.folder import SPLITS
from scripts.intake.formats import Layout
from scripts.intake.minhash import SIGNATURE
from scripts.intake.readers import Piece

# At most so many findings of each code are listed; all are counted.
LISTED = 1_000
# "plain" is general text without gold spans, "spare" what data.train_share leaves out of train.
PARTS = (*SPLITS, "general", "plain", "spare")

# What is kept of every record, and its NumPy type: enough to find duplicates and leaks later.
FACTS: dict[str, str] = {
    "part": "u1",  # its place in PARTS
    "file": "u4",  # its file's place in the list of files
    "line": "u4",
    "text": "u8",  # hash of the text
    "doc": "u8",  # hash of the document's name
    "spans": "u8",  # hash of the spans; 0 if nobody has looked for any
    "words": "u4",  # tokens
}
# The hash of no spans, where somebody has looked.
NO_SPANS = get_string_id("[]")


class Chunk(NamedTuple):
    """Pieces of one format that are worked on together."""

    layout: Layout
    part: str | None
    """The part of all of them; None if each document is assigned to a split by its name."""
    pieces: list[Piece]


class FileRead(NamedTuple):
    """A file of labelled data, or all those of one folder, format and split."""

    files: str
    format: str
    """What was understood of it: its format, and where text and spans are."""
    splits: dict[str, int]
    """How many of its texts each split has."""
    documents: int
    first: str
    """The first record that has a name, as it will be learned: each name in brackets, its label
    behind it."""


@dataclass
class Outcome:
    """What checking a set of records has shown: how many can be used, and what was found."""

    read: int = 0
    used: int = 0
    findings: list[Finding] = field(default_factory=list)
    """The first `LISTED` findings of each code."""
    found: Counter[str] = field(default_factory=Counter)
    """How many findings there are of each code."""
    answers: Counter[str] = field(default_factory=Counter)
    """How many records are set aside: rejected or ignored by an annotator, by the answer that was
    given; or annotated by nobody ("unannotated")."""
    labels: Counter[str] = field(default_factory=Counter)
    """How many spans each label has, before data.rename."""
    units: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """For (file, code of a unit, "matters"): the records whose offsets depend on the unit; for
    (file, code of a unit, "fits"): those that fit in this unit only, not in characters. For a key
    of SHIFTS in the place of the unit, the spans that fit with it; (file, "spans", "matters") are
    all spans."""
    rejected: list[bytes] = field(default_factory=list)
    """The rejected records, each a line of rejected.jsonl; `add` does not collect them."""

    @property
    def unusable(self) -> int:
        """How many records are rejected for what is wrong with them, not by their annotator."""
        return self.read - self.used - self.answers.total()

    def add_finding(self, finding: Finding) -> None:
        """Count a finding, and list it unless `LISTED` of its code are listed already."""
        self.found[finding.code] += 1
        if self.found[finding.code] <= LISTED:
            self.findings.append(finding)

    def add(self, other: "Outcome") -> None:
        """Add the counts and findings of other records, which come after these."""
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


@dataclass
class ChunkResult(Outcome):
    """What a worker makes of a chunk. Records are those that can be used, in the order read."""

    shards: dict[str, bytes] = field(default_factory=dict)
    """For each part, its Docs as the bytes of a DocBin."""
    facts: dict[str, numpy.ndarray] = field(default_factory=dict)
    """For each key of `FACTS`, an array of the shape (records,)."""
    signatures: numpy.ndarray = field(default_factory=lambda: numpy.zeros((0, SIGNATURE), "u2"))
    """MinHash signatures, of the shape (records, SIGNATURE)."""
    files: list[str] = field(default_factory=list)
    """The paths of the files; facts["file"] are places in this list."""
    mentions: dict[tuple[str, str], numpy.ndarray] = field(default_factory=dict)
    """For each (part, label), a hash of each span's lower-cased words, of the shape (spans,)."""
    firsts: dict[str, tuple[bool, str]] = field(default_factory=dict)
    """For each file, its first record that has a name, or else its first: whether it has one, and
    the text with the names marked (`mark_names`)."""
    fates: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many spans of records that could be parsed were read, by label (after data.rename) and by
    what left them out (`Fates.spans`)."""


@dataclass
class Tally(Outcome):
    """What is known of all records together: call `add_chunk` for each chunk, then `join` once.

    After `join`, facts, signatures, files and mentions are as in ChunkResult, of all chunks.
    """

    facts: dict[str, numpy.ndarray] = field(default_factory=dict)
    signatures: numpy.ndarray = field(default_factory=lambda: numpy.zeros((0, SIGNATURE), "u2"))
    files: list[str] = field(default_factory=list)
    mentions: dict[tuple[str, str], numpy.ndarray] = field(default_factory=dict)
    split: str = "files"
    """What says which split a document belongs to: its file ("files"), the hash of its name
    ("hash"), or the rank of that hash among those of all documents ("rank")."""
    firsts: dict[str, tuple[bool, str]] = field(default_factory=dict)
    """As in ChunkResult, of the first `LISTED` files."""
    fates: Counter[tuple[str, str]] = field(default_factory=Counter)
    """As in ChunkResult."""
    understood: list[FileRead] = field(default_factory=list)
    """What was understood of each file."""
    beside: list[str] = field(default_factory=list)
    """Files in the folder of the data that are known to be no data, and are passed over."""
    _facts: dict[str, list[numpy.ndarray]] = field(
        default_factory=lambda: {name: [numpy.empty(0, FACTS[name])] for name in FACTS}
    )
    _signatures: list[numpy.ndarray] = field(
        default_factory=lambda: [numpy.zeros((0, SIGNATURE), "u2")]
    )
    _mentions: dict[tuple[str, str], list[numpy.ndarray]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add_chunk(self, result: ChunkResult) -> None:
        """Add a chunk's result, without its shards and rejected records."""
        self.add(result)
        self.fates += result.fates
        for path, (is_marked, text) in result.firsts.items():
            seen = self.firsts.get(path)
            if (seen is None and len(self.firsts) < LISTED) or (seen and is_marked and not seen[0]):
                self.firsts[path] = (is_marked, text)
        # A chunk numbers its own files from 0.
        result.facts["file"] = result.facts["file"] + len(self.files)
        self.files += result.files
        for name, column in result.facts.items():
            self._facts[name].append(column)
        self._signatures.append(result.signatures)
        for key, hashes in result.mentions.items():
            self._mentions[key].append(hashes)

    def join(self) -> None:
        """Concatenate the arrays of all chunks."""
        # Each list is freed as soon as it is joined: memory has no room for all of them twice.
        self.facts = {name: numpy.concatenate(self._facts.pop(name)) for name in FACTS}
        self.signatures = numpy.concatenate(self._signatures)
        self._signatures.clear()
        self.mentions = {
            key: numpy.concatenate(self._mentions.pop(key)) for key in sorted(self._mentions)
        }


def part_mask(total: Tally, part: str) -> numpy.ndarray:
    """Whether each record is in a part: bool, of the shape (records,)."""
    return total.facts["part"] == PARTS.index(part)


def count_words(total: Tally, part: str) -> int:
    """How many words the records of a part have."""
    return int(total.facts["words"][part_mask(total, part)].sum())


def count_spans(total: Tally) -> dict[str, Counter[str]]:
    """For each part, how many spans each label has."""
    counts: dict[str, Counter[str]] = {part: Counter() for part in PARTS}
    for (part, label), names in total.mentions.items():
        counts[part][label] = len(names)
    return counts


def count_documents(total: Tally) -> dict[str, int]:
    """How many documents each of train, dev and test has."""
    docs = {part: total.facts["doc"][part_mask(total, part)] for part in SPLITS}
    return {part: len(numpy.unique(names)) for part, names in docs.items()}


def count_unmarked(total: Tally, part: str) -> int:
    """How many records of a part have no span, whether somebody has looked for some or not."""
    return int(numpy.isin(total.facts["spans"][part_mask(total, part)], (0, NO_SPANS)).sum())


def count_seen(total: Tally, part: str, label: str) -> int:
    """How many spans of a label have words that have the same label somewhere in train."""
    none = numpy.empty(0, "u8")
    names, known = (total.mentions.get((where, label), none) for where in (part, "train"))
    return int(numpy.isin(names, known).sum())


def share_seen(total: Tally) -> dict[str, float]:
    """For dev and test, the share of spans whose words have the same label somewhere in train."""
    counts = count_spans(total)
    return {
        part: round(sum(count_seen(total, part, label) for label in own) / own.total(), 3)
        for part in ("dev", "test")
        if (own := counts[part])
    }
