"""Decide which file and which document belongs to which split."""

from hashlib import sha256
from itertools import accumulate
from pathlib import Path

from spacy.strings import get_string_id

from scripts.exceptions import DataError
from scripts.intake.folder import look_into, name_all
from scripts.intake.formats import Source, recognize
from scripts.intake.layout import hints_of
from scripts.params import Data, read_fold


def find_sources(data: Data) -> tuple[list[Source], dict[str, float]]:
    """Find the files of the labelled data, and the splits that have none.

    In a folder with a train (a file or a folder), the names tell the splits; otherwise all files
    below it are one set (`look_into`). A split that has no file gets a share of train's documents.
    With data.fold, the test split is a part of train's documents, and a file of test is passed
    over.

    Returns the files, each with its format and its split (None for train, from which other splits
    may be taken), and the share of each split without a file. Raises DataError.
    """
    given = look_into(Path(data.source)).splits
    shares = {"test": data.test, "dev": data.dev}
    if fold := read_fold(data.fold):
        given.pop("test", None)
        shares["test"] = 1 / fold[1]
    left = {part: share for part, share in shares.items() if part not in given}
    hints = hints_of(data)
    sources: list[Source] = [
        (file, recognize(file, data.format, hints), None if part == "train" else part)
        for part, files in given.items()
        for file in files
    ]
    refuse_plain_text(sources)
    refuse_idle(sources, data)
    return sources, left


def refuse_idle(sources: list[Source], data: Data) -> None:
    """Raise DataError where params.yaml names columns or keys, and no file has any such."""
    kinds = {layout.name for _, layout, _ in sources}
    no_keys = {"columns", "iob", "docbin", "brat", "text"}
    wanted = {
        "data.columns": bool(data.columns) and not kinds & {"columns", "csv"},
        "data.text": bool(data.text) and kinds <= no_keys,
        "data.spans": bool(data.spans) and kinds <= no_keys,
    }
    if idle := [key for key, is_idle in wanted.items() if is_idle]:
        raise DataError(
            f"{data.source}: {' and '.join(idle)} says nothing about files of the format "
            f"{', '.join(sorted(kinds))}. data.columns is for tables and files with a word a line, "
            "data.text and data.spans for JSON and tables."
        )


def refuse_plain_text(sources: list[Source]) -> None:
    """Raise DataError where plain text, which nobody has annotated, lies beside annotated files.

    Its lines would be texts without a name, such as those of a list of labels.
    """
    plain = [path for path, layout, _ in sources if layout.name == "text"]
    if plain and len(plain) < len(sources):
        raise DataError(
            f"{name_all(plain)}: plain text beside annotated files. Take it out of the folder. "
            'If its texts were looked at and have no names, write them as JSONL, {"text": "...", '
            '"spans": []}.'
        )


def share(name: str, seed: int) -> float:
    """A number from 0 to 1, drawn from a document's name and the seed alone.

    So a document keeps its split when others come or go. A name is hashed without the number that
    it ends in; this number is then added in steps of the golden ratio, so that documents numbered
    one after the other spread more evenly than by chance (Knuth, 1973, The Art of Computer
    Programming 3, section 6.4, "Fibonacci hashing").
    """
    stem = name.rstrip("0123456789")
    number = int(name[len(stem) :] or 0) if len(name) - len(stem) < 20 else get_string_id(name)
    begin = int.from_bytes(sha256(f"{seed}:{stem}".encode()).digest()[:8], "big")
    return (begin + number * 0x9E3779B97F4A7C15) % 2**64 / 2**64


def share_within(name: str, seed: int) -> float:
    """A second number from 0 to 1 of a document, by which data.train_share thins out train.

    The dot makes another name of it, so that this draw does not depend on that of the split; and no
    name then ends in a number, which `share` would spread evenly.
    """
    return share(f"{name}.", seed)


def choose_split(
    doc: str, shares: dict[str, float], seed: int, fold: tuple[int, int] | None = None
) -> str:
    """The split of a document, drawn by its name.

    shares: the share of each split beside train, which gets the rest.
    fold: its number, and how many there are: the test split is then this part of the numbers from
        0 to 1, dev comes after it, and behind 1 the numbers begin again.
    """
    value = share(doc, seed)
    if fold:
        number, folds = fold
        # Compared in whole numbers: every document is in the test split of exactly one fold.
        if min(int(value * folds), folds - 1) == number - 1:
            return "test"
        value = (value - number / folds) % 1
        shares = {part: asked for part, asked in shares.items() if part != "test"}
    bounds = accumulate(shares.values())
    return next(
        (part for part, bound in zip(shares, bounds, strict=True) if value < bound), "train"
    )
