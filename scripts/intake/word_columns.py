"""Find the words of a file with a word a line, their sentences, and what is between two words."""

import re
from dataclasses import replace
from itertools import pairwise, takewhile
from pathlib import Path

from scripts.exceptions import DataError
from scripts.intake.cells import is_aside, mostly
from scripts.intake.layout import Layout
from scripts.intake.roles import chosen, is_called

NUMBER = re.compile(r"\d+(?:[-.]\d+)*$")
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
    others = [i for i in range(layout.width) if i not in tagged]
    asked = dict(layout.hints.columns)
    numbers = [i for i in others if mostly(NUMBER.match(cell) for cell in columns[i])]
    sentence = next((i for i in others if is_called(layout, i, "sentence")), None)
    if sentence is None:
        # Behind the words a column of numbers is something else, such as the heads of a parse.
        before = takewhile(lambda i: i in numbers or is_sentence(columns[i], False), others)
        sentence = next((i for i in before if is_sentence(columns[i], i in numbers)), None)
    if "sentence" in asked:
        sentence = chosen(path, layout, "sentence")
    counts = (i for i in numbers if i != sentence and mostly(map(str.isdecimal, columns[i])))
    index = next(counts, layout.index)
    layout = replace(layout, sentence=sentence, index=index)
    if "word" in asked:
        return replace(layout, word=chosen(path, layout, "word"))
    if called := [i for i in others if is_called(layout, i, "word")]:
        return replace(layout, word=called[0])
    left = [i for i in others if i not in numbers and i != sentence]
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
    if word is not None and (word == first or varied[word] == max(varied.values()) >= 3):
        return word
    raise DataError(
        f"{path}: which column has the words? A column of whole numbers is none. Write it into "
        "params.yaml, such as data.columns: {word: 2}, the columns counted from 1."
    )


def repeats(column: tuple[str, ...]) -> bool:
    """Say whether most cells of a column are the same as the one above."""
    same = sum(now == last for last, now in pairwise(column))
    return len(column) >= 10 and same > 0.5 * len(column)


def is_sentence(column: tuple[str, ...], is_number: bool) -> bool:
    """Say whether a column names the sentence of each word, in each row or in its first alone."""
    filled = [cell for cell in column if cell.strip()]
    if filled and all(SENTENCE.match(cell) for cell in filled):
        return True
    return is_number and repeats(column)


def find_prefix(words: tuple[str, ...]) -> str:
    """What all words begin with and is no part of them, as the en: of WikiANN; often empty."""
    same = takewhile(lambda chars: chars[0] == chars[1], zip(min(words), max(words), strict=False))
    prefix = re.sub(r"[^\W_]*$", "", "".join(char for char, _ in same))
    is_code = re.fullmatch(r"[a-z]{2,3}(?:-[a-z]+)?:", prefix) and len(set(words)) > 1
    is_sure = len(prefix) > 1 and len(set(words)) >= 10
    return prefix if is_code or is_sure else ""


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
    rows = 0
    for number, line in enumerate(lines, 1):
        rows = 0 if not line.strip() or is_aside(line) else rows + 1
        if rows > LONGEST and layout.sentence is None:
            raise DataError(
                f"{path}:{number}: one text of more than {LONGEST} words: there is no blank line. "
                "Put one behind every sentence."
            )
