"""Cut files of labelled texts into pieces, each of which becomes one record.

A piece is a line of JSON, an element of a JSON array, the lines of a sentence, the rows of a table
that have the same text, or a text with its annotation. A file is cut in one process; turning
pieces into records (`parse` in scripts/intake/parsers.py) takes longer and can run in many.
"""

import csv
import io
import json
import re
import shlex
import zlib
from collections.abc import Callable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab
from srsly.msgpack import unpackb

from scripts.exceptions import DataError
from scripts.intake.answers import merge_answers
from scripts.intake.cells import is_comment, split_row
from scripts.intake.keys import records_within
from scripts.intake.layout import Layout
from scripts.storage.input_files import BOM, open_file, refuse_broken
from scripts.words import quote_text

Piece = tuple[str, int, Any]
"""A file's path, the line on which the piece begins, and its content.

In an array or a DocBin the second value is the number of the element, counted from 1. What the
content is depends on the format: see the reader and the parser of the format.
"""
Sized = tuple[int, Any, int]
"""The line and content of a piece, and its approximate size in characters or bytes."""

# A longer piece is refused: it is not a text, and might not fit in memory.
MAX_PIECE_BYTES = 32 << 20
# Limits of a DocBin: its unpacked size; the number of its lists, dictionaries and their items,
# which take the most memory; and the size of the user data or span groups of one Doc.
MAX_DOCBIN_BYTES = 256 << 20
MAX_DOCBIN_PARTS = 8_000_000
MAX_DOC_DATA_BYTES = 1 << 20
MAX_ROWS_PER_TEXT = 1_000_000
# Characters of an array that are read at once.
BLOCK_SIZE = 1 << 16

# What a blank line of a column file may have, by what separates its cells.
BLANKS = {" ": b" \t\r\n", "\t": b" \t\r\n", ",": b" \t\r\n,", ";": b" \t\r\n;"}

DOCUMENT = re.compile(r"-DOCSTART-|#\s*newdoc\b(?:\s+id\s*=\s*)?(.*)")
SPACE = re.compile(r"[ \t\r\n]*")
DECODER = json.JSONDecoder()


def read_pieces(
    path: Path, layout: Layout, progress: Callable[[int], object] = id
) -> Iterator[tuple[Piece, int]]:
    """Cut a file into pieces.

    path: the file; it may be compressed with gzip.
    layout: its format, as `recognize` (scripts/intake/formats.py) returns it.
    progress: called now and then with the number of bytes of the file that are done.

    Yields each piece with its approximate size in characters or bytes.
    Raises DataError, with file and line, where the file cannot be read on.
    """
    raw, file = open_file(path)
    kind = layout.delimiter if layout.delimiter in ("lines", "array", "values") else layout.name
    with raw:
        pieces = READERS[kind](file, path, layout)
        if kind in ("lines", "array", "values"):
            pieces = merge_answers(pieces)
        for number, (line, content, size) in enumerate(pieces):
            if number % 1000 == 0:
                progress(raw.tell())
            yield (str(path), line, content), size
    progress(path.stat().st_size)


def read_lines(file: BinaryIO, path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the number and bytes of every line, without a byte order mark.

    Raises DataError where a line is too long or the file cannot be read or unpacked.
    """
    number = 1
    while True:
        try:
            line = file.readline(MAX_PIECE_BYTES + 1)
        except (EOFError, OSError, zlib.error):
            # The context manager is entered only now: entering it for every line takes time.
            with refuse_broken(path, number):
                raise
        if not line:
            return
        if len(line) > MAX_PIECE_BYTES:
            raise DataError(
                f"{path}:{number}: a line of more than {MAX_PIECE_BYTES >> 20} MB is no text: is "
                "it a file of another kind? Split it."
            )
        line = line.removeprefix(BOM) if number == 1 else line
        # Old programs of the Macintosh end lines with a carriage return alone.
        if number == 1 and b"\r" in line.strip() and not line.endswith(b"\n"):
            yield from enumerate(line.split(b"\r"), 1)
            return
        yield number, line
        number += 1


def read_filled_lines(file: BinaryIO, path: Path, _: Layout) -> Iterator[Sized]:
    """Yield every line that is not blank, as bytes."""
    for number, line in read_lines(file, path):
        if not line.isspace():
            yield number, line, len(line)


class ArrayText:
    """The text of a JSON array, read block by block: the array may be larger than the memory.

    `buffer` is the text that has been read and `at` the position in it up to which it is parsed;
    `line` is the line of the file at that position.
    """

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.text = io.TextIOWrapper(file, "utf-8-sig", newline="")
        self.path = path
        self.buffer, self.at, self.line = "", 0, 1
        self.block, self.ended = BLOCK_SIZE, False

    def error(self, what: str, position: int) -> DataError:
        """Return an error that names the line of a position in the buffer."""
        line = self.line + self.buffer.count("\n", self.at, position)
        return DataError(f"{self.path}:{line}: {what}.")

    def read_more(self) -> None:
        """Add the next block to the buffer, and drop what is parsed.

        A value that is still incomplete is parsed again after every block. Each block is twice as
        large as the last, so that this takes linear time in the length of the value.
        """
        with refuse_broken(self.path, self.line):
            more = self.text.read(self.block)
        self.buffer, self.at = self.buffer[self.at :] + more, 0
        self.block, self.ended = 2 * self.block, not more

    def advance(self, position: int) -> None:
        """Move to a later position in the buffer."""
        self.line += self.buffer.count("\n", self.at, position)
        self.at = position

    def peek(self) -> str:
        """Skip white space and return the next character, or "" at the end of the file."""
        while True:
            char = self.buffer[self.at : self.at + 1]
            if char > " ":  # neither white space nor empty: mostly so, and fast
                return char
            self.advance(SPACE.match(self.buffer, self.at).end())  # type: ignore[union-attr]
            if self.at < len(self.buffer) or self.ended:
                return self.buffer[self.at : self.at + 1]
            self.read_more()

    def peek_inside(self) -> str:
        """Return the next character; raise DataError at the end of the file."""
        if char := self.peek():
            return char
        raise self.error("the array has no end: the file is cut", len(self.buffer))

    def take(self, wanted: str) -> None:
        """Move past a character; raise DataError where another one stands."""
        if self.peek_inside() != wanted:
            raise self.error(f"not JSON, a {wanted} is missing", self.at)
        self.at += 1

    def take_value(self) -> tuple[Any, int]:
        """Move past a value; return it and its length in characters, or raise DataError."""
        while True:
            self.peek_inside()
            try:
                value, end = DECODER.raw_decode(self.buffer, self.at)
            except json.JSONDecodeError as error:
                # Perhaps the value only goes on in the next block.
                if self.ended or len(self.buffer) > MAX_PIECE_BYTES:
                    what = f"not JSON ({error.msg}), or cut, or too long"
                    raise self.error(what, error.pos) from None
                self.read_more()
                continue
            except ValueError as error:  # a number of thousands of digits
                raise self.error(f"not to be read ({error})", self.at) from None
            except RecursionError:
                raise self.error("values nested too deep to be a text", self.at) from None
            size = end - self.at
            self.advance(end)
            self.block = BLOCK_SIZE
            return value, size


def read_array(file: BinaryIO, path: Path, _: Layout) -> Iterator[Sized]:
    """Yield the elements of a JSON array one by one, numbered from 1."""
    array = ArrayText(file, path)
    array.take("[")
    number = 0
    is_last = array.peek() == "]"
    while not is_last:
        number += 1
        value, size = array.take_value()
        yield number, value, size
        is_last = array.peek() == "]"
        if not is_last:
            array.take(",")
    array.take("]")
    if array.peek():
        raise array.error("not JSON, there is more after the array's end", array.at)


def read_values(file: BinaryIO, path: Path, layout: Layout) -> Iterator[Sized]:
    """Yield every value of JSON that follows on another, with the line on which it begins.

    Of an object that holds a list of records, yield these, numbered from 1.
    """
    values = ArrayText(file, path)
    while values.peek():
        line = values.line
        value, size = values.take_value()
        records = records_within(value, layout.hints)
        if records is None:
            yield line, value, size
        for number, record in enumerate(records or (), 1):
            if record is not None:
                yield number, record, size // len(records or ())


def read_columns(file: BinaryIO, path: Path, layout: Layout) -> Iterator[Sized]:
    """Yield every sentence as (name of its document, its lines as bytes).

    Blank lines, comments and, where there is one, the column of sentences separate them. The name
    is None before the first line that begins a document; a document without an identifier is named
    by the file and its number. Raises DataError where a sentence is too long.
    """
    document: str | None = None
    documents, first, size = 0, 0, 0
    rows: list[bytes] = []
    sentence = ""
    header = [*layout.header]
    for number, line in read_lines(file, path):
        # Most lines are no comment: only those that may be one are decoded.
        comment = find_comment(line, layout) if line[:1] in b"-#" else ""
        is_row = not comment and line.strip(BLANKS[layout.delimiter])
        last, sentence = sentence, name_sentence(line, sentence, layout) if is_row else sentence
        if rows and (not is_row or sentence != last):
            yield first, (document, rows), size
            rows, size = [], 0
        if is_row and not (header and cells_of(line, layout) == header):
            first = first if rows else number
            rows.append(line)
            size += len(line)
            if size > MAX_PIECE_BYTES:
                raise DataError(
                    f"{path}:{first}: a sentence of {len(rows):,} lines has no end: put a blank "
                    "line after every sentence."
                )
        elif comment and (named := DOCUMENT.match(comment)):
            documents += 1
            document = (named[1] or f"{path.name}-{documents}").strip()
    if rows:
        yield first, (document, rows), size


def cells_of(line: bytes, layout: Layout) -> list[str]:
    """The cells of a line of a column file."""
    return split_row(line.decode("utf8", "replace"), layout.delimiter)


def name_sentence(line: bytes, last: str, layout: Layout) -> str:
    """What a row says of its sentence; what the last one said, if it says nothing."""
    if layout.sentence is None:
        return last
    cells = cells_of(line, layout)
    return (cells[layout.sentence].strip() if layout.sentence < len(cells) else "") or last


def find_comment(line: bytes, layout: Layout) -> str:
    """Return a line of a column file as text if it is a comment, else an empty string."""
    text = line.decode("utf8", "replace")
    return text if is_comment(text, layout) else ""


def read_csv(file: BinaryIO, path: Path, layout: Layout) -> Iterator[Sized]:
    """Yield every text of a table as (text, name of its document, cells of its spans).

    The rows of a text stand together; a row with empty cells for the span adds none.
    Raises DataError where they do not stand together or are too many, or where `read_table` does.
    """
    # Held here, because it closes the file when nothing refers to it any more.
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    closed: set[int] = set()
    has_lists = len(layout.tags) == 1
    # A row with a list of spans is a record of its own.
    same = itemgetter(0) if has_lists else itemgetter(1)
    for _, rows in groupby(read_table(text, path, layout), same):
        first, size = 0, 0
        spans: list[list[str]] = []
        for line, key, span in rows:
            if not first and not has_lists and hash(key) in closed:
                raise DataError(
                    f"{path}:{line}: the rows of this text do not stand together: sort the table "
                    "by text, so that no span of it is missed."
                )
            first = first or line
            if any(cell.strip() for cell in span):
                spans.append(span)
            size += sum(map(len, span)) + (1 if first != line else len(key[0]))
            if len(spans) > MAX_ROWS_PER_TEXT:
                raise DataError(f"{path}:{line}: more than {MAX_ROWS_PER_TEXT:,} rows of one text.")
        closed.add(hash(key))
        yield first, (*key, spans), size


def read_table(
    text: TextIO, path: Path, layout: Layout
) -> Iterator[tuple[int, tuple[str, str | None], list[str]]]:
    """Yield every row that is not blank as line, (text, document or None), cells of its span.

    Raises DataError where a row has not as many cells as the header, or is no CSV.
    """
    csv.field_size_limit(MAX_PIECE_BYTES)
    rows = csv.reader(text, delimiter=layout.delimiter, strict=True)
    header = [name.strip().casefold() for name in next_row(rows, path) or ()]
    doc_column = header.index("doc") if "doc" in header else None
    line = rows.line_num + 1
    while (row := next_row(rows, path)) is not None:
        if row and len(row) != len(header):
            raise DataError(f"{path}:{line}: {len(row)} cells, but {len(header)} in the header.")
        if row:
            doc = None if doc_column is None else row[doc_column] or None
            yield line, (row[layout.word], doc), [row[i] for i in layout.tags]
        line = rows.line_num + 1


def next_row(rows: Any, path: Path) -> list[str] | None:
    """Return the next row of a csv.reader, or None at the end; DataError where it is no CSV."""
    with refuse_broken(path, rows.line_num + 1):
        try:
            return next(rows, None)
        except csv.Error as error:
            advice = "quote a cell that has quotes, and double these"
            raise DataError(f"{path}:{rows.line_num}: no table ({error}): {advice}.") from None


def read_docbin(file: BinaryIO, path: Path, _: Layout) -> Iterator[Sized]:
    """Yield every Doc of a DocBin as `take_doc` returns it, numbered from 1.

    Raises DataError where the DocBin is broken or too large.
    """
    try:
        with refuse_broken(path, 1):
            packed = file.read(MAX_DOCBIN_BYTES)
            check_parts(decompress(packed, path), path)
        groups: set[str] = set()
        has_ents = False
        for number, doc in enumerate(DocBin().from_bytes(packed).get_docs(Vocab()), 1):
            groups |= {name for name, spans in doc.spans.items() if spans}
            has_ents = has_ents or bool(doc.ents)
            yield number, take_doc(doc), len(doc.text) + 1
        refuse_span_groups(path, set() if has_ents else groups)
    except DataError:
        raise
    except Exception as error:  # msgpack, NumPy and spaCy raise many kinds for a broken file
        raise DataError(f"{path}: a broken DocBin ({error}): write it again.") from None


def refuse_span_groups(path: Path, groups: set[str]) -> None:
    """Raise DataError for a DocBin without entities if its Docs have span groups, as of spancat."""
    if groups:
        raise DataError(
            f"{path}: its Docs have no entities, but span groups ({', '.join(sorted(groups))}), "
            "which may overlap. This makes entities of one, of those that overlap the longest, in "
            f"a file beside it, which takes its place:\n{to_entities(path, min(groups))}"
        )


def to_entities(path: Path, group: str) -> str:
    """The command that makes entities of a span group; names are quoted for Python and shell."""
    source, name, target = map(quote_text, (str(path), group, str(path.with_suffix(".ents.spacy"))))
    program = (
        "import spacy; from spacy.tokens import DocBin; docs = [*DocBin().from_disk("
        f'{source}).get_docs(spacy.blank("xx").vocab)]; [doc.set_ents(spacy.util.filter_spans('
        f"doc.spans[{name}])) for doc in docs]; DocBin(docs=docs, store_user_data=True).to_disk("
        f"{target})"
    )
    return shlex.join(["python", "-c", program])


def take_doc(doc: Doc) -> tuple:
    """Return what is used of a Doc: its text, spans, open characters, and document's name.

    The spans are None if nobody has labelled the Doc. Open characters are those of tokens whose
    label is missing. The Doc's tokens are not used: the base's tokenizer makes others.
    """
    is_labelled = doc.has_annotation("ENT_IOB")
    spans = [(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents]
    open_characters = [(t.idx, t.idx + len(t)) for t in doc if is_labelled and not t.ent_iob]
    return doc.text, spans if is_labelled else None, open_characters, doc.user_data.get("doc")


def decompress(packed: bytes, path: Path) -> bytearray:
    """Decompress a DocBin's bytes; raise DataError if they grow to more than MAX_DOCBIN_BYTES."""
    stream, content, rest = zlib.decompressobj(), bytearray(), packed
    while rest and not stream.eof:
        content += stream.decompress(rest, MAX_PIECE_BYTES)
        rest = stream.unconsumed_tail
        if len(content) > MAX_DOCBIN_BYTES:
            raise DataError(
                f"{path} unpacks to more than {MAX_DOCBIN_BYTES >> 20} MB: write it as several "
                "files."
            )
    return content


def check_parts(content: bytearray, path: Path) -> None:
    """Raise DataError if a decompressed DocBin would take too much memory as Python objects.

    It is read as plain msgpack, which cannot run code.
    """
    parts = 0

    def count(part: Any) -> Any:
        nonlocal parts
        parts += 1 + len(part)
        if parts > MAX_DOCBIN_PARTS:
            raise DataError(
                f"{path} has more than {MAX_DOCBIN_PARTS:,} parts: write several files."
            )
        return part

    limits = {"max_array_len": MAX_DOCBIN_PARTS, "max_map_len": MAX_DOCBIN_PARTS}
    whole = unpackb(content, object_hook=count, list_hook=count, raw=False, **limits)
    # These are msgpack within msgpack, which is not counted above.
    for data in (*whole.get("user_data", ()), *whole.get("span_groups", ())):
        if data and len(data) > MAX_DOC_DATA_BYTES:
            size = MAX_DOC_DATA_BYTES >> 20
            raise DataError(f"{path} has a Doc with more than {size} MB of own data.")


def read_brat(file: BinaryIO, path: Path, _: Layout) -> Iterator[Sized]:
    """Yield the bytes of a text and of the .ann file beside it; DataError if one is too large."""
    ann = path.with_suffix(".ann")
    for part in (path, ann):
        if part.stat().st_size > MAX_PIECE_BYTES:
            raise DataError(f"{part}: more than {MAX_PIECE_BYTES >> 20} MB is no text. Split it.")
    text = file.read()
    yield 1, (text, ann.read_bytes()), len(text)


READERS: dict[str, Callable[[BinaryIO, Path, Layout], Iterator[Sized]]] = {
    "lines": read_filled_lines,
    "array": read_array,
    "values": read_values,
    "docbin": read_docbin,
    "columns": read_columns,
    "iob": read_filled_lines,
    "brat": read_brat,
    "csv": read_csv,
    "text": read_filled_lines,
}
"""How files of each kind are cut. Any JSON is read as `lines`, `array` or `values`."""
