"""What is known of a file of labelled texts before it is read: its format, columns and keys."""

from dataclasses import dataclass

from scripts.params import Data


@dataclass(frozen=True)
class Hints:
    """What params.yaml says of columns and keys; what is empty is found out from the file."""

    columns: tuple[tuple[str, str], ...] = ()
    """What a column is for (word, tag, sentence, start, end, label), and its name or number."""
    text: str = ""
    """The key or column of the text."""
    spans: str = ""
    """The key or column of the list of spans."""
    named: frozenset[str] = frozenset()
    """The labels that data.rename gives a name to."""


GUESS = Hints()


def hints_of(data: Data) -> Hints:
    """What the section data of params.yaml says of its files."""
    return Hints(tuple(data.columns.items()), data.text, data.spans, frozenset(data.rename))


@dataclass(frozen=True)
class Layout:
    """A file's format, and what a reader has to know about it. Columns are counted from 0."""

    name: str
    """One of NAMES (scripts/intake/formats.py); or `lines`, `array` or `values` for JSON that says
    itself in which format it is."""
    word: int = 0
    """In the format `columns`, the column of the words."""
    tags: tuple[int, ...] = ()
    """In the format `columns`, the columns of tags."""
    delimiter: str = ""
    """What separates cells; in a format of JSON, `lines`, `array` or `values`."""
    width: int = 0
    """In the format `columns`, how many columns a row has."""
    header: tuple[str, ...] = ()
    """The names of the columns, where the file says them."""
    sentence: int | None = None
    """In the format `columns`, a column that says which sentence a word belongs to."""
    index: int | None = None
    """In the format `columns`, a column that counts the words."""
    scheme: str = "tags"
    """How a tag is written: `tags` (B-LABEL), `labels` (LABEL), `webanno` (LABEL[1]) or `key`
    (NER=B-LABEL among others)."""
    prefix: str = ""
    """What every word begins with and is no part of it."""
    glue: str = "blank"
    """What is between two words: a `blank`; `script` for none beside a character of a script that
    has no blanks; or `none`."""
    within: str = ""
    """The key of the list of records, in JSON that is one object."""
    hints: Hints = GUESS

    def name_column(self, column: int) -> str:
        """A column as a person calls it: its number, counted from 1, and its name."""
        name = f" ({self.header[column]})" if column < len(self.header) else ""
        return f"{column + 1}{name}"
