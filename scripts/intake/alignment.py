"""A record becomes a Doc: its spans are aligned with the tokens."""

from collections.abc import Iterator

from spacy.language import Language
from spacy.tokens import Doc, Span

from scripts.intake.findings import Finding
from scripts.intake.records import Offsets, Record, find


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
