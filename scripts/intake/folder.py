"""What lies in a folder of labelled data: which files are which split, and which are no data.

Nothing is passed over in silence: a file is data, or known to be none (a README, the settings of
an annotation tool), or the run stops and names it.
"""

import re
from pathlib import Path
from typing import NamedTuple

from scripts.exceptions import DataError
from scripts.storage.input_files import list_files

SPLITS = ("train", "dev", "test")
# What people call the splits. CoNLL-2003 calls them train, testa and testb.
NAMES: dict[str, tuple[str, ...]] = {
    "train": ("train", "training", "trn"),
    "dev": ("dev", "devel", "development", "valid", "validation", "val", "testa"),
    "test": ("test", "testing", "tst", "testb", "holdout", "heldout"),
}
# dev for some and test for others: test where there is a dev beside it.
EITHER = ("eval", "evaluation")
# Files that describe data, or that a tool or a system leaves beside it.
DOCUMENTATION = re.compile(
    r"(readme|licen[cs]e|copying|copyright|notice|changelog|changes|citation|authors|contributing)"
    r"([._-].*)?|cc[_-]by\b.*|.*\.(md|rst|bib|cff|pdf|docx?)",
    re.IGNORECASE,
)
SETTINGS = re.compile(
    r"(annotation|visual|tools|kb_shortcuts)\.conf|thumbs\.db|desktop\.ini", re.IGNORECASE
)


class Contents(NamedTuple):
    """The files of labelled data, and what lies beside them."""

    splits: dict[str, list[Path]]
    """For each split that has files, these; without names of splits, all files are train's."""
    beside: list[Path]
    """What is known to be no data, and is passed over."""


def list_data(source: Path) -> tuple[list[Path], list[Path]]:
    """List the files below a folder that are data, and those that are known to be none.

    source: a folder; or a file, which is data whatever its name.

    Raises DataError where there is no such file or folder, or no data in it.
    """
    if source.is_file():
        return [source], []
    found = list_files(source)
    beside = [path for path in found if is_no_data(path.relative_to(source))]
    files = [path for path in found if path not in beside]
    if not files:
        raise DataError(f"{source} has no labelled texts: there is only {name_all(beside)}.")
    return files, beside


def is_no_data(path: Path) -> bool:
    """Whether a file documents data, or is left beside it by a tool or a system."""
    name = path.name
    return bool(
        DOCUMENTATION.fullmatch(name) or SETTINGS.fullmatch(name) or "__MACOSX" in path.parts
    )


def look_into(source: Path) -> Contents:
    """Find the files of each split in a file or folder of labelled data.

    The names of the files and folders directly in `source` say which is which; where none does,
    all files below it are one set, from which the other splits are taken.

    Raises DataError where two files are the same split, where a file is of none, where there is no
    train, or where the splits lie in a folder below.
    """
    if not source.is_dir():
        return Contents({"train": list_data(source)[0]}, [])
    children = sorted(path for path in source.iterdir() if is_visible(path))
    beside = [path for path in children if is_no_data(path.relative_to(source))]
    named = name_splits([path for path in children if path not in beside])
    given: dict[str, list[Path]] = {}
    for path, part in named.items():
        given.setdefault(part, []).append(path)
    others = given.pop("", [])
    if not given:
        refuse_splits_below(source)
        return Contents(*pack({"train": [source]}))
    refuse_unclear(source, given, others)
    contents = Contents(*pack(given))
    return contents._replace(beside=sorted({*beside, *contents.beside}))


def pack(given: dict[str, list[Path]]) -> tuple[dict[str, list[Path]], list[Path]]:
    """The files of each split, in the order of SPLITS, and what lies beside them."""
    splits, beside = {}, []
    for part in SPLITS:
        for path in given.get(part, []):
            splits[part], more = list_data(path)
            beside += more
    return splits, beside


def is_visible(path: Path) -> bool:
    """Whether something in a folder is looked at: not what is hidden, or stands beside its data.

    brat writes two files for a text, .txt and .ann; `dvc add` writes .dvc beside a file.
    """
    is_half = path.suffix == ".ann" and path.with_suffix(".txt").exists()
    return not (path.name.startswith(".") or path.suffix == ".dvc" or is_half)


def name_splits(paths: list[Path]) -> dict[Path, str]:
    """The split of each path, or an empty string for one whose name says none.

    Raises DataError for a name that says two.
    """
    words = {path: set(re.split(r"[\W_]+", path.name.casefold())) for path in paths}
    parts = {}
    for path, own in words.items():
        said = [part for part in SPLITS if own & {*NAMES[part]}]
        if len(said) > 1:
            raise DataError(f"{path}: is it {' or '.join(said)}? Name it after one of them.")
        parts[path] = said[0] if said else ""
    free = "test" if "dev" in parts.values() else "dev"
    return {path: part or (free if words[path] & {*EITHER} else "") for path, part in parts.items()}


def refuse_unclear(source: Path, given: dict[str, list[Path]], others: list[Path]) -> None:
    """Raise DataError where it is not clear what a file in a folder with splits is.

    given: the paths of each split. others: those of none.
    """
    for part, paths in given.items():
        if len(paths) > 1:
            raise DataError(
                f"{name_all(paths)}: which one is {part}? Take the others away; or put them into "
                f"a folder {source / part}, where all of them are read."
            )
    if "train" not in given:
        names = name_all([path for paths in given.values() for path in paths])
        raise DataError(f"{source}: there is {names}, but no train.*: name the training data so.")
    if others:
        raise DataError(
            f"{name_all(others)}: neither train, dev nor test. In {source}, where the names say "
            f"the splits, nothing else is read: name it after one of them ({known_names()}), or "
            "take it out of the folder."
        )


def refuse_splits_below(source: Path) -> None:
    """Raise DataError where the splits lie in a folder below: they must not become one set."""
    folders = sorted({path.parent for path in list_files(source)} - {source})
    for folder in folders:
        found = set(name_splits([path for path in folder.iterdir() if is_visible(path)]).values())
        if "train" in found and found & {"dev", "test"}:
            raise DataError(f"{source}: its splits lie in {folder}: set data.source to that.")


def known_names() -> str:
    """The names of the splits, for a message."""
    return "; ".join(f"{part}: {', '.join(names)}" for part, names in NAMES.items())


def name_all(paths: list[Path], most: int = 5) -> str:
    """The names of some files, the first `most` of them, for a message."""
    shown = ", ".join(str(path) for path in paths[:most])
    return f"{shown} and {len(paths) - most:,} more" if len(paths) > most else shown
