"""Recognize the format of a file of labelled texts by its content."""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import get_args

from scripts.exceptions import DataError
from scripts.intake.columns import look_at_columns
from scripts.intake.layout import GUESS, Hints, Layout
from scripts.params import Format
from scripts.storage.input_files import BOM, open_file, refuse_broken

# Bytes of a file that are looked at.
HEAD = 1 << 16

# A file may have any of these, so that what is counted here is what a reader finds.
LINE_END = re.compile(r"\r\n|\n|\r")
# How records of JSON begin. A bracket alone is not enough: a word of a column file may be one.
JSON = re.compile(r'\{\s*"|\[\s*[\[{"\]]')
COLUMNS_OF_CSV = ("text", "start", "end", "label")
NAMES = get_args(Format)[1:]
ASK = f"If you know what it is, set data.format to one of: {', '.join(NAMES)}."


def recognize(path: Path, name: str = "auto", hints: Hints = GUESS) -> Layout:
    """Return the layout of a file.

    path: the file; it may be compressed with gzip.
    name: the format that it is expected to have, one of NAMES, or `auto` for any.
    hints: what params.yaml says of its columns and keys.

    Raises DataError where the file cannot be read, has no known format, or not the expected one.
    """
    raw, file = open_file(path)
    with raw, refuse_broken(path, 1):
        head = file.read(HEAD)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{path}:1: this is UTF-16: save it as UTF-8.")
    text = head.removeprefix(BOM).decode("utf8", "replace").lstrip()
    lines = LINE_END.split(text)
    # The last line may be incomplete.
    lines = lines[:-1] if len(head) == HEAD else lines
    columns = look_at_columns(path, lines, hints) if name in ("columns", "iob") else None
    seen = columns or look_at(path, head, text, lines, hints)
    seen = replace(seen, hints=hints)
    if seen.name == "columns" and hints.alone and has_one_document(path):
        seen = replace(seen, is_one_document=True)
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
    return replace(seen, name=name, delimiter=seen.name if is_json else seen.delimiter)


def has_one_document(path: Path) -> bool:
    """Say whether exactly one line of a column file begins a document."""
    found = 0
    raw, file = open_file(path)
    with raw, refuse_broken(path, 1):
        for line in iter(partial(file.readline, HEAD), b""):
            found += line.startswith((b"-DOCSTART-", b"# newdoc", b"#newdoc"))
            if found > 1:
                return False
    return found == 1


def look_at(path: Path, head: bytes, text: str, lines: list[str], hints: Hints) -> Layout:
    """Return the layout that a file seems to have; its name is `unknown` if there is none.

    path: the file; its suffix only tells plain text and brat from others.
    head: its first bytes.
    text: the same, decoded, without a byte order mark and leading white space.
    lines: the complete lines of the text.
    hints: what params.yaml says of its columns and keys.

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
    if columns := look_at_columns(path, lines, hints):
        return columns
    if text[:1] in ("[", "{"):
        return Layout("array" if text[0] == "[" else "lines")
    name = Path(path.stem if path.suffix == ".gz" else path.name)
    return Layout("text" if name.suffix == ".txt" or not text else "unknown")


Source = tuple[Path, Layout, str | None]
"""A file, its layout, and the part that its records belong to.

The part is None if the hash of each record's document chooses it (scripts/intake/splits.py).
"""
