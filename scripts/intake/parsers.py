"""Make a record of a piece of a file, for every format of labelled texts.

Every parser takes the content of a piece, the path and line where it begins, and the file's
layout. It returns a record, or raises UnusableError.
"""

import ast
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from scripts.exceptions import UnusableError
from scripts.intake.json_records import SHAPES, parse_json, parse_object
from scripts.intake.layout import Layout
from scripts.intake.readers import Piece
from scripts.intake.records import Note, Record, make_record
from scripts.intake.tagged import parse_columns, parse_iob
from scripts.storage.input_files import as_utf8


def parse(piece: Piece, layout: Layout) -> Record:
    """Make the record of a piece.

    piece: a piece, as `read_pieces` (scripts/intake/readers.py) yields it.
    layout: the format of its file.

    Raises UnusableError, which says why no record can be made of it.
    """
    path, line, raw = piece
    try:
        record = PARSERS[layout.name](raw, path, line, layout)
        # JSON can express half of a surrogate pair, which neither a file nor a Doc can hold.
        labels = [label for _, _, label in record.spans or ()]
        "".join([record.text, record.doc, *labels]).encode()
        return record
    except UnicodeDecodeError as error:
        byte = f"byte {error.start + 1} is 0x{error.object[error.start]:02x}"
        advice = f"{byte}: save it as UTF-8, such as with {as_utf8(path)}."
        raise UnusableError("not-utf8", advice) from None
    except UnicodeEncodeError as error:
        raise UnusableError("half-character", f"{error}: write it again.") from None


def parse_text(raw: bytes, path: str, line: int, _: Layout) -> Record:
    """Parse a line of plain text, which has no labels."""
    return make_record(raw.decode("utf8").strip(), None, doc=None, path=path, line=line)


def parse_csv(raw: tuple, path: str, line: int, layout: Layout) -> Record:
    """Parse (text, name of the document or None, cells of every span) of a table.

    The cells are start, end and label; or one, a list of spans as JSON or Python writes it.
    """
    text, doc, rows = raw
    if len(layout.tags) == 1:
        value = {"text": text, "spans": read_list(rows[0][0]) if rows else None}
        return parse_object(
            value | {"meta": {"doc": doc}}, path, line, replace(layout.hints, text="", spans="")
        )
    try:
        found = [(int(start), int(end), label) for start, end, label in rows]
    except ValueError as error:
        raise UnusableError("shape", f"start and end must be whole numbers ({error}).") from None
    return make_record(text, found, doc=doc, path=path, line=line)


def read_list(cell: str) -> Any:
    """Return the list that a cell holds, as JSON or as Python writes it."""
    try:
        return json.loads(cell)
    except ValueError:
        pass
    try:
        # Reads literals alone, and runs nothing.
        return ast.literal_eval(cell)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        raise UnusableError("shape", f"{cell[:80]!r} is no list of spans.") from None


def parse_docbin(raw: tuple, path: str, line: int, _: Layout) -> Record:
    """Parse what `take_doc` (scripts/intake/readers.py) returns of a Doc."""
    text, spans, open_characters, doc = raw
    return make_record(text, spans, doc=doc, path=path, line=line, open=open_characters)


def parse_brat(raw: tuple[bytes, bytes], path: str, line: int, layout: Layout) -> Record:
    """Parse the bytes of a text and of its .ann file.

    Only the lines of the .ann file that begin with T are used: the others are relations, events
    and notes.
    """
    text = raw[0].decode("utf8")
    spans: list[tuple[int, int, str]] = []
    quoted: list[tuple[int, int, str]] = []
    pieces: list[tuple[int, int]] = []
    notes: list[Note] = []
    lost: list[tuple[str, str]] = []
    for number, row in enumerate(raw[1].decode("utf8").splitlines(), 1):
        if not row.startswith("T"):
            continue
        try:
            label, bounds, words = parse_brat_row(row)
        except ValueError:
            advice = f"line {number} of the .ann: {row[:80]!r} is no span."
            raise UnusableError("shape", advice) from None
        if len(bounds) > 1:
            pieces += bounds
            advice = (
                f"line {number} of the .ann: {label} is in several pieces: left out, the labels of "
                "its tokens are missing."
            )
            notes.append(("discontinuous", advice, (bounds[0][0], bounds[-1][1])))
            lost.append((label, "discontinuous"))
        else:
            spans.append((*bounds[0], label))
            quoted.append((*bounds[0], words))
    record = make_record(
        text,
        spans,
        doc=Path(path).stem,
        path=path,
        line=line,
        quoted=quoted,
        open=pieces,
        notes=notes,
    )
    record.lost += lost
    return record


def parse_brat_row(row: str) -> tuple[str, list[tuple[int, int]], str]:
    """Split a T line into label, (start, end) of every piece, and words; ValueError if broken."""
    _, mark, words = row.split("\t", 2)
    label, places = mark.split(" ", 1)
    bounds = []
    for place in places.split(";"):
        start, end = place.split()
        bounds.append((int(start), int(end)))
    return label, bounds, words


PARSERS: dict[str, Callable[[Any, str, int, Layout], Record]] = {
    **dict.fromkeys(("lines", "array", "values", *SHAPES), parse_json),
    "docbin": parse_docbin,
    "columns": parse_columns,
    "iob": parse_iob,
    "brat": parse_brat,
    "csv": parse_csv,
    "text": parse_text,
}
