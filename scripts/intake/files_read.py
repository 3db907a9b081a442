"""What was understood of each file of labelled data, so that a misreading is seen at once."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy

from scripts.intake.formats import Source
from scripts.intake.layout import Layout
from scripts.intake.readers import read_pieces
from scripts.intake.tally import PARTS, FileRead, Tally
from scripts.intake.understood import understand

# More files than these are shown by folder: brat has a file for each text.
MOST_FILES = 10


def describe_files(sources: list[Source], total: Tally) -> list[FileRead]:
    """Say what was understood of the files that `total` was made of."""
    groups: dict[tuple[str, Layout, str], list[Path]] = {}
    for path, layout, part in sources:
        group = str(path) if len(sources) <= MOST_FILES else str(path.parent)
        groups.setdefault((group, layout, part or ""), []).append(path)
    numbers: dict[str, list[int]] = defaultdict(list)
    for number, name in enumerate(total.files):
        numbers[name].append(number)
    return [
        FileRead(
            str(paths[0]) if len(paths) == 1 else f"{name} ({len(paths):,} files)",
            describe_format(paths[0], layout),
            *count_texts(total, [number for x in paths for number in numbers[str(x)]]),
            choose_first(total.firsts[str(x)] for x in paths if str(x) in total.firsts),
        )
        for (name, layout, _), paths in groups.items()
    ]


def describe_format(path: Path, layout: Layout) -> str:
    """What was understood of a file, by its first record; its format alone where it has none."""
    first = next(read_pieces(path, layout), None)
    return str(understand(layout, first[0])) if first else layout.name


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
