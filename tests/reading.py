"""Functions that read and write labelled texts, for tests of records, formats and readers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from scripts.exceptions import UnusableError
from scripts.intake.findings import CODES
from scripts.intake.formats import recognize
from scripts.intake.layout import GUESS, Hints
from scripts.intake.parsers import parse
from scripts.intake.readers import read_pieces
from scripts.intake.records import (
    Record,
    check_record,
    make_record,
)
from scripts.storage.input_files import list_files


def refused(text: str, *spans: tuple[int, int, str]) -> str:
    """Return the code with which a record is rejected, or "" if it is accepted.

    spans: (start, end, label), in characters.
    """
    try:
        check_record(make_record(text, spans, doc=None, path="a.jsonl", line=1))
    except UnusableError as error:
        assert CODES[error.code][0] == "error" and error.advice
        return error.code
    return ""


def read(path: Path, name: str = "auto", hints: Hints = GUESS) -> list[Record]:
    """Read all records of a file or folder; raises UnusableError if one is rejected.

    name: the format, as in `data.format` of params.yaml.
    hints: what params.yaml says of columns and keys.
    """
    return [
        parse(piece, layout)
        for file in list_files(path)
        for layout in [recognize(file, name, hints)]
        for piece, _ in read_pieces(file, layout)
    ]


def read_or_codes(path: Path, name: str = "auto") -> Iterator[Record | str]:
    """Yield each record of a file or folder, or its code if it is rejected.

    name: the format, as in `data.format` of params.yaml.
    """
    for file in list_files(path):
        layout = recognize(file, name)
        for piece, _ in read_pieces(file, layout):
            try:
                yield parse(piece, layout)
            except UnusableError as error:
                assert error.code in CODES and error.advice
                yield error.code


def write_docbin(texts: list[Any], path: Path) -> None:
    """Write texts into a DocBin.

    texts: (text, spans), with spans (start, end, label) in characters. Words are split at spaces.
    """
    docs = DocBin(attrs=["ENT_IOB", "ENT_TYPE"])
    for text, spans in texts:
        words = text.split(" ")
        doc = Doc(Vocab(), words=words, spaces=[True] * (len(words) - 1) + [False])
        ents = [doc.char_span(s, e, label) for s, e, label in spans]
        doc.set_ents([ent for ent in ents if ent], default="outside")
        docs.add(doc)
    docs.to_disk(path)
