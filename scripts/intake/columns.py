"""Find out which column of a file with a word a line holds the words, and which the tags.

A column is taken for what it contains; a header, and data.columns, overrule that. Where two
columns could be meant, the file is refused with what to write into data.columns: a wrong column
would be learned without a word.
"""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

from scripts.exceptions import DataError
from scripts.intake.cells import BARE, KEY, TAG, is_aside, mostly, read_tag, read_word, split_row
from scripts.intake.layout import GUESS, Hints, Layout
from scripts.intake.roles import Table, chosen, header_of, is_called
from scripts.intake.word_columns import (
    SAMPLE,
    find_glue,
    find_prefix,
    look_at_words,
    refuse_endless,
)

WEBANNO = re.compile(r"#FORMAT=WebAnno TSV 3")
# The labels of phrases in CoNLL-2000 and in the German half of CoNLL-2003.
CHUNKS = frozenset(
    [
        "NP",
        "VP",
        "PP",
        "ADVP",
        "ADJP",
        "SBAR",
        "PRT",
        "CONJP",
        "INTJ",
        "LST",
        "UCP",
        "NC",
        "VC",
        "PC",
        "ADVC",
        "ADJC",
    ]
)


def look_at_columns(path: Path, lines: list[str], hints: Hints = GUESS) -> Layout | None:
    """Return the layout of lines in the formats `columns` or `iob`, or None for other lines.

    path: the file, for messages.
    lines: the first lines of the file.
    hints: what params.yaml says of its columns.

    Raises DataError where it cannot be told which column is which.
    """
    filled = [line for line in lines if line.strip()]
    words = [[part.split("|") for part in line.split()] for line in filled[:SAMPLE]]
    if filled and mostly(len(part) > 1 and TAG.match(part[-1]) for x in words for part in x):
        return Layout("iob")
    rows = [line for line in filled if not is_aside(line)]
    if not rows:
        return None
    for delimiter in "\t ,;":
        table = [split_row(row, delimiter) for row in rows[: SAMPLE + 1]]
        if layout := look_at_table(path, table, delimiter, lines, hints):
            refuse_endless(path, lines, layout)
            return layout
    return None


def look_at_table(
    path: Path, table: Table, delimiter: str, lines: list[str], hints: Hints
) -> Layout | None:
    """Return the layout of rows that are cut at a delimiter; None if no column has tags.

    The arguments are those of `look_at_columns`, and the cells of the first rows.
    """
    width = Counter(map(len, table)).most_common(1)[0][0]
    if width < 2 or not mostly(len(row) == width for row in table):
        return None
    header = header_of(table, lines)
    columns = [*zip(*(row for row in table if len(row) == width and row != header), strict=True)]
    if not columns:
        return None
    layout = Layout("columns", delimiter=delimiter, width=width, header=tuple(header), hints=hints)
    is_webanno = any(WEBANNO.match(line) for line in lines[:5])
    layout = (
        look_at_webanno(layout, columns, lines) if is_webanno else look_at_tags(layout, columns)
    )
    tagged, names = layout.tags, layout.tags
    if "tag" in dict(hints.columns):
        names = (chosen(path, layout, dict(hints.columns)["tag"]),)
    elif not (names := choose_names(path, layout, columns)):
        return None
    layout = replace(layout, tags=names)
    if layout.scheme == "tags" and not mostly(
        TAG.match(x.strip()) for x in columns[layout.tags[0]]
    ):
        layout = replace(layout, scheme="labels")
    layout = look_at_words(path, layout, columns, {*tagged, *names})
    words = tuple(read_word(cell, "") for cell in columns[layout.word])
    prefix = find_prefix(words)
    words = tuple(read_word(word, prefix) for word in words)
    return replace(layout, prefix=prefix, glue=find_glue(path, words))


def look_at_tags(layout: Layout, columns: list[tuple[str, ...]]) -> Layout:
    """Return the layout with all the columns that may be tags, and how these are written."""
    tags = tuple(
        i for i, x in enumerate(columns) if has_tags(x) and not is_called(layout, i, "word")
    )
    if tags:
        return replace(layout, tags=tags)
    keys = tuple(i for i, x in enumerate(columns) if any(KEY.search(cell) for cell in x))
    if keys:
        return replace(layout, tags=keys, scheme="key")
    return replace(
        layout, tags=tuple(i for i, x in enumerate(columns) if is_bare(x)), scheme="labels"
    )


def has_tags(column: tuple[str, ...]) -> bool:
    """Say whether the cells of a column are tags such as B-LABEL and O."""
    return mostly(TAG.match(cell.strip()) for cell in column)


def is_bare(column: tuple[str, ...]) -> bool:
    """Say whether a column has labels without B- and I-, and O for all the other words."""
    cells = Counter(cell.strip() for cell in column)
    others = [*cells.keys() - {"O"}]
    return (
        cells["O"] >= 0.2 * len(column)
        and all(BARE.fullmatch(cell) for cell in others)
        and 0 < len(others) <= 50
        and len(others) <= max(10, 0.2 * len(column))
    )


def look_at_webanno(layout: Layout, columns: list[tuple[str, ...]], lines: list[str]) -> Layout:
    """Return the layout of WebAnno's TSV 3, whose head names the columns behind the words.

    The labels of names are in NamedEntity's `value`; of other layers, every feature is possible.
    """
    layers = [line[6:].split("|") for line in lines if line.startswith("#T_SP=")]
    names = [(layer, feature) for layer, *features in layers for feature in features]
    header = ("id", "characters", "word", *(feature for _, feature in names))
    found = [i for i, (layer, feature) in enumerate(names, 3)
             if layer.endswith("NamedEntity") and feature == "value"]  # fmt: skip
    tags = found or [i for i in range(3, 3 + len(names)) if i < len(columns)]
    return replace(layout, tags=tuple(tags), header=header, scheme="webanno", index=0)


def choose_names(path: Path, layout: Layout, columns: list[tuple[str, ...]]) -> tuple[int, ...]:
    """Of all the columns that may be tags, return those of names.

    A column without any label is none, unless all are so; nor is one of phrases (chunks).
    Raises DataError where a column labels most words and another has labels, too: then it may
    have phrases of a kind that is not known here.
    """
    labels = {i: {read_tag(cell, layout.scheme)[1] for cell in columns[i]} - {""}
              for i in layout.tags}  # fmt: skip
    full = [i for i in layout.tags if labels[i]]
    names = [i for i in full if not labels[i] <= CHUNKS]
    named = [i for i in names if is_called(layout, i, "tag")]
    if len(named) == 1:
        return tuple(named)
    dense = [
        i for i in names
        if sum(bool(read_tag(x, layout.scheme)[1]) for x in columns[i]) > 0.5 * len(columns[i])
    ]  # fmt: skip
    if len(names) > 1 and (dense or layout.scheme != "tags"):
        shown = "; ".join(
            f"{layout.name_column(i)}: {', '.join(sorted(labels[i])[:5])}" for i in names
        )
        other = next((i for i in names if i not in dense), names[-1])
        raise DataError(
            f"{path}: which column has the labels of names? Columns have: {shown}. "
            f"Write it into params.yaml, such as data.columns: {{tag: {other + 1}}}."
        )
    return tuple(names) if full else layout.tags[-1:]
