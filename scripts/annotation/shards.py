"""Input files are cut into shards, the unit of work."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from scripts.annotation.inputs import Layout, Source, read_all
from scripts.intake.readers import Piece

# Files below this share a group; more than this of input is never in one shard.
GROUP = 64 << 20
MOST = 4 << 20


class Group(NamedTuple):
    """Files whose documents share shards, in the order of their names."""

    number: int
    sources: list[Source]
    shard_size: int
    done: frozenset[int] = frozenset()
    """Shards that are finished, and are not given out again."""


class Shard(NamedTuple):
    """Documents that are worked on together."""

    group: int
    number: int
    layout: Layout
    pieces: list[Piece]
    progress: int
    """Bytes of the files that it takes, as they lie on the disk."""
    last: bool
    """Whether it is the group's last."""

    @property
    def name(self) -> str:
        return name_shard(self.group, self.number)


def name_shard(group: int, number: int) -> str:
    """The name of a shard; names sort in the order of the input."""
    return f"part-{group:06}-{number:06}"


def make_groups(sources: Iterable[Source], shard_size: int) -> list[Group]:
    """Put neighbouring files of one layout together, as long as they are small."""
    groups: list[Group] = []
    for _, alike in groupby(sources, key=lambda source: source.layout):
        taken: list[Source] = []
        size = 0
        for source in alike:
            bytes_ = source.path.stat().st_size
            if taken and size + bytes_ > GROUP:
                groups.append(Group(len(groups), taken, shard_size))
                taken, size = [], 0
            taken.append(source)
            size += bytes_
        groups.append(Group(len(groups), taken, shard_size))
    return groups


def cut(group: Group) -> Iterator[Shard]:
    """The shards of a group that are not finished; at least one, or its files would be lost."""
    layout = group.sources[0].layout
    number, size, before, now = 0, 0, 0, 0
    pieces: list[Piece] = []
    for piece, length, now in read_all(group.sources):
        if len(pieces) >= group.shard_size or (pieces and size + length > MOST):
            if number not in group.done:
                yield Shard(group.number, number, layout, pieces, now - before, False)
            number, size, before, pieces = number + 1, 0, now, []
        pieces.append(piece)
        size += length
    if number not in group.done:
        rest = sum(source.path.stat().st_size for source in group.sources) - before
        yield Shard(group.number, number, layout, pieces, rest, True)
