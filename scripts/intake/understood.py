"""What was understood of a file: its format, and where its text and its spans were found."""

from typing import Any, NamedTuple

from scripts.exceptions import UnusableError
from scripts.intake.json_records import choose_text, load, shape_of
from scripts.intake.keys import SPANS, find_spans, find_tags, find_text, find_words
from scripts.intake.layout import Hints, Layout
from scripts.intake.readers import Piece

SEPARATORS = {"\t": "tabs", " ": "blanks", ",": "commas", ";": "semicolons"}
JSON = {"lines": "a value a line", "array": "an array", "values": "values over several lines"}
FOUND = {
    "iob": ("before the first |", "behind the last |"),
    "docbin": ("the Docs' text", "their entities"),
    "brat": ("the .txt", "lines T of the .ann"),
    "text": ("each line", "none"),
}
"""Where text and spans are in the formats that leave no choice."""


class Understood(NamedTuple):
    """What was understood of a file, in words for a person."""

    format: str
    text: str
    """Where the text is, or the words; empty where the record that was looked at has none."""
    spans: str
    notes: tuple[str, ...] = ()
    """What is done to the words."""

    def __str__(self) -> str:
        said = f"{self.format}: text in {self.text or '?'}, spans in {self.spans or '?'}"
        return "; ".join([said, *self.notes])


def understand(layout: Layout, piece: Piece) -> Understood:
    """Say what was understood of a file.

    layout: as `recognize` (scripts/intake/formats.py) returns it.
    piece: its first record, as `read_pieces` (scripts/intake/readers.py) yields it.
    """
    if layout.name in FOUND:
        return Understood(layout.name, *FOUND[layout.name])
    if layout.name == "columns":
        return understand_columns(layout)
    if layout.name == "csv":
        columns = ", ".join(map(layout.name_column, layout.tags))
        name = f"csv, cells between {SEPARATORS[layout.delimiter]}"
        return Understood(name, f"column {layout.name_column(layout.word)}", f"column {columns}")
    cut = JSON[layout.delimiter or layout.name]
    try:
        value = load(piece[2])
        kind = layout.name if layout.name in SPANS else shape_of(value, layout.hints)
        return Understood(f"{kind}, {cut}", *find_places(value, kind, layout.hints))
    except (UnusableError, UnicodeDecodeError):
        return Understood(f"JSON, {cut}", "", "")


def understand_columns(layout: Layout) -> Understood:
    """What was understood of a file with a word a line."""
    notes = []
    if layout.sentence is not None:
        notes.append(f"sentences by column {layout.name_column(layout.sentence)}")
    if layout.prefix:
        notes.append(f"{layout.prefix!r} before each word left out")
    if layout.glue != "blank":
        notes.append("words joined without blanks")
    if layout.scheme == "labels":
        notes.append("tags are labels without B- and I-")
    name = f"columns, cells between {SEPARATORS[layout.delimiter]}"
    tags = ", ".join(map(layout.name_column, layout.tags))
    word = layout.name_column(layout.word)
    return Understood(name, f"column {word}", f"column {tags}", tuple(notes))


def find_places(value: Any, kind: str, hints: Hints) -> tuple[str, str]:
    """Where the text and the spans of a record of JSON are.

    kind: its shape, a key of SHAPES (scripts/intake/json_records.py).
    """
    if kind == "spacy-json":
        return "the first of a pair", "'entities'"
    if kind == "label-studio":
        return f"'data.{choose_text(value['data'], hints)}'", "'annotations'"
    if kind == "words":
        return f"the words in {find_words(value)!r}", f"{find_tags(value, hints)!r}"
    spans = find_spans(value, kind if kind in SPANS else "", hints)
    return f"{find_text(value, hints)!r}", f"{spans!r}" if spans else "no key: not annotated"
