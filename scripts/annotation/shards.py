"""Input files are put into groups, and groups are cut into shards, the unit of work."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from scripts.annotation.inputs import Layout, Source, read_all
from scripts.intake.readers import Piece

# A group takes another file while all of its files together are no larger than this, in bytes.
GROUP = 64 << 20
# A shard ends before its documents get larger than this, in bytes, if it has one already.
MOST = 4 << 20


class FileGroup(NamedTuple):
    """Files whose documents share shards, in the order of their names."""

    number: int
    sources: list[Source]
    shard_size: int
    """How many documents a shard has at most."""
    finished: frozenset[int] = frozenset()
    """The numbers of the shards that need not be done again."""


class Shard(NamedTuple):
    """Documents that are worked on together."""

    group: int
    number: int
    layout: Layout
    pieces: list[Piece]
    progress: int
    """How many bytes of the input files it takes, as they lie on the disk."""
    last: bool
    """Whether it is the group's last."""

    @property
    def name(self) -> str:
        """The name of its files, without a suffix."""
        return name_shard(self.group, self.number)


def name_shard(group: int, number: int) -> str:
    """Return the name of a shard; sorted names are in the order of the input."""
    return f"part-{group:06}-{number:06}"


def make_groups(sources: Iterable[Source], shard_size: int) -> list[FileGroup]:
    """Put neighbouring files of one layout into a group, as long as they are small."""
    groups: list[FileGroup] = []
    for _, alike in groupby(sources, key=lambda source: source.layout):
        taken: list[Source] = []
        size = 0
        for source in alike:
            bytes_ = source.path.stat().st_size
            if taken and size + bytes_ > GROUP:
                groups.append(FileGroup(len(groups), taken, shard_size))
                taken, size = [], 0
            taken.append(source)
            size += bytes_
        groups.append(FileGroup(len(groups), taken, shard_size))
    return groups


def cut_into_shards(group: FileGroup) -> Iterator[Shard]:
    """Read the files of a group and yield its shards, but not those that are finished.

    A group without documents has one empty shard, so that it can be known to be finished.
    """
    layout = group.sources[0].layout
    number, size, before, now = 0, 0, 0, 0
    pieces: list[Piece] = []
    for piece, length, now in read_all(group.sources):
        if len(pieces) >= group.shard_size or (pieces and size + length > MOST):
            if number not in group.finished:
                yield Shard(group.number, number, layout, pieces, now - before, False)
            number, size, before, pieces = number + 1, 0, now, []
        pieces.append(piece)
        size += length
    if number not in group.finished:
        rest = sum(source.path.stat().st_size for source in group.sources) - before
        yield Shard(group.number, number, layout, pieces, rest, True)
