"""What a column is for, according to its name or to data.columns."""

from pathlib import Path

from scripts.exceptions import DataError
from scripts.intake.layout import Layout

ROLES = {
    "word": {"word", "words", "token", "tokens", "form"},
    "tag": {"tag", "tags", "ner", "ner_tag", "ner_tags", "label", "labels", "entity", "bio", "iob"},
    "sentence": {"sentence", "sentence #", "sentence_id", "sentence id", "sent_id", "sentence_idx"},
}
"""What columns are called in headers, by what they are for."""
Table = list[list[str]]


def header_of(table: Table, lines: list[str]) -> list[str]:
    """The names of the columns: the first row if it has such, or what CoNLL-U Plus says."""
    for line in lines[:5]:
        if line.startswith("# global.columns ="):
            return line.partition("=")[2].split()
    names = {name.strip().casefold() for name in table[0]}
    return table[0] if names & ROLES["word"] and names & ROLES["tag"] else []


def chosen(path: Path, layout: Layout, wanted: str) -> int:
    """The column that params.yaml names or numbers, from 1; DataError where there is none."""
    if wanted in layout.header:
        return layout.header.index(wanted)
    number = int(wanted) if wanted.isdecimal() else 0
    if 1 <= number <= layout.width:
        return number - 1
    there = ", ".join(layout.header) or f"1 to {layout.width}"
    raise DataError(
        f"{path}: there is no column {wanted}; there are {there}. Look at data in params.yaml."
    )


def is_called(layout: Layout, column: int, role: str) -> bool:
    """Say whether the header has a name for a column that columns for a role have."""
    header = layout.header
    return column < len(header) and header[column].strip().casefold() in ROLES[role]
