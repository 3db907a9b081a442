"""Files of labelled texts are cut into pieces, each what a record is made of.

A piece is a line of JSON, an element of an array, the lines of a sentence, rows of a table, a text
with its annotation. A file is cut in one process; `parse` (scripts/intake/parsers.py), which is
the work, can run in many.
"""

import csv
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab
from srsly.msgpack import unpackb

from scripts.exceptions import DataError
from scripts.intake.formats import COLUMNS_OF_CSV, Layout, is_comment
from scripts.storage.input_files import BOM, open_file, refuse_broken

# File, line where it begins (in an array or DocBin its number, from 1), and what stands there.
Piece = tuple[str, int, Any]
# Line, what stands there, and about how many characters or bytes that are.
Sized = tuple[int, Any, int]
# Bytes of one piece: nothing that is a text is longer, whatever is will not fit in memory.
LONGEST = 32 << 20
# Of a DocBin, unpacked; what is in its lists and dictionaries, which takes most; and of one Doc's
# own.
LONGEST_BIN = 256 << 20
MOST_PARTS = 8_000_000
LONGEST_DATA = 1 << 20
# Rows of a table that tell of one text.
MOST_ROWS = 1_000_000
BLOCK = 1 << 16

DOCUMENT = re.compile(r"-DOCSTART-|#\s*newdoc\b(?:\s+id\s*=\s*)?(.*)")
SPACE = re.compile(r"[ \t\r\n]*")
# What must stand at some places of an array.
WANTED = {"open": "[", "next": ","}


def read_pieces(
    path: Path, layout: Layout, progress: Callable[[int], object] = id
) -> Iterator[tuple[Piece, int]]:
    """Cut a file into pieces; each comes with its size.

    progress: is told now and then how many bytes of the file are done.
    Raises DataError with file and line where the file cannot be read on.
    """
    raw, file = open_file(path)
    kind = layout.delimiter if layout.delimiter in ("lines", "array") else layout.name
    with raw:
        for number, (line, piece, size) in enumerate(READERS[kind](file, path, layout)):
            if number % 1000 == 0:
                progress(raw.tell())
            yield (str(path), line, piece), size
    progress(path.stat().st_size)


def read_lines(file: BinaryIO, path: Path) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of every line, without the byte order mark that some programs write."""
    number = 1
    while True:
        try:
            line = file.readline(LONGEST + 1)
        except (EOFError, OSError, zlib.error):
            with refuse_broken(path, number):
                raise
        if not line:
            return
        if len(line) > LONGEST:
            raise DataError(
                f"{path}:{number}: a line of more than {LONGEST >> 20} MB is no text: is it a file "
                "of another kind? Split it."
            )
        yield number, line.removeprefix(BOM) if number == 1 else line
        number += 1


def read_filled_lines(file: BinaryIO, path: Path, _: Layout) -> Iterator[Sized]:
    """Every line that is not blank."""
    for number, line in read_lines(file, path):
        if not line.isspace():
            yield number, line, len(line)


def read_array(file: BinaryIO, path: Path, _: Layout) -> Iterator[Sized]:
    """The elements of an array that may be larger than the memory, counted from 1."""
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    decode = json.JSONDecoder().raw_decode
    buffer, at, line, block, ended = "", 0, 1, BLOCK, False
    number = 0
    state = "open"  # open the array, first (or its end), next (a comma or its end), value, end

    def fail(what: str, position: int) -> DataError:
        return DataError(f"{path}:{line + buffer.count(chr(10), at, position)}: {what}.")

    while True:
        start = SPACE.match(buffer, at).end()  # type: ignore[union-attr]
        line, at = line + buffer.count("\n", at, start), start
        char = buffer[at : at + 1]
        if char == "]" and state in ("first", "next"):
            state, at = "end", at + 1
        elif char and state in WANTED:
            if char != WANTED[state]:
                raise fail(f"not JSON, a {WANTED[state]} is missing", at)
            state, at = ("first" if state == "open" else "value"), at + 1
        elif char and state == "end":
            raise fail("not JSON, there is more after the array's end", at)
        else:
            try:
                if char:
                    value, end = decode(buffer, at)
                    number += 1
                    yield number, value, end - at
                    line, at = line + buffer.count("\n", at, end), end
                    state, block = "next", BLOCK
                    continue
            except json.JSONDecodeError as error:
                if ended or len(buffer) > LONGEST:
                    raise fail(f"not JSON ({error.msg}), or cut, or too long", error.pos) from None
            except ValueError as error:  # a number of thousands of digits
                raise fail(f"not to be read ({error})", at) from None
            except RecursionError:
                raise fail("values nested too deep to be a text", at) from None
            if ended:
                if state == "end":
                    return
                raise fail("the array has no end: the file is cut", len(buffer))
            with refuse_broken(path, line):
                more = text.read(block)
            buffer, at, block, ended = buffer[at:] + more, 0, 2 * block, not more


def read_columns(file: BinaryIO, path: Path, _: Layout) -> Iterator[Sized]:
    """The lines of every sentence, with the document that it is in."""
    document: str | None = None
    documents, first, size = 0, 0, 0
    rows: list[bytes] = []
    for number, line in read_lines(file, path):
        comment = line[:1] in b"-#" and is_comment(line.decode("utf8", "replace"))
        if comment or not line.strip(b" \t\r\n"):
            if rows:
                yield first, (document, rows), size
            rows, size = [], 0
            if comment and (named := DOCUMENT.match(line.decode("utf8", "replace"))):
                documents += 1
                document = (named[1] or f"{path.name}-{documents}").strip()
        else:
            first = first if rows else number
            rows.append(line)
            size += len(line)
            if size > LONGEST:
                raise DataError(
                    f"{path}:{first}: a sentence of {len(rows):,} lines has no end: put a blank "
                    "line after every sentence."
                )
    if rows:
        yield first, (document, rows), size


def read_csv(file: BinaryIO, path: Path, layout: Layout) -> Iterator[Sized]:
    """Rows that follow each other with one text, and what they say of it."""
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    csv.field_size_limit(LONGEST)
    rows = csv.reader(text, delimiter=layout.delimiter, strict=True)
    header = [name.strip().casefold() for name in next_row(rows, path) or ()]
    columns = [header.index(name) for name in COLUMNS_OF_CSV]
    doc_column = header.index("doc") if "doc" in header else None
    closed: set[int] = set()
    key: tuple[str, str | None] | None = None
    spans: list[list[str]] = []
    first, size, here = 1, 0, rows.line_num + 1
    while (row := next_row(rows, path)) is not None:
        if row and len(row) != len(header):
            raise DataError(f"{path}:{here}: {len(row)} cells, but {len(header)} in the header.")
        if row:
            words, *span = (row[i] for i in columns)
            doc = row[doc_column] or None if doc_column is not None else None
            if (words, doc) != key:
                if key:
                    yield first, (*key, spans), size
                    closed.add(hash(key))
                key, first, size, spans = (words, doc), here, len(words), []
                if hash(key) in closed:
                    raise DataError(
                        f"{path}:{here}: the rows of this text do not stand together: sort the "
                        "table by text, so that no span of it is missed."
                    )
            if any(cell.strip() for cell in span):
                spans.append(span)
            size += sum(map(len, span)) + 1
            if len(spans) > MOST_ROWS:
                raise DataError(f"{path}:{here}: more than {MOST_ROWS:,} rows of one text.")
        here = rows.line_num + 1
    if key:
        yield first, (*key, spans), size


def next_row(rows: Any, path: Path) -> list[str] | None:
    """The next row of a csv.reader, or None at the end."""
    with refuse_broken(path, rows.line_num + 1):
        try:
            return next(rows, None)
        except csv.Error as error:
            advice = "quote a cell that has quotes, and double these"
            raise DataError(f"{path}:{rows.line_num}: no table ({error}): {advice}.") from None


def read_docbin(file: BinaryIO, path: Path, _: Layout) -> Iterator[Sized]:
    """Texts, entities and open characters of every Doc; its own tokens are not kept."""
    try:
        with refuse_broken(path, 1):
            packed = unpack(file, path)
        for number, doc in enumerate(DocBin().from_bytes(packed).get_docs(Vocab()), 1):
            yield number, take_doc(doc), len(doc.text) + 1
    except DataError:
        raise
    except Exception as error:  # whatever a broken file makes of msgpack, NumPy and spaCy
        raise DataError(f"{path}: a broken DocBin ({error}): write it again.") from None


def take_doc(doc: Doc) -> tuple:
    """What is read of a Doc: text, spans, open characters, and the document that it is of."""
    is_labelled = doc.has_annotation("ENT_IOB")
    spans = [(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents]
    open_characters = [(t.idx, t.idx + len(t)) for t in doc if is_labelled and not t.ent_iob]
    return doc.text, spans if is_labelled else None, open_characters, doc.user_data.get("doc")


def unpack(file: BinaryIO, path: Path) -> bytes:
    """A DocBin's bytes, once it is sure that they do not unpack to more than memory holds.

    Nothing of it can run code: it is msgpack, and what a Doc was given as its own is, too.
    """
    packed = file.read(LONGEST_BIN)
    stream, content, rest = zlib.decompressobj(), bytearray(), packed
    while rest and not stream.eof:
        content += stream.decompress(rest, LONGEST)
        rest = stream.unconsumed_tail
        if len(content) > LONGEST_BIN:
            raise DataError(
                f"{path} unpacks to more than {LONGEST_BIN >> 20} MB: write it as several files."
            )
    parts = 0

    def take(part: Any) -> Any:
        nonlocal parts
        parts += 1 + len(part)
        if parts > MOST_PARTS:
            raise DataError(f"{path} has more than {MOST_PARTS:,} parts: write several files.")
        return part

    most = {"max_array_len": MOST_PARTS, "max_map_len": MOST_PARTS}
    whole = unpackb(content, object_hook=take, list_hook=take, raw=False, **most)
    for own in (*whole.get("user_data", ()), *whole.get("span_groups", ())):
        if own and len(own) > LONGEST_DATA:
            raise DataError(f"{path} has a Doc with more than {LONGEST_DATA >> 20} MB of own data.")
    return packed


def read_brat(file: BinaryIO, path: Path, _: Layout) -> Iterator[Sized]:
    """A text and its annotation."""
    ann = path.with_suffix(".ann")
    for part in (path, ann):
        if part.stat().st_size > LONGEST:
            raise DataError(f"{part}: more than {LONGEST >> 20} MB is no text. Split it.")
    text = file.read()
    yield 1, (text, ann.read_bytes()), len(text)


READERS: dict[str, Callable[[BinaryIO, Path, Layout], Iterator[Sized]]] = {
    "lines": read_filled_lines,
    "array": read_array,
    "docbin": read_docbin,
    "columns": read_columns,
    "iob": read_filled_lines,
    "brat": read_brat,
    "csv": read_csv,
    "text": read_filled_lines,
}
