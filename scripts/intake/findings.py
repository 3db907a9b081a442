"""What can be found in labelled data, and where it was found."""

from dataclasses import dataclass

WIDTH = 40
# Words of a text from which training takes much memory and the score little.
LONG_TEXT = 2_000

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
