"""Repairs of spans that leave no doubt: blanks around names, and labels that are tags of tokens."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice

from scripts.exceptions import UnusableError
from scripts.intake.formats import Source
from scripts.intake.parsers import parse
from scripts.intake.readers import read_pieces
from scripts.intake.records import Offsets, Record, is_whole_words

# So many records are looked at to tell labels from tags: of each file, and in all.
LOOKED_AT, MOST = 200, 5_000
TAG = re.compile(r"([BILUES])-(.+)")


def trim_spans(record: Record) -> None:
    """Cut the blanks off the ends of a record's spans.

    A span stays as it is where no whole words are left: then it is wrong in another way, too.
    """
    trimmed: list[Offsets] = []
    for start, end, label in record.spans or ():
        marked = record.text[start:end]
        first = start + len(marked) - len(marked.lstrip())
        last = end - len(marked) + len(marked.rstrip())
        if (first, last) != (start, end) and is_whole_words(record.text, first, last):
            advice = f"{label}, {start} to {end}: taken as {first} to {last}, without the spaces."
            record.notes.append(("outer-space", advice, (start, end)))
            start, end = first, last
        trimmed.append((start, end, label))
    if record.spans is not None:
        record.spans = trimmed


def has_tag_labels(labels: Iterable[str]) -> bool:
    """Whether labels are tags of tokens: one has a tag that begins an entity, and one that goes on.

    E-MAIL alone is no tag.
    """
    prefixes: dict[str, set[str]] = defaultdict(set)
    for label in labels:
        if tag := TAG.fullmatch(label):
            prefixes[tag[2]].add(tag[1])
    return any("B" in found and found & {"I", "L", "E"} for found in prefixes.values())


def labels_at_the_beginning(sources: list[Source]) -> Iterator[str]:
    """The labels of the first records of each file."""
    looked_at = 0
    for path, layout, _ in sources:
        if looked_at >= MOST:
            return
        for piece, _ in islice(read_pieces(path, layout), LOOKED_AT):
            looked_at += 1
            try:
                yield from (label for _, _, label in parse(piece, layout).spans or ())
            except UnusableError:
                continue


def join_tags(record: Record) -> None:
    """Join spans labelled B-PERSON and I-PERSON, one for each token, to spans of PERSON.

    A span goes on where the next one has the same label and the tag I, L or E, and only blanks
    stand between them.
    """
    joined: list[Offsets] = []
    last = ""
    for start, end, label in sorted(record.spans or ()):
        tag = TAG.fullmatch(label)
        kind, name = (tag[1], tag[2]) if tag else ("", label)
        if kind in ("I", "L", "E") and last in ("B", "I") and joined[-1][2] == name:
            begin, middle, _ = joined[-1]
            if not record.text[middle:start].strip() and start >= middle:
                joined[-1] = (begin, end, name)
                last = kind
                continue
        joined.append((start, end, name))
        last = kind
    if record.spans is not None:
        record.spans = joined
