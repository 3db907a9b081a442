"""Recognize the format of a file of labelled texts by its content."""

import json
import re
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import get_args

from scripts.exceptions import DataError
from scripts.intake.columns import look_at_columns
from scripts.intake.keys import records_within
from scripts.intake.layout import GUESS, Hints, Layout
from scripts.intake.tables import look_at_table
from scripts.params import Format
from scripts.storage.input_files import BOM, open_file, refuse_broken

# Bytes of a file that are looked at.
HEAD = 1 << 16
# Of JSON, the first line is looked at whole, up to so many bytes.
MAX_LINE = 32 << 20

# A file may have any of these, so that what is counted here is what a reader finds.
LINE_END = re.compile(r"\r\n|\n|\r")
# How records of JSON begin. A bracket alone is not enough: a word of a column file may be one.
JSON = re.compile(r'\{\s*"|\[\s*[\[{"\]]')
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
        if head.removeprefix(BOM).lstrip()[:1] == b"{" and b"\n" not in head:
            head += file.readline(MAX_LINE)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{path}:1: this is UTF-16: save it as UTF-8.")
    text = head.removeprefix(BOM).decode("utf8", "replace").lstrip()
    lines = LINE_END.split(text)
    # The last line may be incomplete.
    lines = lines[:-1] if len(head) >= HEAD and len(lines) > 1 else lines
    columns = look_at_columns(path, lines, hints) if name in ("columns", "iob") else None
    seen = columns or look_at(path, head, text, lines, hints)
    seen = replace(seen, hints=hints)
    if name == "auto":
        if seen.name == "unknown":
            raise DataError(f"{path} is in no known format. {ASK}")
        return seen
    is_json = seen.name in ("lines", "array", "values")
    if name in ("prodigy", "doccano", "label-studio", "spacy-json"):
        fits = is_json
    else:
        fits = seen.name == name or name == "text"
    if not fits:
        looks = "JSON" if is_json else seen.name
        raise DataError(f"{path}: data.format is {name}, but it looks like {looks}.")
    return replace(seen, name=name, delimiter=seen.name if is_json else seen.delimiter)


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
        return look_at_json(path, text, lines)
    if table := look_at_table(path, text, hints):
        return table
    if columns := look_at_columns(path, lines, hints):
        return columns
    if text[:1] in ("[", "{"):
        return Layout("array" if text[0] == "[" else "lines")
    name = Path(path.stem if path.suffix == ".gz" else path.name)
    return Layout("text" if name.suffix == ".txt" or not text else "unknown")


def look_at_json(path: Path, text: str, lines: list[str]) -> Layout:
    """Return the layout of JSON: a value a line, an array, or values one after the other.

    Raises DataError where it is what spaCy 2 was trained on.
    """
    if '"paragraphs"' in text and '"sentences"' in text and '"orth"' in text:
        raise DataError(
            f"{path}: this is spaCy 2's JSON for training. Run `python -m spacy convert "
            f"{quote(str(path))} FOLDER --converter json`, and take the .spacy file that it writes."
        )
    # A list that begins with a text is a pair of it and its spans, and so a record.
    if text[0] == "[" and text[1:].lstrip()[:1] != '"':
        return Layout("array")
    try:
        first = json.loads(lines[0])
    except (ValueError, RecursionError):
        # A broken line among lines, or the first line of an object in several.
        is_lines = len(lines) < 2 or JSON.match(lines[1])
        return Layout("lines" if is_lines else "values")
    return Layout("lines" if records_within(first, GUESS) is None else "values")


Source = tuple[Path, Layout, str | None]
"""A file, its layout, and the part that its records belong to.

The part is None if the hash of each record's document chooses it (scripts/intake/splits.py).
"""
