"""Shares that hold where there are few documents: cut by the rank of the hash, not by the hash.

Of 40 documents a share of 0.1 drawn by hashes alone is anything from 0 to 10 of them. So below
FEW_DOCUMENTS all names are read first, put into the order of their hashes, and cut where the shares
say. Documents with spans and documents without any are cut apart: otherwise dev or test may get
none of the few that have some.
"""

from collections.abc import Iterator
from itertools import accumulate, chain

from scripts.exceptions import DataError, UnusableError
from scripts.intake.formats import Source
from scripts.intake.parsers import parse
from scripts.intake.records import Record, check_record, name_text
from scripts.intake.splits import share, share_within
from scripts.intake.stream import read_chunks
from scripts.params import Data, read_fold

FEW_DOCUMENTS = 1_000
"""From so many documents on, the hash alone decides. Of 1,000, the standard deviation of a share
of 0.1 is a tenth of it, of 0.2 a sixteenth; and names are all that is kept in memory meanwhile."""
LEAST_FOR_FOLDS = 4
"""With fewer documents that have spans, a half to test on and one for dev leave train none."""


def rank_documents(
    sources: list[Source], shares: dict[str, float], data: Data, lone: str
) -> dict[str, str] | None:
    """The part of each document by its name, where there are few documents and shares to split off.

    sources: the labelled data's files; those with a split of their own are passed over.
    shares: the share of each split that has no file of its own (`find_sources`).
    lone: the one document that all texts are said to be of (`find_lone_document`).

    Returns None where the hash of a name decides alone: there are FEW_DOCUMENTS or more, or there
    is nothing to split off. Raises DataError where there are too few documents for data.fold.
    """
    documents = name_documents(sources, data.unlabelled, lone) if shares else None
    if documents is None:
        return None
    order = sorted(documents, key=lambda name: (share(name, data.seed), name))
    groups = [[name for name in order if documents[name] is has] for has in (True, False)]
    fold = read_fold(data.fold)
    if fold and len(groups[0]) < max(fold[1], LEAST_FOR_FOLDS):
        raise DataError(
            f"{fold[1]} folds need as many documents with spans, and at least {LEAST_FOR_FOLDS}; "
            f"there are {len(groups[0])}. Take fewer folds (python -m scripts.folds --folds), or "
            "label more texts."
        )
    parts = cut_groups(groups, shares, fold)
    inner = sorted(documents, key=lambda name: (share_within(name, data.seed), name))
    for has in (True, False):
        train = [name for name in inner if documents[name] is has and parts[name] == "train"]
        kept = max(1, nearest(len(train) * data.train_share))
        parts |= dict.fromkeys(train[kept:], "spare")
    return parts


def name_documents(sources: list[Source], unlabelled: str, lone: str) -> dict[str, bool] | None:
    """The documents of files that belong to no split yet, and whether each has a span.

    unlabelled: data.unlabelled. lone: that of `rank_documents`; its texts count one by one.

    Records that will not be used are passed over. Returns None, and reads no further, where there
    are FEW_DOCUMENTS or more.
    """
    documents: dict[str, bool] = {}
    for record in read_free(sources, unlabelled):
        name = name_text(record.text) if lone and record.doc == lone else record.doc
        documents[name] = documents.get(name, False) or bool(record.spans)
        if len(documents) >= FEW_DOCUMENTS:
            return None
    return documents


def find_lone_document(sources: list[Source], unlabelled: str) -> str:
    """The name of the one document that all texts are said to be of; empty where there are more.

    Some tools begin a file with one -DOCSTART- and write no other. Nothing could be split off such
    a document, so that each of its texts counts as a document of its own.
    """
    name = ""
    texts: set[str] = set()
    for record in read_free(sources, unlabelled):
        if name and record.doc != name:
            return ""
        name = record.doc
        texts.add(name_text(record.text))
    return name if len(texts) > 1 else ""


def read_free(sources: list[Source], unlabelled: str) -> Iterator[Record]:
    """Yield the records of the files that belong to no split yet, but none that is not used."""
    free = [source for source in sources if source[2] is None]
    for chunk in read_chunks(free, "Documents"):
        for piece in chunk.pieces:
            try:
                record = parse(piece, chunk.layout)
                check_record(record)
            except UnusableError:
                continue
            if record.spans is not None or unlabelled == "outside":
                yield record


def cut_groups(
    groups: list[list[str]], shares: dict[str, float], fold: tuple[int, int] | None
) -> dict[str, str]:
    """The split of each document.

    groups: the documents with spans, and those without any, each in the order of their hashes.
    shares: the share of each split beside train, which gets the rest.
    fold: its number, and how many there are; then the test split is that part of each group.
    """
    everyone = sizes_of(sum(map(len, groups)), shares)
    first = sizes_of(len(groups[0]), shares)
    parts: dict[str, str] = {}
    for group, sizes in zip(
        groups,
        (first, {part: max(0, everyone[part] - first[part]) for part in shares}),
        strict=True,
    ):
        begin = 0
        if fold:
            begin, end = (nearest(len(group) * k / fold[1]) for k in (fold[0] - 1, fold[0]))
            # Where both are rounded up, dev leaves one to train.
            left = len(group) - (end - begin) - 1
            sizes = {part: min(size, max(0, left)) for part, size in sizes.items()}
            sizes["test"] = end - begin
        turned = group[begin:] + group[:begin]
        splits = chain.from_iterable([part] * size for part, size in sizes.items())
        parts |= dict.fromkeys(group, "train") | dict(zip(turned, splits, strict=False))
    return parts


def sizes_of(number: int, shares: dict[str, float]) -> dict[str, int]:
    """How many of `number` documents each split gets, so that train, too, is left with one.

    Each gets what is nearest to its share, and at least one. Where there are too few for that, none
    gets any.
    """
    if number <= len(shares):
        return dict.fromkeys(shares, 0)
    # Borders are rounded, not sizes: one document more moves each of them by one at most.
    borders = [nearest(number * bound) for bound in accumulate(shares.values())]
    steps = zip(shares, borders, [0, *borders], strict=False)
    sizes = {part: max(1, border - last) for part, border, last in steps}
    while sum(sizes.values()) >= number:
        sizes[max(sizes, key=sizes.__getitem__)] -= 1
    return sizes


def nearest(number: float) -> int:
    """The nearest whole number; of two, the larger one."""
    return int(number + 0.5)
