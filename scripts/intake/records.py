"""A labelled text: what it is made of, what can be wrong with it, and the Doc that it becomes.

A record that cannot be used is rejected whole (`UnusableError`); a span that cannot be used leaves
its tokens missing, so that they are evidence neither for nor against a label. Either way there is
a `Finding` with its place and what to do.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import accumulate

from ftfy.badness import is_bad

from scripts.exceptions import UnusableError
from scripts.intake.findings import LONG_TEXT, Finding, excerpt

Offsets = tuple[int, int, str]
# A warning of a reader: code, advice, characters.
Note = tuple[str, str, tuple[int, int]]

# Characters of a text that spaCy takes at most (Language.max_length).
LONGEST = 1_000_000
# Everything of Unicode's categories Cc and half of Cf that no writing system needs.
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufff9-\ufffb]")


@dataclass(slots=True)
class Record:
    """A text with its spans (characters, label); None says that nobody has looked for any."""

    text: str
    spans: list[Offsets] | None
    doc: str
    path: str
    line: int
    open: list[tuple[int, int]] = field(default_factory=list)
    """Characters of which the source itself says that nothing is known."""
    notes: list[Note] = field(default_factory=list)


def find(code: str, record: Record, advice: str, span: tuple[int, int] = (0, 0)) -> Finding:
    """A finding in a record."""
    # A text without a document has a name that tells a person nothing.
    doc = "" if record.doc == name_text(record.text) else record.doc
    return Finding(code, record.path, record.line, doc, excerpt(record.text, *span), advice)


def name_text(text: str) -> str:
    """The name of the document that a text is where none is named; UnicodeEncodeError if none."""
    return sha256(text.encode()).hexdigest()[:16]


def make_record(
    text: object,
    spans: Iterable[tuple[object, object, object]] | None,
    *,
    doc: object,
    path: str,
    line: int,
    said: Iterable[tuple[int, int, str]] = (),
    open: Iterable[tuple[int, int]] = (),
    notes: Iterable[Note] = (),
) -> Record:
    """Check types, and the characters against what the source says that they are.

    doc: the document's name; None makes the text a document of its own.
    said: (start, end, characters that stand there).
    Raises UnusableError.
    """
    if not isinstance(text, str):
        raise UnusableError("shape", "A record has a text, and that is a string.")
    checked = None if spans is None else [check_span(*span) for span in spans]
    try:
        name = name_text(text) if doc is None else str(doc)
    except UnicodeEncodeError as error:
        raise UnusableError("half-character", f"{error}: write the text again.") from None
    record = Record(text, checked, name, path, line, [*open], [*notes])
    for start, end, words in said:
        if text[start:end].split() != words.split():
            refuse_unit(text, [(start, end, words)], lambda s, e, x: text[s:e].split() == x.split())
            advice = f"{start} to {end} should be «{words}», says the record; it is not."
            raise UnusableError("text-differs", advice, (start, end))
    return record


def check_span(start: object, end: object, label: object) -> Offsets:
    """Check the types of a span's three values."""
    if type(start) is not int or type(end) is not int:
        raise UnusableError("shape", f"start and end are whole numbers, not {start!r} and {end!r}.")
    if not isinstance(label, str) or not label.strip():
        raise UnusableError("shape", f"A label is a text, not {label!r}.")
    return start, end, label


def refuse_unit(text: str, spans: list[Offsets], fits: Callable[[int, int, str], bool]) -> None:
    """Refuse spans that fit in bytes or UTF-16 units and not in characters.

    fits: whether (start, end, label or words), counted in characters, is a sound span.
    """
    if text.isascii() or all(fits(*span) for span in spans):
        return
    for code, encoding, unit in (("byte-offsets", "utf8", 1), ("utf16-offsets", "utf-16-le", 2)):
        widths = (len(char.encode(encoding)) // unit for char in text)
        place = {bound: i for i, bound in enumerate(accumulate(widths, initial=0))}
        moved = [(place.get(s, -1), place.get(e, -1), x) for s, e, x in spans]
        if all(s >= 0 and e >= 0 and fits(s, e, x) for s, e, x in moved):
            name = "bytes" if unit == 1 else "UTF-16 units"
            found = ", ".join(f"«{text[s:e]}»" for s, e, _ in moved[:3])
            advice = f"Counted in {name} the spans are {found}. Export characters (code points)."
            raise UnusableError(code, advice, spans[0][:2])


def whole_words(text: str, start: int, end: int) -> bool:
    """Whether a span starts and ends where words do, as far as letters and digits tell."""
    if not 0 <= start < end <= len(text) or text[start].isspace() or text[end - 1].isspace():
        return False
    cut = (start, end) if end < len(text) else (start,)
    return not any(i and text[i - 1].isalnum() and text[i].isalnum() for i in cut)


def check_record(record: Record) -> None:
    """Raise UnusableError where no Doc can be made of a record, or only a wrong one."""
    size = len(record.text)
    if not record.text.strip():
        raise UnusableError("empty-text", "Take the record away.")
    if size > LONGEST:
        advice = f"{size:,} characters; {LONGEST:,} are the most. Split it, with one meta.doc."
        raise UnusableError("too-long", advice)
    spans = record.spans or []
    refuse_unit(record.text, spans, lambda start, end, _: whole_words(record.text, start, end))
    for start, end, label in spans:
        if 0 <= start < end <= size:
            continue
        what = f"{label}, {start} to {end}"
        if start > end:
            raise UnusableError("reversed-span", f"{what}: is the end first?", (end, start))
        if start == end and 0 <= start <= size:
            raise UnusableError(
                "empty-span", f"{what}: mark it anew, or take it out.", (start, end)
            )
        advice = f"{what}, is no part of {size:,} characters: mark it anew, or take it out."
        raise UnusableError("out-of-range", advice, (start, end))


def units_that_matter(record: Record) -> list[str]:
    """The codes of the units that would give a record other offsets than characters do."""
    before = record.text[: max((end for _, end, _ in record.spans or []), default=0)]
    if before.isascii():
        return []
    return ["byte-offsets", "utf16-offsets"] if max(before) > "\uffff" else ["byte-offsets"]


def list_oddities(record: Record, words: int) -> Iterator[Finding]:
    """What is odd in a text itself; it is used as it stands."""
    for code, advice, span in record.notes:
        yield find(code, record, advice, span)
    if odd := CONTROL.search(record.text):
        name = f"U+{ord(odd[0]):04X}"
        yield find("control-character", record, f"{name}: take it out of the text.", odd.span())
    if not record.text.isascii() and ("\ufffd" in record.text or is_bad(record.text)):
        at = record.text.find("\ufffd")
        advice = "The text was read in a wrong encoding before: export it anew as UTF-8."
        yield find("broken-encoding", record, advice, (at, at + 1) if at >= 0 else (0, 0))
    if words > LONG_TEXT:
        advice = f"{words:,} words: split it into paragraphs with one meta.doc."
        yield find("long-text", record, advice)
