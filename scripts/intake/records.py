"""A record is a labelled text: what belongs to it, and what can be wrong with it.

A record that cannot be used is rejected as a whole (`UnusableError`). The labels of tokens under a
span that cannot be used are missing, so that they are evidence neither for nor against a label
(scripts/intake/alignment.py). Either way a `Finding` says where it is and what to do.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import accumulate

from ftfy.badness import is_bad

from scripts.exceptions import UnusableError
from scripts.intake.findings import LONG_TEXT_WORDS, Finding, excerpt

Offsets = tuple[int, int, str]
"""A span: its start and end in characters, and its label."""
Note = tuple[str, str, tuple[int, int]]
"""A warning that a parser gives: its code, the advice, and the (start, end) it is about."""

# Characters of the longest text that spaCy accepts (Language.max_length).
MAX_TEXT_LENGTH = 1_000_000
# The characters of Unicode's categories Cc and Cf, and the separators of lines and paragraphs,
# that no writing system needs.
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufff9-\ufffb]")


@dataclass(slots=True)
class Record:
    """A text, its labels, and where it stands in the data."""

    text: str
    spans: list[Offsets] | None
    """None if nobody has labelled the text; an empty list if there is nothing to label in it."""
    doc: str
    """The name of the document that the text belongs to; `name_text` makes one up."""
    path: str
    line: int
    """Where the record begins in its file, or its number in an array or DocBin."""
    open: list[tuple[int, int]] = field(default_factory=list)
    """Parts of the text, in characters, whose labels are unknown according to the source."""
    notes: list[Note] = field(default_factory=list)
    """What the parser has found; `list_oddities` turns it into findings."""
    lost: list[tuple[str, str]] = field(default_factory=list)
    """Label and code of each span that the parser had to leave out."""


def finding_in(record: Record, code: str, advice: str, span: tuple[int, int] = (0, 0)) -> Finding:
    """Return a finding about a record.

    code: a key of `CODES` (scripts/intake/findings.py).
    advice: what is wrong, and what to do about it.
    span: the part of the text that it is about, in characters; (0, 0) for the whole text.
    """
    # A name that `name_text` made up would tell a person nothing.
    doc = "" if record.doc == name_text(record.text) else record.doc
    return Finding(code, record.path, record.line, doc, excerpt(record.text, *span), advice)


def name_text(text: str) -> str:
    """Return the document name for a text that names none: every such text is a document.

    Raises UnicodeEncodeError where the text has half of a surrogate pair.
    """
    return sha256(text.encode()).hexdigest()[:16]


def make_record(
    text: object,
    spans: Iterable[tuple[object, object, object]] | None,
    *,
    doc: object,
    path: str,
    line: int,
    quoted: Iterable[tuple[int, int, str]] = (),
    open: Iterable[tuple[int, int]] = (),
    notes: Iterable[Note] = (),
) -> Record:
    """Make a record of what a parser found, checking types and quoted words.

    text: must be a string.
    spans: (start, end, label), of any types so far; None if nobody has labelled the text.
    doc: the document's name; None makes the text a document of its own.
    path, line: where the record begins.
    quoted: (start, end, words) where the source repeats the words of a span; they must be the
        same, white space apart.
    open, notes: as in `Record`.

    Raises UnusableError where something is of the wrong type or the words differ.
    """
    if not isinstance(text, str):
        raise UnusableError("shape", "A record needs a text, which is a string.")
    checked = None if spans is None else [check_span(*span) for span in spans]
    try:
        name = name_text(text) if doc is None else str(doc)
    except UnicodeEncodeError as error:
        raise UnusableError("half-character", f"{error}: write the text again.") from None
    record = Record(text, checked, name, path, line, [*open], [*notes])
    for start, end, words in quoted:
        if text[start:end].split() != words.split():
            raise_if_other_unit(
                text, [(start, end, words)], lambda s, e, x: text[s:e].split() == x.split()
            )
            advice = f"According to the record, {start} to {end} is «{words}»; it is not."
            raise UnusableError("text-differs", advice, (start, end))
    return record


def check_span(start: object, end: object, label: object) -> Offsets:
    """Return a span whose values have the right types, or raise UnusableError."""
    if type(start) is not int or type(end) is not int:
        raise UnusableError(
            "shape", f"start and end must be whole numbers, not {start!r} and {end!r}."
        )
    if not isinstance(label, str) or not label.strip():
        raise UnusableError("shape", f"A label must be a text, not {label!r}.")
    return start, end, label


def raise_if_other_unit(
    text: str, spans: list[Offsets], fits: Callable[[int, int, str], bool]
) -> None:
    """Raise UnusableError if spans only fit when counted in bytes or in UTF-16 units.

    text: the text that the spans are of.
    spans: (start, end, label), or quoted words in the place of the label.
    fits: says whether such a span, counted in characters, is a plausible one.
    """
    if text.isascii() or all(fits(*span) for span in spans):
        return
    for code, encoding, unit in (("byte-offsets", "utf8", 1), ("utf16-offsets", "utf-16-le", 2)):
        widths = (len(char.encode(encoding)) // unit for char in text)
        # The character at every offset in this unit.
        place = {bound: i for i, bound in enumerate(accumulate(widths, initial=0))}
        moved = [(place.get(s, -1), place.get(e, -1), x) for s, e, x in spans]
        if all(s >= 0 and e >= 0 and fits(s, e, x) for s, e, x in moved):
            name = "bytes" if unit == 1 else "UTF-16 units"
            found = ", ".join(f"«{text[s:e]}»" for s, e, _ in moved[:3])
            advice = f"In {name} the spans are {found}. Export offsets in characters (code points)."
            raise UnusableError(code, advice, spans[0][:2])


def is_whole_words(text: str, start: int, end: int) -> bool:
    """Say whether a span, without the blanks around it, starts and ends at the edges of words.

    An edge is inside a word if there is a letter or a digit on both sides of it.
    """
    if not 0 <= start < end <= len(text) or not (marked := text[start:end]).strip():
        return False
    start, end = end - len(marked.lstrip()), start + len(marked.rstrip())
    cut = (start, end) if end < len(text) else (start,)
    return not any(i and text[i - 1].isalnum() and text[i].isalnum() for i in cut)


def check_record(record: Record) -> None:
    """Raise UnusableError where no Doc, or only a wrong one, can be made of a record.

    Its text may be empty or too long, its spans may be none, or counted in another unit.
    """
    size = len(record.text)
    if not record.text.strip():
        raise UnusableError("empty-text", "Remove the record.")
    if size > MAX_TEXT_LENGTH:
        advice = (
            f"{size:,} characters; {MAX_TEXT_LENGTH:,} are allowed. Split it, and give the "
            "parts the same meta.doc."
        )
        raise UnusableError("too-long", advice)
    spans = record.spans or []
    raise_if_other_unit(record.text, spans, lambda s, e, _: is_whole_words(record.text, s, e))
    for span in spans:
        check_bounds(span, size)


def check_bounds(span: Offsets, size: int) -> None:
    """Raise UnusableError for a span that is no part of a text of `size` characters."""
    start, end, label = span
    if 0 <= start < end <= size:
        return
    what = f"{label}, {start} to {end}"
    if start > end:
        raise UnusableError("reversed-span", f"{what}: are start and end swapped?", (end, start))
    if start == end and 0 <= start <= size:
        raise UnusableError("empty-span", f"{what}: mark it again, or remove it.", (start, end))
    advice = f"{what}: the text has {size:,} characters. Mark the span again, or remove it."
    raise UnusableError("out-of-range", advice, (start, end))


def units_that_matter(record: Record) -> list[str]:
    """Return the codes of the units in which a record's spans have other offsets.

    The list is empty if only ASCII characters stand before the end of the last span: then bytes,
    UTF-16 units and characters are the same.
    """
    before = record.text[: max((end for _, end, _ in record.spans or []), default=0)]
    if before.isascii():
        return []
    return ["byte-offsets", "utf16-offsets"] if max(before) > "\uffff" else ["byte-offsets"]


def list_oddities(record: Record, words: int) -> Iterator[Finding]:
    """Yield what is odd in a record's text; the text is used as it stands.

    words: the number of the text's tokens.
    """
    for code, advice, span in record.notes:
        yield finding_in(record, code, advice, span)
    if odd := CONTROL.search(record.text):
        name = f"U+{ord(odd[0]):04X}"
        advice = f"{name}: remove it from the text."
        yield finding_in(record, "control-character", advice, odd.span())
    if not record.text.isascii() and ("\ufffd" in record.text or is_bad(record.text)):
        at = record.text.find("\ufffd")
        advice = "The text was once read with a wrong encoding: export it again as UTF-8."
        yield finding_in(record, "broken-encoding", advice, (at, at + 1) if at >= 0 else (0, 0))
    if words > LONG_TEXT_WORDS:
        advice = f"{words:,} words: split it into paragraphs with the same meta.doc."
        yield finding_in(record, "long-text", advice)
