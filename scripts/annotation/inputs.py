"""Files of texts to annotate: what each looks like, and how its documents are read one by one.

Files are text (a document a line), JSON (lines or an array), CSV and Parquet; all but Parquet may
be compressed with gzip. How files become shards is in scripts/annotation/shards.py.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pyarrow
import pyarrow.parquet

from scripts.exceptions import DataError
from scripts.intake.formats import HEAD, JSON
from scripts.intake.readers import MAX_PIECE_BYTES as LONGEST
from scripts.intake.readers import Piece, Sized, read_array, read_filled_lines
from scripts.storage.input_files import BOM, list_files, open_file, refuse_broken

# How many rows of Parquet are in memory at once.
ROWS = 500
# So many documents of a file are looked at before any is annotated.
LOOKED_AT = 1_000
SUFFIXES = {
    ".jsonl": "lines",
    ".ndjson": "lines",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "text",
}


class Layout(NamedTuple):
    """What the documents of a file look like."""

    kind: str
    delimiter: str = ""
    columns: tuple[str, ...] = ()
    schema: bytes = b""
    """Parquet's columns and their types, as Arrow writes them."""


class Source(NamedTuple):
    """A file, the name of it that rejected documents are listed with, and its layout."""

    path: Path
    name: str
    layout: Layout


class Unreadable(NamedTuple):
    """What stands in the place of a document that could not be read."""

    code: str
    """What is wrong, a key of `CODES` in scripts/intake/findings.py."""
    advice: str
    """What is wrong in words, and what to do about it."""
    raw: str = ""
    """The text of the document, as far as there is one."""


def find_sources(source: Path, text: str, key: str) -> list[Source]:
    """Return a file, or all files below a folder, with their layouts.

    text, key: the field with the text, and the field that the entities are written to.

    Raises DataError where a file cannot be recognized, where a table has no column for the text, or
    where it, or one of the first documents, has entities already.
    """
    if not source.exists():
        raise DataError(f"{source} is not there: name a file or a folder of texts.")
    root = source if source.is_dir() else source.parent
    sources = []
    for path in list_files(source):
        layout = recognize(path, text)
        if layout.columns:
            check_columns(path, layout.columns, text, key)
        source_file = Source(path.resolve(), path.relative_to(root).as_posix(), layout)
        if layout.kind in ("lines", "array"):
            check_fields(source_file, text, key)
        sources.append(source_file)
    return sources


def recognize(path: Path, text: str) -> Layout:
    """Return the layout of a file, by its suffix; where that says nothing, by how it begins."""
    raw, file = open_file(path)
    with raw, refuse_broken(path, 1):
        head = file.read(HEAD)
    if head[:4] == b"PAR1":
        return look_at_parquet(path)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{path}:1: this is UTF-16: save it as UTF-8.")
    begin = head.removeprefix(BOM).decode("utf8", "replace").lstrip()
    kind = SUFFIXES.get(Path(path.stem if path.suffix == ".gz" else path.name).suffix)
    if kind is None and JSON.match(begin):
        kind = "lines" if begin[0] == "{" else "array"
    if kind in (None, "csv") and begin:
        header = begin.splitlines()[0]
        for delimiter in ",;\t":
            columns = next(csv.reader([header], delimiter=delimiter), [])
            if text in (names := tuple(name.strip() for name in columns)):
                return Layout("csv", delimiter, names)
        if kind == "csv":
            raise DataError(
                f"{path}:1: no column {text!r} in {header[:99]!r}: name it with --text-field."
            )
    if kind is None:
        names = (*SUFFIXES, ".json", ".parquet")
        raise DataError(f"{path}: what is it? Name it {', '.join(names)}; .gz behind it, if it is.")
    return Layout(kind)


def look_at_parquet(path: Path) -> Layout:
    """Return the layout of a Parquet file, with its columns and their types."""
    try:
        schema = pyarrow.parquet.read_schema(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(f"{path}: broken Parquet ({error}): fetch it again.") from None
    return Layout("parquet", "", tuple(schema.names), schema.serialize().to_pybytes())


def check_columns(path: Path, columns: tuple[str, ...], text: str, key: str) -> None:
    """Raise DataError where a table lacks the text's column or has that of the entities."""
    if text not in columns:
        shown = ", ".join(columns)
        raise DataError(f"{path}: no column {text!r} among {shown}: name it with --text-field.")
    if key in columns:
        raise DataError(
            f"{path} has a column {key!r} already: choose another with --entities-field."
        )
    if twice := {name for name in columns if columns.count(name) > 1}:
        raise DataError(f"{path} has two columns {sorted(twice)[0]!r}: rename one.")


def check_fields(source: Source, text: str, key: str) -> None:
    """Raise DataError where one of the first documents has something in the entities' field.

    So has an export of labelled texts, whose documents would be rejected one by one.
    """
    for line, value, _, _ in islice(READERS[source.layout.kind](source), LOOKED_AT):
        try:
            row = read_row((source.name, line, value), source.layout, text)
        except (ValueError, RecursionError):
            continue  # rejected later, with the reason
        if row.get(key):
            raise DataError(
                f"{source.path}:{line}: the document has {key!r} already. To keep it beside what "
                f"the model finds, add --entities-field found: the entities go into 'found' then."
            )


def read_all(sources: list[Source]) -> Iterator[tuple[Piece, int, int]]:
    """Yield every document of some files, its size in bytes, and the bytes of all files read."""
    done = 0
    for source in sources:
        line = 1
        try:
            for line, value, size, at in READERS[source.layout.kind](source):
                yield (source.name, line, value), size, done + at
        except DataError as error:
            # The rest of this file cannot be read, but the other files can.
            yield (source.name, line, Unreadable("broken-file", str(error))), 0, done
        done += source.path.stat().st_size


# The line, the document there, its size, and the bytes read of the file as it lies on the disk.
Placed = tuple[int, Any, int, int]


def read_stream(
    read: Callable[[BinaryIO, Path, Any], Iterator[Sized]],
) -> Callable[[Source], Iterator[Placed]]:
    """Make a reader of files that may be compressed with gzip."""

    def read_source(source: Source) -> Iterator[Placed]:
        raw, file = open_file(source.path)
        with raw:
            for line, value, size in read(file, source.path, source.layout):
                yield line, value, size, raw.tell()

    return read_source


def read_rows(file: BinaryIO, path: Path, layout: Layout) -> Iterator[Sized]:
    """Yield the rows of a CSV file; a row that cannot be read does not affect the others."""
    # Bytes that are not UTF-8 become half characters (surrogates), by which their row is rejected.
    text = io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", newline="")
    csv.field_size_limit(LONGEST)
    taken: list[str] = []

    def lines() -> Iterator[str]:
        for line in text:
            taken.append(line)
            yield line

    rows = csv.reader(lines(), delimiter=layout.delimiter, strict=True)
    number = 0
    while True:
        taken.clear()
        line = rows.line_num + 1
        try:
            with refuse_broken(path, line):
                row: Any = next(rows, None)
        except csv.Error as error:
            advice = f"no row ({error}): quote a cell that has quotes, and double these."
            row = Unreadable("shape", advice, "".join(taken))
        if row is None:
            return
        number += 1
        if row and number > 1:
            yield line, row, sum(map(len, taken))


def read_parquet(source: Source) -> Iterator[Placed]:
    """Yield the rows of a Parquet file, counted from 1."""
    size = source.path.stat().st_size
    number = 0
    try:
        with pyarrow.parquet.ParquetFile(source.path) as file:
            total = file.metadata.num_rows
            for batch in file.iter_batches(ROWS):
                weight = batch.nbytes // max(1, batch.num_rows)
                for row in batch.to_pylist():
                    number += 1
                    yield number, row, weight, size * number // total
    except (OSError, pyarrow.ArrowException) as error:
        where = f"{source.path}: row {number + 1}"
        raise DataError(f"{where}: cannot be read from here on ({error}).") from None


READERS: dict[str, Callable[[Source], Iterator[Placed]]] = {
    "lines": read_stream(read_filled_lines),
    "text": read_stream(read_filled_lines),
    "array": read_stream(read_array),
    "csv": read_stream(read_rows),
    "parquet": read_parquet,
}


def read_row(piece: Piece, layout: Layout, text: str) -> dict[str, Any]:
    """Return the fields of a document; raises ValueError, or UnicodeDecodeError, if it has none."""
    name, line, raw = piece
    if layout.kind == "text":
        return {text: raw.decode("utf8").strip(), "meta": {"file": name, "line": line}}
    if layout.kind == "csv":
        if len(raw) != len(layout.columns):
            raise ValueError(f"{len(raw)} cells, but {len(layout.columns)} in the header")
        "".join(raw).encode()  # any cell, not only the text, can have bytes that are not UTF-8
        return dict(zip(layout.columns, raw, strict=True))
    # Python's own parser, because srsly's rounds numbers in the last digit.
    value = json.loads(raw.decode("utf8")) if isinstance(raw, bytes) else raw
    # A corrected line of rejected.jsonl has the document in `record`.
    if isinstance(value, dict) and "record" in value and text not in value:
        value = value["record"]
    if not isinstance(value, dict):
        raise ValueError("a document is an object with its text in a field")
    return value
