"""Make a record of a sentence whose words have tags.

spaCy's `iob_to_biluo` and `tags_to_entities` turn tags into spans. Its converters for whole files
are not used: they lose the line numbers, take only the last column, and read an end tag E- as a
new entity.
"""

import re
from itertools import accumulate, pairwise

from spacy.training.iob_utils import iob_to_biluo, tags_to_entities

from scripts.exceptions import UnusableError
from scripts.intake.cells import read_tag, read_word, split_row
from scripts.intake.layout import Layout
from scripts.intake.records import Record, make_record
from scripts.intake.word_columns import UNSPACED_CHAR


def parse_columns(
    raw: tuple[str | None, list[bytes]], path: str, line: int, layout: Layout
) -> Record:
    """Parse the lines of a sentence, each with a word and its tags.

    raw: the document's name or None, and the lines as bytes.
    """
    doc, lines = raw
    rows = [split_row(row.decode("utf8"), layout.delimiter) for row in lines]
    if layout.index is not None:
        rows = [row for row in rows if not is_part(row, layout)]
    last = max(layout.word, *layout.tags)
    if not rows:
        raise UnusableError("empty-text", "Only parts of words: remove the sentence.")
    for row in rows:
        if len(row) <= last or not row[layout.word]:
            raise UnusableError("shape", f"A row whose word or tag is missing: {row}.")
    words = [read_word(row[layout.word], layout.prefix) for row in rows]
    columns = [[row[i] for row in rows] for i in layout.tags]
    return join_words(words, columns, layout, doc, path, line)


def is_part(row: list[str], layout: Layout) -> bool:
    """Say whether a row is a part of another word, or a word of several rows.

    CoNLL-U numbers such rows 3-4 and 3.1, WebAnno parts of words 1-3.1.
    """
    number = row[layout.index or 0]
    return bool(re.match(r"[\d-]+\.\d+$" if layout.scheme == "webanno" else r"\d+[-.]\d+$", number))


def parse_iob(raw: bytes, path: str, line: int, layout: Layout) -> Record:
    """Parse a sentence of word|TAG; there may be other fields between word and tag."""
    parts = [part.split("|") for part in raw.decode("utf8").split()]
    words = [part[0] or "|" for part in parts]
    return join_words(words, [[part[-1] for part in parts]], layout, None, path, line)


def join_words(
    words: list[str], columns: list[list[str]], layout: Layout, doc: object, path: str, line: int
) -> Record:
    """Make a record of a sentence's words and their tags.

    columns: one or more lists of as many tags as there are words; their spans are added up.
    layout: how tags are written, and what stands between two words.
    doc, path, line: as in `Record`.

    Raises UnusableError where a tag is not one.
    """
    gaps = [gap(*pair, layout.glue) for pair in pairwise(words)] + [""]
    starts = [*accumulate((len(w) + len(g) for w, g in zip(words, gaps, strict=True)), initial=0)]
    spans, notes = [], []
    for column in columns:
        tags = read_tags(column, layout.scheme)
        for label, first, last in tags_to_entities(iob_to_biluo(tags)):
            spans.append((starts[first], starts[last] + len(words[last]), label))
        if at := find_mixed_tag(tags):
            advice = f"{tags[at]} continues no entity; it is read as the first tag of one."
            notes.append(("mixed-tags", advice, (starts[at], starts[at] + len(words[at]))))
    text = "".join(w + g for w, g in zip(words, gaps, strict=True))
    return make_record(text, spans, doc=doc, path=path, line=line, notes=notes)


def gap(word: str, following: str, glue: str) -> str:
    """What stands between two words: a blank or nothing, as Layout.glue has it."""
    if glue == "script":
        ends = word[-1:], following[:1]
        glue = "none" if any(UNSPACED_CHAR.match(end) for end in ends) else "blank"
    return "" if glue == "none" else " "


def read_tags(column: list[str], scheme: str) -> list[str]:
    """Return the tags of a sentence in BILUO; UnusableError where one of them is no tag.

    scheme: as Layout.scheme has it.
    """
    read = [read_tag(cell, scheme) for cell in column]
    for cell, (letter, label) in zip(column, read, strict=True):
        if letter == "?":
            advice = f"{cell!r} is no tag: write O, or B-, I-, L-, U-, E- or S- before a label."
            raise UnusableError("shape", advice)
        if scheme == "webanno" and "|" in label:
            raise UnusableError("shape", f"{cell!r} are two labels of a word: keep one of them.")
    if scheme == "webanno":
        return [*map(number_off, ["", *(x for _, x in read)], [x for _, x in read])]
    return [f"{letter}-{label}" if letter else "O" for letter, label in read]


def number_off(last: str, label: str) -> str:
    """The tag of WebAnno's label[number], after another: spans of several words have numbers."""
    if not label:
        return "O"
    name, _, number = label.partition("[")
    return f"{'I' if number and label == last else 'B'}-{name}"


def find_mixed_tag(tags: list[str]) -> int:
    """Return the place of the first I- or L- tag that continues no entity, or 0 if there is none.

    Such a tag is an error only where entities begin with B-. In the schemes IO and IOB1 they begin
    with I-, and B- comes at most directly after another entity: there 0 is returned. The first tag
    counts as none, too.
    """
    pairs = list(zip(["O", *tags], tags, strict=False))
    if not any(tag[:2] == "B-" and last == "O" for last, tag in pairs):
        return 0
    for i, (last, tag) in enumerate(pairs):
        if tag[:2] in ("I-", "L-") and last not in (f"B-{tag[2:]}", f"I-{tag[2:]}"):
            return i
    return 0
