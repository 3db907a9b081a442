"""What was understood of each file of labelled data, so that a misreading is seen at once."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy

from scripts.intake.formats import Layout, Source
from scripts.intake.tally import PARTS, Tally, Understood

# More files than these are shown by folder: brat has a file for each text.
MOST_FILES = 10


def describe_files(sources: list[Source], total: Tally) -> list[Understood]:
    """Say what was understood of the files that `total` was made of."""
    groups: dict[tuple[str, str, str], list[Path]] = {}
    for path, layout, part in sources:
        group = str(path) if len(sources) <= MOST_FILES else str(path.parent)
        groups.setdefault((group, describe_layout(layout), part or ""), []).append(path)
    numbers: dict[str, list[int]] = defaultdict(list)
    for number, name in enumerate(total.files):
        numbers[name].append(number)
    return [
        Understood(
            str(paths[0]) if len(paths) == 1 else f"{name} ({len(paths):,} files)",
            layout,
            *count_texts(total, [number for x in paths for number in numbers[str(x)]]),
            choose_first(total.firsts[str(x)] for x in paths if str(x) in total.firsts),
        )
        for (name, layout, _), paths in groups.items()
    ]


def describe_layout(layout: Layout) -> str:
    """A format in words."""
    if layout.name == "columns":
        tags = " and ".join(str(column + 1) for column in layout.tags)
        return f"columns: words in {layout.word + 1}, tags in {tags}"
    return {"lines": "JSON, a record a line", "array": "JSON, an array"}.get(
        layout.name, layout.name
    )


def count_texts(total: Tally, files: list[int]) -> tuple[dict[str, int], int]:
    """How many texts of some files each split has, and how many documents there are in them.

    files: their places in `total.files`; chunks of one file have several.
    """
    is_here = numpy.isin(total.facts["file"], files)
    parts = numpy.bincount(total.facts["part"][is_here], minlength=len(PARTS))
    documents = len(numpy.unique(total.facts["doc"][is_here]))
    return {part: int(n) for part, n in zip(PARTS, parts, strict=True) if n}, documents


def choose_first(records: Iterable[tuple[bool, str]]) -> str:
    """The first record with a name, or else the first; records are as in `Tally.firsts`."""
    return max(records, key=lambda record: record[0], default=(False, ""))[1]
