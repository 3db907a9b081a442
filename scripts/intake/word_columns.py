"""Find the words of a file with a word a line, their sentences, and what is between two words."""

import re
from dataclasses import replace
from itertools import pairwise, takewhile
from pathlib import Path

from scripts.exceptions import DataError
from scripts.intake.cells import is_aside, mostly, split_row
from scripts.intake.layout import Layout
from scripts.intake.roles import chosen, is_called

NUMBER = re.compile(r"\d+(?:[-.]\d+)*$")
# What stands where a column says nothing.
FILLER = frozenset(["_", "-", "-X-", ""])
SENTENCE = re.compile(r"(?i)sent\w*\W*\d+$")
# Scripts that are written without blanks: Han, kana, Thai, Lao, Burmese and Khmer, with the
# punctuation of East Asia.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef"
)
UNSPACED_CHAR = re.compile(f"[{UNSPACED}\U00020000-\U0003ffff]")
# Rows that are looked at, and rows without a blank line that are no sentence any more.
SAMPLE, LONGEST = 200, 500


def look_at_words(
    path: Path, layout: Layout, columns: list[tuple[str, ...]], tagged: set[int]
) -> Layout:
    """Return the layout with its columns of words, of sentences and of the words' numbers.

    tagged: the columns that hold tags, of names or of something else.

    Raises DataError where no column, or more than one, can be that of the words.
    """
    free = [i for i in range(layout.width) if i not in tagged]
    asked = dict(layout.hints.columns)
    known = [i for i in free if is_called(layout, i, "word")]
    known = [chosen(path, layout, asked["word"])] if "word" in asked else known[:1]
    others = [i for i in free if i not in known]
    numbers = [i for i in others if mostly(NUMBER.match(cell) for cell in columns[i])]
    whole = [i for i in numbers if mostly(map(str.isdecimal, columns[i]))]
    # Behind the words a column of numbers is something else, such as the heads of a parse.
    before = [*takewhile(lambda i: i in numbers or repeats(columns[i]) or is_named(columns[i]),
                         others)]  # fmt: skip
    named = [i for i in others if is_called(layout, i, "sentence")]
    sentences = named or [
        i for i in before if is_named(columns[i]) or (i in whole and is_kept(columns[i]))
    ]
    sentence = sentences[0] if sentences else None
    if "sentence" in asked:
        sentence = chosen(path, layout, asked["sentence"])
    counting = [i for i in before if i in whole and i != sentence and counts(columns[i])]
    index = counting[0] if counting else layout.index
    layout = replace(layout, sentence=sentence, index=index)
    if known:
        return replace(layout, word=known[0])
    left = [i for i in others if i not in numbers and i != sentence and not {*columns[i]} <= FILLER]
    first = others[0] if others else -1
    return replace(layout, word=choose_word(path, columns, left, first))


def choose_word(path: Path, columns: list[tuple[str, ...]], left: list[int], first: int) -> int:
    """The column of the words.

    first: the first column that holds no tags.
    left: the columns that hold neither tags nor numbers nor the names of sentences.

    The first of them is meant, unless its cells mostly repeat the one above, which words do not.
    Raises DataError where that leaves a doubt.
    """
    varied = {i: len(set(columns[i])) for i in left}
    likely = [i for i in left if not repeats(columns[i])] or left[:1]
    word = likely[0] if likely else None
    is_tiny = len(left) > 1 and len(columns[0]) < 3
    if (
        word is not None
        and not is_tiny
        and (word == first or varied[word] == max(varied.values()) >= 3)
    ):
        return word
    raise DataError(
        f"{path}: which column has the words? A column of whole numbers is none. Write it into "
        "params.yaml, such as data.columns: {word: 2}, the columns counted from 1."
    )


def repeats(column: tuple[str, ...]) -> bool:
    """Say whether most cells of a column are the same as the one above; of few cells, all."""
    same = sum(now == last for last, now in pairwise(column))
    return same > 0.5 * len(column) if len(column) >= 10 else 0 < same == len(column) - 1


def is_named(column: tuple[str, ...]) -> bool:
    """Say whether a column has names such as Sentence: 1, in each row or in a sentence's first."""
    filled = [cell for cell in column if cell.strip()]
    return bool(filled) and all(SENTENCE.match(cell) for cell in filled)


def is_kept(column: tuple[str, ...]) -> bool:
    """Say whether whole numbers stay the same within a sentence, and so do not count its words."""
    return repeats(column) or not counts(column)


def counts(column: tuple[str, ...]) -> bool:
    """Say whether whole numbers count words, and begin anew now and then.

    Ranges of numbers, as CoNLL-U has them, are passed over.
    """
    numbers = [int(cell) for cell in column if cell.isdecimal()]
    return all(now in (last + 1, numbers[0]) for last, now in pairwise(numbers))


def find_prefix(words: tuple[str, ...]) -> str:
    """What all words begin with and is no part of them, as the en: of WikiANN; often empty."""
    same = takewhile(lambda chars: chars[0] == chars[1], zip(min(words), max(words), strict=False))
    prefix = re.sub(r"[^\W_]*$", "", "".join(char for char, _ in same))
    if code := re.match(r"[a-z]{2,3}(?:-[a-z]+)?:", prefix):
        return code[0]
    return prefix if len(prefix) > 1 and len(set(words)) >= 10 else ""


def find_glue(path: Path, words: tuple[str, ...]) -> str:
    """What stands between the words of a file, as Layout.glue has it.

    Raises DataError for a character a line in a script with blanks, where no line is a blank.
    """
    letters = "".join(words)
    unspaced = len(UNSPACED_CHAR.findall(letters))
    if mostly(len(word) == 1 for word in words):
        is_script = unspaced > 0.5 * len(letters)
        if is_script or any(word.isspace() for word in words):
            return "none"
        if len(words) >= 20 and sum(map(str.isalpha, words)) > 0.5 * len(words):
            raise DataError(
                f"{path}: a character a line, and no line for the blanks between the words: write "
                "a word a line, or a line with a blank and O for each blank."
            )
    return "script" if unspaced > 0.3 * len(letters) else "blank"


def refuse_endless(path: Path, lines: list[str], layout: Layout) -> None:
    """Raise DataError where no blank line and no column says where sentences end."""
    rows, last, index = 0, "", layout.index
    for number, line in enumerate(lines, 1) if layout.sentence is None else ():
        cells = [] if not line.strip() or is_aside(line) else split_row(line, layout.delimiter)
        rows = rows + 1 if cells else 0
        at = cells[index] if index is not None and index < len(cells) else ""
        # CoNLL-U numbers a range of words before its first.
        is_anew = rows > 1 and last.isdecimal() and (at == "0" or (at == "1" and last != "0"))
        if rows > LONGEST or is_anew:
            what = "the words are counted anew" if is_anew else f"a text of over {LONGEST} words"
            raise DataError(
                f"{path}:{number}: {what}, and there is no blank line before: put one behind every "
                "sentence."
            )
        last = at
