"""Recognize the format of a file of labelled texts by its content."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from scripts.exceptions import DataError
from scripts.params import Format
from scripts.storage.input_files import BOM, open_file, refuse_broken

# Bytes of a file that are looked at.
HEAD = 1 << 16

# A tag of one of the schemes IO, IOB1, IOB2, BILOU and BIOES.
TAG = re.compile(r"(?:O|[BILUES]-\S+)$")
COMMENT = re.compile(r"#\s*(?:\w+\s*=|newdoc|newpar)")
# The labels of phrases in CoNLL-2000, which CoNLL-2003 has in a column before the names.
CHUNKS = frozenset(["NP", "VP", "PP", "ADVP", "ADJP", "SBAR", "PRT", "CONJP", "INTJ", "LST", "UCP"])
# How records of JSON begin. A bracket alone is not enough: a word of a column file may be one.
JSON = re.compile(r'\{\s*"|\[\s*[\[{"\]]')
COLUMNS_OF_CSV = ("text", "start", "end", "label")
NAMES = get_args(Format)[1:]
ASK = f"If you know what it is, set data.format to one of: {', '.join(NAMES)}."


@dataclass(frozen=True)
class Layout:
    """A file's format, and what a reader has to know about it."""

    name: str
    """One of NAMES; or `lines` or `array` for JSON that says itself in which format it is."""
    word: int = 0
    """In the format `columns`, the column of the words, counted from 0."""
    tags: tuple[int, ...] = ()
    """In the format `columns`, the columns of tags."""
    delimiter: str = ""
    """What separates cells; in a format of JSON, `lines` or `array`."""


def recognize(path: Path, name: str = "auto") -> Layout:
    """Return the layout of a file.

    path: the file; it may be compressed with gzip.
    name: the format that it is expected to have, one of NAMES, or `auto` for any.

    Raises DataError where the file cannot be read, has no known format, or not the expected one.
    """
    raw, file = open_file(path)
    with raw, refuse_broken(path, 1):
        head = file.read(HEAD)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{path}:1: this is UTF-16: save it as UTF-8.")
    text = head.removeprefix(BOM).decode("utf8", "replace").lstrip()
    lines = text.splitlines()
    # The last line may be incomplete.
    lines = lines[:-1] if len(head) == HEAD else lines
    columns = look_at_columns(lines) if name in ("columns", "iob") else None
    seen = columns or look_at(path, head, text, lines)
    if name == "auto":
        if seen.name == "unknown":
            raise DataError(f"{path} is in no known format. {ASK}")
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
    """Return the layout that a file seems to have; its name is `unknown` if there is none.

    path: the file; its suffix only tells plain text and brat from others.
    head: its first bytes.
    text: the same, decoded, without a byte order mark and leading white space.
    lines: the complete lines of the text.

    Raises DataError where half of a brat pair is missing.
    """
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
    """Return the layout of lines in the formats `columns` or `iob`, or None for other lines."""
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
    # A column of chunks (B-NP) holds tags, but no names.
    tags = [i for i, found in labels.items() if not (found - {""} and found - {""} <= CHUNKS)]
    return Layout("columns", word, tuple(tags), delimiter) if tags else None


def mostly(answers: Iterable[object]) -> bool:
    """Say whether at least nine of ten answers are true: a file may have a few broken lines."""
    truths = [bool(answer) for answer in answers]
    return sum(truths) >= 0.9 * len(truths)


def is_numbered(column: list[str]) -> bool:
    """Say whether a column counts the words of each sentence from 1, as CoNLL-U does."""
    pairs = zip(["0", *column], column, strict=False)
    return len(column) > 1 and all(
        now.isdecimal() and (now == "1" or int(now) == int(last) + 1) for last, now in pairs
    )


def split_row(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line.

    delimiter: a tab, or a space for any number of tabs and spaces. Other white space, such as a
        no-break space, can be part of a word.
    """
    line = line.rstrip("\r\n")
    return line.split("\t") if delimiter == "\t" else re.split("[ \t]+", line.strip(" \t"))


def is_comment(line: str) -> bool:
    """Say whether a line of a column file is a comment or begins a document."""
    return line.startswith("-DOCSTART-") or bool(COMMENT.match(line))


Source = tuple[Path, Layout, str | None]
"""A file, its layout, and the part that its records belong to.

The part is None if the hash of each record's document chooses it (scripts/intake/splits.py).
"""
