"""Turn a record into a Doc by aligning its spans with the tokens."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from spacy.language import Language
from spacy.tokens import Doc, Span

from scripts.intake.findings import Finding
from scripts.intake.records import Offsets, Record, finding_in

# Characters of a text that are shown with its names marked.
WIDTH = 300

TokenSpan = tuple[int, int, str]
"""A span in tokens: the first, the one after the last, and the label."""
# Offsets that are counted in another way, by code, and what makes them right: what is added to the
# start, and to the end.
SHIFTS: dict[str, tuple[int, int]] = {
    "end-early": (0, 1),
    "start-late": (-1, 0),
    "both-late": (-1, -1),
}


@dataclass
class Fates:
    """What became of spans."""

    spans: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many spans there are for each (label, code of the finding that left them out); the code
    is empty for those that are used."""
    shifts: Counter[str] = field(default_factory=Counter)
    """For each key of SHIFTS, how many spans fit the tokens with that shift, and not without it."""


def make_doc(
    nlp: Language,
    record: Record,
    alignment: str,
    findings: list[Finding],
    default: str = "outside",
    fates: Fates | None = None,
) -> Doc:
    """Tokenize a record and set its entities.

    nlp: whose tokenizer is used.
    record: a record that `check_record` accepts. If nobody has labelled it, nothing is set.
    alignment: what becomes of a span that is off the token boundaries. `strict` leaves it out,
        `contract` takes the tokens that are entirely in it, `expand` all that it touches.
    findings: findings about spans that could not be used as they are get appended to it.
    default: the label of tokens outside of all spans: `outside` or `missing`.
    fates: what becomes of each span of the record is added to it.

    The labels of tokens under a span that is left out, and of the record's open characters, are
    missing.
    """
    doc = nlp.make_doc(record.text)
    if record.spans is None:
        return doc
    fates = fates or Fates()
    spans, unknown = take_spans(doc, record, alignment, findings, fates)
    entities: list[Span] = []
    for group in group_overlapping(set(spans)):
        code = ""
        if len(group) == 1:
            entities.append(Span(doc, *group[0]))
        else:
            findings.append(describe_overlap(doc, record, group))
            code = findings[-1].code
            unknown |= {i for start, end, _ in group for i in range(start, end)}
        for span in group:
            fates.spans[span[2], code] += spans[span]
    if unknown:
        unknown -= {token.i for span in entities for token in span}
    missing = [doc[i : i + 1] for i in sorted(unknown)]
    doc.set_ents(entities, missing=missing, default=default)
    return doc


def take_spans(
    doc: Doc, record: Record, alignment: str, findings: list[Finding], fates: Fates
) -> tuple[Counter[TokenSpan], set[int]]:
    """Return a record's spans in tokens, and the tokens whose labels may be missing.

    Of each span in tokens there is the number of the record's spans that it stands for.

    The arguments are those of `make_doc`. The tokens are those of open characters and of spans
    that are off the token boundaries; a span that is used may cover some of them.
    """
    unknown = {token.i for start, end in record.open for token in touched(doc, start, end)}
    spans: Counter[TokenSpan] = Counter()
    for start, end, label in dict.fromkeys(record.spans or ()):
        span = doc.char_span(start, end, label)
        # spaCy never lets an entity start or end with a token that is only spaces.
        if span is None or span[0].is_space or span[-1].is_space:
            span = align(doc, start, end, alignment)
            findings.append(describe_off_boundary(doc, record, (start, end, label), span))
            fates.shifts.update(fitting_shifts(doc, start, end))
            if span is None:
                fates.spans[label, findings[-1].code] += 1
            unknown |= {token.i for token in touched(doc, start, end)}
        if span is not None:
            spans[span.start, span.end, label] += 1
    return spans, unknown


def fitting_shifts(doc: Doc, start: int, end: int) -> list[str]:
    """The keys of SHIFTS with which the characters from `start` to `end` are whole tokens."""
    moved = {
        code: doc.char_span(start + first, end + last)
        for code, (first, last) in SHIFTS.items()
        if start + first >= 0
    }
    return [
        code for code, span in moved.items() if span and not (span[0].is_space or span[-1].is_space)
    ]


def touched(doc: Doc, start: int, end: int) -> Span:
    """Return the tokens that have at least one of the characters from `start` to `end`."""
    inside = [t.i for t in doc if t.idx < end and start < t.idx + len(t)]
    return doc[inside[0] : inside[-1] + 1] if inside else doc[0:0]


def align(doc: Doc, start: int, end: int, alignment: str) -> Span | None:
    """Return the tokens that are taken for the characters from `start` to `end`.

    alignment: as for `make_doc`.

    Returns None if there are none. Tokens of spaces at either end are left out.
    """
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


def describe_off_boundary(doc: Doc, record: Record, span: Offsets, taken: Span | None) -> Finding:
    """Return the finding for a span that is off the token boundaries.

    span: the span as it is in the data.
    taken: the tokens that are used in its place, or None if it is left out.
    """
    start, end, label = span
    marked = record.text[start:end]
    nearest = {mode: align(doc, start, end, mode) for mode in ("contract", "expand")}
    shown = "; ".join(
        f"{mode}: «{near.text}» ({near.start_char} to {near.end_char})" if near else f"{mode}: none"
        for mode, near in nearest.items()
    )
    done = f"taken as «{taken.text}»" if taken else "left out, the labels of its tokens are missing"
    code, why = "off-boundary", ""
    if marked.strip() != marked:
        sides = ("starts", marked.lstrip() != marked), ("ends", marked.rstrip() != marked)
        where = " and ".join(side for side, is_so in sides if is_so)
        code, why = "outer-space", f" {where} with a space, which is no part of a name"
    advice = f"{label}, {start} to {end}{why}: {done}. What data.alignment would take: {shown}"
    return finding_in(record, code, advice, (start, end))


def group_overlapping(spans: set[TokenSpan]) -> Iterator[list[TokenSpan]]:
    """Yield groups of spans that overlap, directly or through others, in the text's order.

    A span that overlaps with no other is a group of its own.
    """
    group: list[TokenSpan] = []
    last = 0
    for span in sorted(spans, key=lambda s: (s[0], -s[1], s[2])):
        if group and span[0] >= last:
            yield group
            group = []
        group.append(span)
        last = max(last, span[1])
    if group:
        yield group


def describe_overlap(doc: Doc, record: Record, group: list[TokenSpan]) -> Finding:
    """Return the finding for spans that share tokens, none of which is used."""
    first, last = group[0][0], max(end for _, end, _ in group)
    if len({(start, end) for start, end, _ in group}) == 1:
        code = "two-labels"
    else:
        code = "nested" if group[0][1] == last else "overlap"
    spans = ", ".join(f"{label} «{doc[start:end].text}»" for start, end, label in group)
    advice = f"{spans}: left out, the labels of their tokens are missing. Keep one of them."
    where = doc[first:last]
    return finding_in(record, code, advice, (where.start_char, where.end_char))


def mark_names(doc: Doc) -> str:
    """A text with every name in brackets, and its label behind it; shortened to WIDTH."""
    marked, done = "", 0
    for ent in doc.ents:
        marked += f"{doc.text[done : ent.start_char]}[{ent.text}]({ent.label_})"
        done = ent.end_char
    marked = " ".join((marked + doc.text[done:]).split())
    return marked if len(marked) <= WIDTH else f"{marked[: WIDTH - 1]}…"
