"""Which columns of a table have the text, and its spans: one a row, or a list of them in a cell."""

import csv
import io
from dataclasses import replace
from pathlib import Path

from scripts.intake.cells import mostly
from scripts.intake.keys import SPANS, TEXT
from scripts.intake.layout import Hints, Layout
from scripts.intake.roles import chosen

PLACES = ("start", "end", "label")


def look_at_table(path: Path, text: str, hints: Hints) -> Layout | None:
    """Return the layout of a table whose first row names its columns; None for other files.

    path: the file, for messages.
    text: its first characters.
    hints: what params.yaml says of its columns.

    Raises DataError where params.yaml names a column that is not there.
    """
    for delimiter in ",;\t":
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))[:100]
        except csv.Error:
            continue
        header = tuple(name.strip() for name in rows[0]) if rows else ()
        if len(header) < 2:
            continue
        layout = Layout("csv", 0, (), delimiter, len(header), header, hints=hints)
        if found := look_at_header(path, layout, rows[1:]):
            return found
    return None


def look_at_header(path: Path, layout: Layout, rows: list[list[str]]) -> Layout | None:
    """Return the layout of a table with the columns of text and spans; None if it lacks them.

    rows: the first rows behind the header.
    """
    names = [name.casefold() for name in layout.header]
    asked = dict(layout.hints.columns)
    text = find(path, layout, layout.hints.text, TEXT)
    if text is None:
        return None
    places = [chosen(path, layout, asked[role]) if role in asked else names.index(role)
              for role in PLACES if role in asked or role in names]  # fmt: skip
    if len(places) == len(PLACES) and not layout.hints.spans:
        return replace(layout, word=text, tags=tuple(places))
    spans = find(path, layout, layout.hints.spans, SPANS[""])
    if spans is None or spans == text:
        return None
    cells = [row[spans].strip() for row in rows[:-1] or rows if len(row) == layout.width]
    is_list = cells and mostly(not cell or cell[0] == "[" for cell in cells)
    return replace(layout, word=text, tags=(spans,)) if is_list else None


def find(path: Path, layout: Layout, asked: str, usual: tuple[str, ...]) -> int | None:
    """The column that params.yaml asks for, or the first with one of the usual names, or None.

    Raises DataError where a table does not have the column that is asked for.
    """
    names = [name.casefold() for name in layout.header]
    is_header = {*names} & {*TEXT, *SPANS[""], *PLACES} or asked in layout.header
    if asked and is_header:
        return chosen(path, layout, asked)
    return next((names.index(name) for name in usual if name in names), None)
