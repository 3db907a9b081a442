"""What can be found in labelled data, and where it was found."""

from dataclasses import dataclass

# Characters that are shown on either side of a span.
CONTEXT_WIDTH = 40
# Training on texts of more words than this takes much memory and hardly improves the score.
LONG_TEXT_WORDS = 2_000

# The severity and meaning of everything that can be found, in the order of the findings page. A
# record with an error is rejected. A record with `answer` or `unannotated` is set aside. The other
# warnings leave out no record.
CODES: dict[str, tuple[str, str]] = {
    "offset-unit": ("error", "The offsets of a file count bytes or UTF-16 units, not characters"),
    "no-spans": ("error", "A split without any span"),
    "rename": ("error", "data.rename or evaluate.rename names a label that no span has"),
    "lost-label": ("error", "A label none of whose spans can be used"),
    "lost-spans": ("error", "More spans are left out than data.max_lost_spans tolerates"),
    "no-common-label": ("error", "A split has no label that train teaches"),
    "odd-label": ("error", "A label that no file or table can be named by"),
    "tag-label": ("error", "Labels that are tags of tokens, and are not read as such"),
    "not-utf8": ("error", "Bytes that are not UTF-8"),
    "not-json": ("error", "A line or value that is not JSON"),
    "shape": ("error", "A record that does not have the structure of its format"),
    "half-character": ("error", "Half of a surrogate pair, which no text can hold"),
    "empty-text": ("error", "A text that is empty or only spaces"),
    "too-long": ("error", "A text longer than the pipeline accepts"),
    "out-of-range": ("error", "A span that starts or ends outside its text"),
    "reversed-span": ("error", "A span that ends before it starts"),
    "empty-span": ("error", "A span without characters"),
    "byte-offsets": ("error", "Offsets that only fit if bytes are counted, not characters"),
    "utf16-offsets": ("error", "Offsets that only fit if UTF-16 units are counted, not characters"),
    "text-differs": ("error", "The text of a span is not what the record says it is"),
    "answer": ("warning", "Rejected or ignored by its annotator"),
    "unannotated": ("warning", "Annotated by nobody, and left out"),
    "one-answer": ("warning", "Yes or no to single names, so that the rest of a text is unknown"),
    "lone-document": ("warning", "One document of all texts: each text counts as one instead"),
    "joined-tags": ("warning", "Labels that are tags of tokens, joined to spans"),
    "off-boundary": ("warning", "A span that starts or ends inside a token"),
    "outer-space": ("warning", "A span with spaces at its ends, which are cut off"),
    "two-labels": ("warning", "The same span with two labels"),
    "nested": ("warning", "A span inside another one"),
    "overlap": ("warning", "Spans that overlap"),
    "discontinuous": ("warning", "A span in several pieces"),
    "mixed-tags": ("warning", "Tags of two schemes in one text"),
    "annotators-differ": ("warning", "Annotators disagree on a text; the first annotation is used"),
    "conflict": ("warning", "The same text with different annotations"),
    "duplicate-across": ("warning", "The same text in two splits, which makes the score too good"),
    "near-duplicate-across": ("warning", "Nearly the same text in two splits"),
    "split-document": ("warning", "A document with records in several splits"),
    "duplicate": ("warning", "The same text twice in a split"),
    "near-duplicate": ("warning", "Nearly the same text in a split"),
    "label-variants": ("warning", "Labels that differ only in case or punctuation"),
    "few-examples": ("warning", "A label with too few examples to be learned"),
    "absent-label": ("warning", "A label without a span in one of the splits"),
    "seen-mentions": ("warning", "Nearly all names of a split are also in train"),
    "control-character": ("warning", "A control character in a text"),
    "broken-encoding": ("warning", "A text that was decoded with the wrong encoding"),
    "long-text": ("warning", f"A text of more than {LONG_TEXT_WORDS:,} words"),
}


@dataclass(slots=True)
class Finding:
    """Something in the data that cannot be used as it stands, or that somebody should look at."""

    code: str
    """A key of CODES."""
    path: str
    line: int
    """Where the record begins; 0 if the finding is about a whole file or all of the data."""
    doc: str
    """The name of the record's document, or an empty string."""
    context: tuple[str, str, str]
    """The text before, in and after the span in question, as `excerpt` returns it."""
    advice: str
    """What is wrong in this place, and what to do about it."""

    @property
    def severity(self) -> str:
        """Either `error` or `warning`."""
        return CODES[self.code][0]

    @property
    def text(self) -> str:
        """The span in angle quotes, with the text around it."""
        before, marked, after = self.context
        return f"{before}«{marked}»{after}" if marked else before + after


def excerpt(text: str, start: int, end: int) -> tuple[str, str, str]:
    """Return the text before, in and after a span, shortened to what helps to find it.

    start, end: the span in characters. Bounds outside the text are moved to its ends.
    """
    start, end = max(0, min(start, len(text))), max(0, min(end, len(text)))
    end = max(start, end)
    marked = text[start:end]
    if len(marked) > 4 * CONTEXT_WIDTH:
        marked = f"{marked[: 2 * CONTEXT_WIDTH]} … {marked[-CONTEXT_WIDTH:]}"
    before, after = max(0, start - CONTEXT_WIDTH), end + CONTEXT_WIDTH
    left = ("…" if before else "") + text[before:start]
    right = text[end:after] + ("…" if after < len(text) else "")
    return left, marked, right
