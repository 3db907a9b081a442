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
from spacy.language import Language
from spacy.tokens import Doc, Span

Offsets = tuple[int, int, str]
# A warning of a reader: code, advice, characters.
Note = tuple[str, str, tuple[int, int]]

# Characters of a text that spaCy takes at most (Language.max_length).
LONGEST = 1_000_000
# Words of a text from which training takes much memory and the score little.
LONG_TEXT = 2_000
# Everything of Unicode's categories Cc and half of Cf that no writing system needs.
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufff9-\ufffb]")
WIDTH = 40

# What can be found, in the order of the page: its severity and what it means. A record with an
# error is rejected; `answer` is the annotator's own rejection; a warning changes no record.
CODES: dict[str, tuple[str, str]] = {
    "offset-unit": ("error", "A file counts bytes or UTF-16 units where characters are meant"),
    "no-spans": ("error", "A split without a single span"),
    "rename": ("error", "data.rename names a label that no span has"),
    "not-utf8": ("error", "Bytes that are not UTF-8"),
    "not-json": ("error", "A line or value that is not JSON"),
    "shape": ("error", "A record that is not built as its format is"),
    "half-character": ("error", "Half of a surrogate pair, which no text can hold"),
    "empty-text": ("error", "A text of nothing or of spaces"),
    "too-long": ("error", "A text longer than the pipeline takes"),
    "out-of-range": ("error", "A span that ends outside its text"),
    "reversed-span": ("error", "A span that ends before it starts"),
    "empty-span": ("error", "A span without a character"),
    "byte-offsets": ("error", "Offsets that fit when bytes are counted, not characters"),
    "utf16-offsets": ("error", "Offsets that fit when UTF-16 units are counted, not characters"),
    "text-differs": ("error", "The characters are not those that the record itself says"),
    "answer": ("warning", "Rejected or ignored by its annotator"),
    "off-boundary": ("warning", "A span that starts or ends inside a token"),
    "outer-space": ("warning", "A span that starts or ends with a space"),
    "two-labels": ("warning", "The same span with two labels"),
    "nested": ("warning", "A span inside another one"),
    "overlap": ("warning", "Spans that overlap"),
    "discontinuous": ("warning", "A span in several pieces"),
    "mixed-tags": ("warning", "Tags of two schemes in one text"),
    "annotators-differ": ("warning", "Annotators disagree on a text; the first one's word counts"),
    "conflict": ("warning", "The same text, annotated differently"),
    "duplicate-across": ("warning", "The same text in two splits: the score is too good"),
    "near-duplicate-across": ("warning", "Nearly the same text in two splits"),
    "split-document": ("warning", "A document that is cut across splits"),
    "duplicate": ("warning", "The same text twice in a split"),
    "near-duplicate": ("warning", "Nearly the same text in a split"),
    "label-variants": ("warning", "Labels that differ in case or spacing only"),
    "few-examples": ("warning", "A label with too few examples to learn it"),
    "absent-label": ("warning", "A label that a split has no span of"),
    "seen-mentions": ("warning", "Nearly all names of a split also stand in train"),
    "control-character": ("warning", "A control character in a text"),
    "broken-encoding": ("warning", "A text that was once decoded wrongly"),
    "long-text": ("warning", f"A text of more than {LONG_TEXT:,} words"),
}


class DataError(Exception):
    """A file that cannot be read on: what, where, and what to do."""


class UnusableError(Exception):
    """A record that is rejected: the code, what is wrong and what to do, and where in the text."""

    def __init__(self, code: str, advice: str, span: tuple[int, int] = (0, 0)) -> None:
        super().__init__(code, advice, span)
        self.code, self.advice, self.span = code, advice, span


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


@dataclass(slots=True)
class Finding:
    """Something in the data that could not be used as it stands, or should be looked at."""

    code: str
    path: str
    line: int
    doc: str
    context: tuple[str, str, str]
    """The text before, in and after the span that is meant."""
    advice: str

    @property
    def severity(self) -> str:
        return CODES[self.code][0]

    @property
    def text(self) -> str:
        """The text around, with the span in angle quotes."""
        before, marked, after = self.context
        return f"{before}«{marked}»{after}" if marked else before + after


def excerpt(text: str, start: int, end: int) -> tuple[str, str, str]:
    """The text before, in and after a span, cut to what helps to find it."""
    start, end = max(0, min(start, len(text))), max(0, min(end, len(text)))
    end = max(start, end)
    marked = text[start:end]
    if len(marked) > 4 * WIDTH:
        marked = f"{marked[: 2 * WIDTH]} … {marked[-WIDTH:]}"
    left = "…" + text[start - WIDTH : start] if start > WIDTH else text[:start]
    right = text[end : end + WIDTH] + "…" if end + WIDTH < len(text) else text[end:]
    return left, marked, right


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


def make_doc(
    nlp: Language, record: Record, alignment: str, findings: list[Finding], default: str = "outside"
) -> Doc:
    """Tokenize a record and set its entities.

    alignment: what becomes of a span that is off the token boundaries. `strict` leaves it out,
        `contract` takes the tokens that are whole in it, `expand` all that it touches.
    default: what the tokens without a label are, outside or missing. A record without spans gets
        nothing set.
    """
    doc = nlp.make_doc(record.text)
    if record.spans is None:
        return doc
    unknown = {t.i for s, e in record.open for t in touched(doc, s, e)}
    spans: set[tuple[int, int, str]] = set()
    for start, end, label in record.spans:
        span = doc.char_span(start, end, label)
        # A token of spaces: spaCy never lets an entity start or end with one.
        if span is None or span[0].is_space or span[-1].is_space:
            span = align(doc, start, end, alignment)
            findings.append(list_off_boundary(doc, record, (start, end, label), span))
            unknown |= {token.i for token in touched(doc, start, end)}
        if span is not None:
            spans.add((span.start, span.end, label))
    good: list[Span] = []
    for group in overlapping(sorted(spans, key=lambda s: (s[0], -s[1], s[2]))):
        if len(group) == 1:
            good.append(Span(doc, *group[0]))
        else:
            findings.append(list_overlap(doc, record, group))
            unknown |= {i for start, end, _ in group for i in range(start, end)}
    if unknown:
        unknown -= {token.i for span in good for token in span}
    open_tokens = [doc[i : i + 1] for i in sorted(unknown)]
    doc.set_ents(good, missing=open_tokens, default=default)
    return doc


def touched(doc: Doc, start: int, end: int) -> Span:
    """The tokens that have a character in a part of the text."""
    inside = [t.i for t in doc if t.idx < end and start < t.idx + len(t)]
    return doc[inside[0] : inside[-1] + 1] if inside else doc[0:0]


def align(doc: Doc, start: int, end: int, alignment: str) -> Span | None:
    """The span of whole tokens that a part of the text is taken for, without outer spaces."""
    if alignment == "strict":
        return None
    span = touched(doc, start, end)
    if alignment == "contract":
        span = doc[span.start : span.end]
        while len(span) and span[0].idx < start:
            span = span[1:]
        while len(span) and span[-1].idx + len(span[-1]) > end:
            span = span[:-1]
    while len(span) and span[0].is_space:
        span = span[1:]
    while len(span) and span[-1].is_space:
        span = span[:-1]
    return span if len(span) else None


def list_off_boundary(doc: Doc, record: Record, span: Offsets, taken: Span | None) -> Finding:
    """A span that is off the token boundaries: what is nearest, and what it was taken for."""
    start, end, label = span
    marked = record.text[start:end]
    nearest = {mode: align(doc, start, end, mode) for mode in ("contract", "expand")}
    shown = "; ".join(
        f"{mode}: «{near.text}» ({near.start_char} to {near.end_char})" if near else f"{mode}: none"
        for mode, near in nearest.items()
    )
    done = f"taken as «{taken.text}»" if taken else "left out, its tokens say nothing"
    code = "outer-space" if marked.strip() != marked else "off-boundary"
    advice = f"{label}, {start} to {end}, {done}. Nearest tokens, as data.alignment takes them: "
    return find(code, record, advice + shown, (start, end))


def overlapping(spans: list[tuple[int, int, str]]) -> Iterator[list[tuple[int, int, str]]]:
    """Groups of sorted spans that have tokens in common, directly or through one another."""
    group: list[tuple[int, int, str]] = []
    last = 0
    for span in spans:
        if group and span[0] >= last:
            yield group
            group = []
        group.append(span)
        last = max(last, span[1]) if len(group) > 1 else span[1]
    if group:
        yield group


def list_overlap(doc: Doc, record: Record, group: list[tuple[int, int, str]]) -> Finding:
    """Spans that want the same tokens: none of them is used."""
    first, last = group[0][0], max(end for _, end, _ in group)
    if len({(start, end) for start, end, _ in group}) == 1:
        code = "two-labels"
    else:
        code = "nested" if group[0][1] == last else "overlap"
    spans = ", ".join(f"{label} «{doc[start:end].text}»" for start, end, label in group)
    advice = f"{spans}: left out, their tokens say nothing. Keep one of them."
    where = doc[first:last]
    return find(code, record, advice, (where.start_char, where.end_char))
