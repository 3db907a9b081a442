"""Cut a line of a file with a word a line into cells, and read what a cell says as a tag."""

import csv
import re
from collections.abc import Iterable

from scripts.intake.layout import Layout

# A tag of one of the schemes IO, IOB1, IOB2, BILOU, BIOES, BMES and BMEWO, in either case.
TAG = re.compile(r"(?:[Oo]|[BILUESMWbiluesmw][-_]\S+)$")
COMMENT = re.compile(r"#\s*(?:\w+(?:\.\w+)?\s*=|newdoc|newpar)")
# A tag among other features in a cell, as in the column MISC of CoNLL-U.
KEY = re.compile(r"(?:^|\|)(?:NER|ner|Entity|NE|BIO)=([^|]*)")
# A label that stands alone as a tag; one that ends in -B or _I is of a scheme that is not known.
BARE = re.compile(r"[^\W\d][\w./-]*(?<![-_][BILUES])")
# What other schemes call the letters of BILUO: middle, end, single and whole.
LETTERS = {"M": "I", "E": "L", "S": "U", "W": "U"}


def split_row(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line.

    delimiter: a tab, comma or semicolon; or a space for any number of tabs and spaces. Other white
        space, such as a no-break space, can be part of a word.
    """
    line = line.rstrip("\r\n")
    if delimiter in ",;":
        return next(csv.reader([line], delimiter=delimiter), [""])
    return line.split("\t") if delimiter == "\t" else re.split("[ \t]+", line.strip(" \t"))


def read_word(cell: str, prefix: str) -> str:
    """Return the word that a cell says, which is a blank where there is nothing else.

    prefix: what every word begins with and is no part of it.
    """
    word = cell.strip(" \t").removeprefix(prefix)
    return word or cell


def read_tag(cell: str, scheme: str) -> tuple[str, str]:
    """Return the letter of BILUO and the label that a cell says; "" for both if it says none.

    scheme: as Layout.scheme has it. In `labels` and `webanno` the letter is I, whatever comes
        before. A cell that is no tag has the letter "?".
    """
    cell = cell.strip()
    if scheme == "key":
        match = KEY.search(cell)
        cell = match[1] if match else "O"
    elif scheme == "webanno":
        return ("", "") if cell in ("_", "") or cell.startswith("*") else ("I", cell)
    elif scheme == "labels":
        return ("", "") if cell == "O" else ("I" if BARE.fullmatch(cell) else "?", cell)
    if not TAG.match(cell):
        return "?", ""
    letter = cell[0].upper()
    return ("", "") if letter == "O" else (LETTERS.get(letter, letter), cell[2:])


def is_aside(line: str) -> bool:
    """Say whether a line of a file not yet known may be a comment, or begins a document."""
    return line.startswith(("#", "-DOCSTART-"))


def is_comment(line: str, layout: Layout) -> bool:
    """Say whether a line of a column file is a comment or begins a document.

    A line that begins with # is one if the rows begin with numbers, or have more or fewer cells. Of
    words between blanks one may have as many; then its tags tell whether it is a row.
    """
    if line.startswith("-DOCSTART-"):
        return True
    if not line.startswith("#"):
        return False
    cells = split_row(line, layout.delimiter)
    if 0 in (layout.index, layout.sentence) or len(cells) != layout.width:
        return True
    is_row = layout.delimiter != " " or (
        layout.scheme == "tags" and TAG.match(cells[layout.tags[0]])
    )
    return not is_row and bool(COMMENT.match(line))


def mostly(answers: Iterable[object]) -> bool:
    """Say whether at least nine of ten answers are true: a file may have a few broken lines."""
    truths = [bool(answer) for answer in answers]
    return sum(truths) >= 0.9 * len(truths)
