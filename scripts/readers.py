"""Files of labelled texts, their format recognized by content, and cut into pieces.

A piece is what a record is made of: a line of JSON, an element of an array, the lines of a
sentence, rows of a table, a text with its annotation. A file is cut in one process; `parse`
(scripts/parsers.py), which is the work, can run in many.
"""

import csv
import gzip
import io
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, get_args

from spacy.tokens import DocBin
from spacy.vocab import Vocab

from scripts.params import Format
from scripts.records import DataError

# File, line where it begins (in an array or DocBin its number, from 1), and what stands there.
Piece = tuple[str, int, Any]
# Line, what stands there, and about how many characters or bytes that are.
Sized = tuple[int, Any, int]
# Bytes of one piece: nothing that is a text is longer, whatever is will not fit in memory.
LONGEST = 32 << 20
LONGEST_BIN = 1 << 30
HEAD = 1 << 16
BOM = b"\xef\xbb\xbf"

TAG = re.compile(r"(?:O|[BILUES]-\S+)$")
COMMENT = re.compile(r"#\s*(?:\w+\s*=|newdoc|newpar)")
DOCUMENT = re.compile(r"-DOCSTART-|#\s*newdoc\b(?:\s+id\s*=\s*)?(.*)")
# The phrases of CoNLL-2000's chunking.
CHUNKS = frozenset(["NP", "VP", "PP", "ADVP", "ADJP", "SBAR", "PRT", "CONJP", "INTJ", "LST", "UCP"])
# How records of JSON begin; a word of a column file could be a bracket.
JSON = re.compile(r'\{\s*"|\[\s*[\[{"\]]')
SPACE = re.compile(r"[ \t\r\n]*")
# What must stand at some places of an array.
WANTED = {"open": "[", "next": ","}
COLUMNS_OF_CSV = ("text", "start", "end", "label")
NAMES = get_args(Format)[1:]
ASK = f"If you know what it is, set data.format to one of: {', '.join(NAMES)}."


@dataclass(frozen=True)
class Layout:
    """A file's format, and for columns which is the word and which are tags."""

    name: str
    word: int = 0
    tags: tuple[int, ...] = ()
    delimiter: str = ""


# Files


def list_files(source: Path) -> list[Path]:
    """A file, or every file below a folder in the order of their names, hidden ones left out."""
    if not source.exists():
        raise DataError(f"{source} is not there: look at the paths in params.yaml.")
    if source.is_file():
        return [source]
    found = [path for path in source.rglob("*") if path.is_file()]
    visible = [p for p in found if not any(x[0] == "." for x in p.relative_to(source).parts)]
    # A text and its brat annotation are one.
    files = sorted(
        p for p in visible if not (p.suffix == ".ann" and p.with_suffix(".txt") in found)
    )
    if not files:
        raise DataError(f"{source} is an empty folder: put labelled texts in it.")
    return files


def open_file(path: Path) -> tuple[BinaryIO, BinaryIO]:
    """A file's bytes as they are, for progress, and unpacked where they are gzip."""
    try:
        raw = path.open("rb")
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).") from None
    packed = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    return raw, gzip.GzipFile(fileobj=raw) if packed else raw  # type: ignore[return-value]


@contextmanager
def refuse_broken(path: Path, line: int) -> Iterator[None]:
    """Say where a file was when it could not be read on."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}:{line}: not UTF-8 from here on ({error.reason}): save it as UTF-8."
        ) from None
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(
            f"{path}:{line}: cannot be read or unpacked from here on ({error}): fetch it again."
        ) from None


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


# Recognizing


def recognize(path: Path, name: str = "auto") -> Layout:
    """Say in what format a file is.

    name: one of NAMES to take that; `auto` to look at the file.
    Raises DataError where it is none, or not the one that it should be.
    """
    raw, file = open_file(path)
    with raw, refuse_broken(path, 1):
        head = file.read(HEAD)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{path}:1: this is UTF-16: save it as UTF-8.")
    text = head.removeprefix(BOM).decode("utf8", "replace").lstrip()
    lines = text.splitlines()
    # The last line may be cut.
    lines = lines[:-1] if len(head) == HEAD else lines
    columns = look_at_columns(lines) if name in ("columns", "iob") else None
    seen = columns or look_at(path, head, text, lines)
    if name == "auto":
        if seen.name == "unknown":
            raise DataError(f"{path} is in no format that is known. {ASK}")
        return seen
    is_json = seen.name in ("lines", "array")
    if name in ("prodigy", "doccano", "label-studio", "spacy-json"):
        fits = is_json
    else:
        fits = seen.name == name or name == "text"
    if not fits:
        looks = "JSON" if is_json else seen.name
        raise DataError(f"{path}: data.format is {name}, but it looks like {looks}.")
    return Layout(name, seen.word, seen.tags, seen.name if is_json else seen.delimiter)


def look_at(path: Path, head: bytes, text: str, lines: list[str]) -> Layout:
    """What a file's beginning looks like; JSON is `lines` or `array`, and says more itself."""
    if path.suffix in (".txt", ".ann") and any(path.parent.glob("*.ann")):
        for half in (path.with_suffix(".txt"), path.with_suffix(".ann")):
            if not half.is_file():
                raise DataError(f"{half} is missing: in brat's format texts and .ann are pairs.")
        return Layout("brat")
    if head[:2] in (b"\x78\x01", b"\x78\x9c", b"\x78\xda"):
        return Layout("docbin")
    if JSON.match(text):
        return Layout("lines" if text[0] == "{" or text[1:].lstrip()[:1] == '"' else "array")
    for delimiter in ",;\t":
        names = [name.strip().casefold() for name in lines[0].split(delimiter)] if lines else []
        if {*COLUMNS_OF_CSV} <= {name.strip('"') for name in names}:
            return Layout("csv", delimiter=delimiter)
    if columns := look_at_columns(lines):
        return columns
    if text[:1] in ("[", "{"):
        return Layout("array" if text[0] == "[" else "lines")
    name = Path(path.stem if path.suffix == ".gz" else path.name)
    return Layout("text" if name.suffix == ".txt" or not text else "unknown")


def look_at_columns(lines: list[str]) -> Layout | None:
    """Which column is the word and which are tags, if lines are tokens of tagged sentences."""
    rows = [line for line in lines if line.strip() and not is_comment(line)][:200]
    if not rows:
        return None
    words = [[part.split("|") for part in line.split()] for line in rows]
    if mostly(len(part) > 1 and TAG.match(part[-1]) for line in words for part in line):
        return Layout("iob")
    delimiter = "\t" if mostly("\t" in row for row in rows) else " "
    cells = [split_row(row, delimiter) for row in rows]
    width = Counter(map(len, cells)).most_common(1)[0][0]
    if width < 2 or not mostly(len(row) == width for row in cells):
        return None
    cells = [row for row in cells if len(row) == width]
    word = int(is_numbered([row[0] for row in cells]))
    labels = {
        i: {row[i][2:] for row in cells}
        for i in range(word + 1, width)
        if mostly(TAG.match(row[i]) for row in cells)
    }
    # Chunks (B-NP) are tags, too, but no names: CoNLL-2003 has them before the names.
    tags = [i for i, found in labels.items() if not (found - {""} and found - {""} <= CHUNKS)]
    return Layout("columns", word, tuple(tags), delimiter) if tags else None


def mostly(answers: Iterable[object]) -> bool:
    """Whether nine of ten are true: a slip in a file does not change what the file is."""
    truths = [bool(answer) for answer in answers]
    return sum(truths) >= 0.9 * len(truths)


def is_numbered(column: list[str]) -> bool:
    """Whether a column counts the words of each sentence, as CoNLL-U does."""
    pairs = zip(["0", *column], column, strict=False)
    return len(column) > 1 and all(
        now.isdecimal() and (now == "1" or int(now) == int(last) + 1) for last, now in pairs
    )


def split_row(line: str, delimiter: str) -> list[str]:
    """The cells of a line; other spaces than the delimiter can be part of a word."""
    line = line.rstrip("\r\n")
    return line.split("\t") if delimiter == "\t" else re.split("[ \t]+", line.strip(" \t"))


def is_comment(line: str) -> bool:
    """Whether a line of a column file is a comment or begins a document."""
    return line.startswith("-DOCSTART-") or bool(COMMENT.match(line))


# Reading: a file in pieces


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


def read_filled_lines(file: BinaryIO, path: Path, _: Layout) -> Iterator[Sized]:
    """Every line that is not blank."""
    for number, line in read_lines(file, path):
        if not line.isspace():
            yield number, line, len(line)


def read_array(file: BinaryIO, path: Path, _: Layout) -> Iterator[Sized]:
    """The elements of an array that may be larger than the memory, counted from 1."""
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    decode = json.JSONDecoder().raw_decode
    buffer, at, line, block, ended = "", 0, 1, HEAD, False
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
                    state, block = "next", HEAD
                    continue
            except json.JSONDecodeError as error:
                if ended or len(buffer) > LONGEST:
                    raise fail(f"not JSON ({error.msg}), or cut, or too long", error.pos) from None
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
    first, here = 1, rows.line_num + 1
    while (row := next_row(rows, path)) is not None:
        if row and len(row) != len(header):
            raise DataError(f"{path}:{here}: {len(row)} cells, but {len(header)} in the header.")
        if row:
            words, *span = (row[i] for i in columns)
            doc = row[doc_column] or None if doc_column is not None else None
            if (words, doc) != key:
                if key:
                    yield first, (*key, spans), len(key[0])
                    closed.add(hash(key))
                key, first, spans = (words, doc), here, []
                if hash(key) in closed:
                    raise DataError(
                        f"{path}:{here}: the rows of this text do not stand together: sort the "
                        "table by text, so that no span of it is missed."
                    )
            if any(cell.strip() for cell in span):
                spans.append(span)
        here = rows.line_num + 1
    if key:
        yield first, (*key, spans), len(key[0])


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
    with refuse_broken(path, 1):
        packed = unpack(file, path)
    try:
        docs = list(DocBin().from_bytes(packed).get_docs(Vocab()))
    except Exception as error:  # whatever a broken file makes of msgpack, NumPy and spaCy
        raise DataError(f"{path}: a broken DocBin ({error}): write it again.") from None
    for number, doc in enumerate(docs, 1):
        spans = [(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents]
        open_characters = [(t.idx, t.idx + len(t)) for t in doc if not t.ent_iob]
        is_labelled = doc.has_annotation("ENT_IOB")
        yield (
            number,
            (
                doc.text,
                spans if is_labelled else None,
                open_characters if is_labelled else [],
                doc.user_data.get("doc"),
            ),
            len(doc.text),
        )


def unpack(file: BinaryIO, path: Path) -> bytes:
    """A DocBin's bytes, once it is sure that they do not unpack to more than memory holds."""
    packed = file.read(LONGEST_BIN)
    stream, size, rest = zlib.decompressobj(), 0, packed
    while rest and not stream.eof:
        size += len(stream.decompress(rest, LONGEST))
        rest = stream.unconsumed_tail
        if size > LONGEST_BIN:
            raise DataError(f"{path} unpacks to more than 1 GB: write it as several files.")
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
