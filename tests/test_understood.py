"""What is said to have been understood of a file is what is read."""

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.exceptions import DataError
from scripts.intake.formats import recognize
from scripts.intake.layout import Hints, hints_of
from scripts.intake.readers import read_pieces
from scripts.intake.splits import find_sources
from scripts.intake.understood import understand
from scripts.params import Data
from tests.conftest import world_values
from tests.reading import read

SAID = {
    "Graz\tO\n": "columns, cells between tabs: text in column 1, spans in column 2",
    "id,word,ner\n1,Graz,B-CITY\n1,is,O\n1,far,O\n": "columns, cells between commas: text in "
    "column 2 (word), spans in column 3 (ner); sentences by column 1 (id)",
    "en:Graz O\nen:lies O\n": "columns, cells between blanks: text in column 1, spans in column 2; "
    "'en:' before each word left out",
    "李 B-人\n强 O\n": "columns, cells between blanks: text in column 1, spans in column 2; words "
    "joined without blanks",
    "Graz|B-CITY is|O\n": "iob: text in before the first |, spans in behind the last |",
    'text,label\nGraz,"[[0, 4, ""CITY""]]"\n': "csv, cells between commas: text in column 1 "
    "(text), spans in column 2 (label)",
    json.dumps(
        {"text": "Graz", "entities": []}
    ): "object, a value a line: text in 'text', spans in 'entities'",
    json.dumps({"text": "Graz"}): "object, a value a line: text in 'text', spans in no key: not "
    "annotated",
    json.dumps({"txt": "Graz"}): "JSON, a value a line: text in ?, spans in ?",
    json.dumps([{"tokens": ["Graz"], "ner_tags": ["O"]}]): "words, an array: text in the words in "
    "'tokens', spans in 'ner_tags'",
    json.dumps([["Graz", {"entities": []}]]): "spacy-json, an array: text in the first of a pair, "
    "spans in 'entities'",
    json.dumps([{"data": {"note": "Graz"}}]): "label-studio, an array: text in 'data.note', spans "
    "in 'annotations'",
}


@pytest.mark.parametrize("text", SAID)
def test_what_is_said(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.x"
    path.write_text(text, encoding="utf8")
    layout = recognize(path)
    piece, _ = next(read_pieces(path, layout))
    assert str(understand(layout, piece)) == SAID[text]


@pytest.mark.parametrize(
    ("name", "raw", "values"),
    [
        ("train.jsonl", '{"text": "Graz", "spans": []}', {"columns": {"word": 1}}),
        ("train.tsv", "Graz\tB-CITY\n", {"text": "body"}),
        ("train.tsv", "Graz\tB-CITY\n", {"spans": 2}),
    ],
)
def test_names_of_columns_and_keys_that_no_file_has_are_refused(
    name: str, raw: str, values: dict[str, Any], tmp_path: Path
) -> None:
    data = Data.model_validate(world_values(tmp_path)["data"] | values)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / name).write_text(raw, encoding="utf8")
    with pytest.raises(DataError, match=rf"data\.{next(iter(values))} says nothing"):
        find_sources(data)


def test_params_say_which_column_and_which_key(tmp_path: Path) -> None:
    values = world_values(tmp_path)["data"]
    hints = {"text": "body", "spans": "mentions", "rename": {"1": "CITY"}}
    data = Data.model_validate(values | hints)
    expected = Hints((), "body", "mentions", frozenset(["1"]))
    assert hints_of(data) == expected
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "train.jsonl"
    path.write_text(json.dumps({"body": "In Graz", "mentions": [[3, 7, 1]]}), encoding="utf8")
    ((_, layout, _),), _ = find_sources(data)
    assert layout.hints == expected
    (record,) = read(path, hints=layout.hints)
    assert (record.text, record.spans) == ("In Graz", [(3, 7, "1")])
