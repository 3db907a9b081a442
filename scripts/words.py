"""Words for messages: amounts in the singular or plural, and what was probably meant."""

import json
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

SHOWN = 5  # so many names of a folder are shown where none of them is near


def amount(number: int, noun: str, plural: str = "") -> str:
    """A number and its noun: 1 text, 2,000 texts.

    plural: the noun's plural, where it has not just an s at its end.
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def quote_text(text: str) -> str:
    """A text as Python writes it, in double quotes: a shell then takes the program in single ones.

    For commands that a message proposes, with names in them that strangers have chosen.
    """
    return json.dumps(text, ensure_ascii=False)


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """`; did you mean A or B?`, with the nearest of the words; nothing where none is near."""
    near = get_close_matches(word, list(dict.fromkeys(words)), n=2)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def what_is_near(path: Path) -> str:
    """What may have been meant by a path that does not exist, to stand at the end of a message."""
    there = next(folder for folder in (*path.parents, Path()) if folder.is_dir())
    missing = path.relative_to(there).parts[0]
    names = sorted(x.name for x in there.iterdir() if not x.name.startswith("."))
    if near := get_close_matches(missing, names, n=2):
        return f"; did you mean {' or '.join((there / name).as_posix() for name in near)}?"
    if there == Path() or not names:
        return ""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"; in {there} there are: {', '.join(names[:SHOWN])}{more}"
