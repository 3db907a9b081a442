"""Answers yes or no to single names, as Prodigy's ner.teach asks for, several to a text.

Such an answer says nothing of the rest of its text. So the names of a text that were accepted
become one record, in which all else is unknown; a rejected name is a part of what is unknown.
"""

import json
from collections.abc import Iterator
from itertools import accumulate, chain
from typing import Any

MERGED = "_merged"
"""The key that marks a record as made of several answers."""


def is_answer(value: Any) -> bool:
    """Whether a value of JSON is an answer to a single name, or several of one text merged."""
    if not isinstance(value, dict) or value.get("_view_id") != "ner" or "answer" not in value:
        return False
    spans = value.get("spans")
    return isinstance(spans, list) and (len(spans) == 1 or MERGED in value)


def unknown_parts(length: int, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The parts of a text of `length` characters that are in none of the spans, (start, end)."""
    ordered = sorted(spans)
    ends = accumulate((end for _, end in ordered), max, initial=0)
    starts = chain((start for start, _ in ordered), [length])
    return [(end, start) for end, start in zip(ends, starts, strict=True) if end < start]


def merge_answers(pieces: Iterator[tuple[int, Any, int]]) -> Iterator[tuple[int, Any, int]]:
    """Merge the answers of a file to the same text, if its first record is such an answer.

    pieces: the line, content and size of each record; the content is bytes, or a value.
    """
    first = next(pieces, None)
    if first is None:
        return
    pieces = chain([first], pieces)
    if not is_answer(decode(first[1])):
        yield from pieces
        return
    merged: dict[Any, tuple[int, Any, int]] = {}
    for number, (line, content, size) in enumerate(pieces):
        value = decode(content)
        if not is_answer(value):
            merged[number] = (line, content, size)
            continue
        key = (value.get("_input_hash"), str(value.get("text")))
        merged[key] = add_answer(merged[key], value, size) if key in merged else (line, value, size)
    yield from merged.values()


def add_answer(
    piece: tuple[int, Any, int], value: dict[str, Any], size: int
) -> tuple[int, Any, int]:
    """A piece of a text, with another answer to the same text; only accepted names are kept."""
    line, earlier, before = piece
    if value["answer"] != "accept":
        return piece
    if earlier["answer"] == "accept":
        value = earlier | {"spans": [*earlier["spans"], *value["spans"]], MERGED: True}
    return line, value, before + size


def decode(content: Any) -> Any:
    """The value of a record's bytes, or None where they are no JSON; a value as it is."""
    if not isinstance(content, bytes):
        return content
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
