"""Files are cut into pieces in a stream, and what is too large is refused with its place."""

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.exceptions import DataError
from scripts.intake import readers
from scripts.intake.formats import Layout
from scripts.intake.readers import read_array
from tests.reading import read, read_or_codes, write_docbin


def oversized() -> dict[str, bytes]:
    return {
        "a.jsonl": b'{"text": "' + b"a" * 200_000 + b'"}\n',
        "a.json": b'[{"text": "' + b"a" * 300_000 + b'"}]',
        "b.json": b'[["' + b"a" * 300_000,
        "a.txt": b"word " * 60_000,
        "a.tsv": b"word\tO\n" * 60_000,
        "a.csv": b"text,start,end,label\n" + b"a" * 300_000 + b",,,\n",
    }


@pytest.mark.parametrize("name", oversized())
def test_what_is_too_large_for_a_text_is_refused_with_its_place(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "MAX_PIECE_BYTES", 100_000)
    (tmp_path / name).write_bytes(oversized()[name])
    with pytest.raises(DataError, match=rf"{name}:\d+"):
        read(tmp_path / name)


def test_a_brat_text_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "MAX_PIECE_BYTES", 100)
    (tmp_path / "a.txt").write_text("word " * 30, encoding="utf8")
    (tmp_path / "a.ann").touch()
    with pytest.raises(DataError, match=r"a\.txt"):
        read(tmp_path)


def test_a_docbin_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "MAX_DOCBIN_BYTES", 100_000)
    write_docbin([("one two three", [])] * 3000, tmp_path / "a.spacy")
    with pytest.raises(DataError, match=r"a\.spacy"):
        read(tmp_path / "a.spacy")


def test_a_gzip_bomb_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb") as file:
        file.write(b'{"text": "')
        for _ in range(100):
            file.write(bytes(1 << 20))
    (tmp_path / "a.jsonl.gz").write_bytes(buffer.getvalue())
    with pytest.raises(DataError, match=r"a\.jsonl\.gz:1: a line of more than 32 MB"):
        read(tmp_path / "a.jsonl.gz")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists)))
def test_an_array_is_cut_into_its_elements(values: list[Any]) -> None:
    for indent in (None, 1):
        raw = json.dumps(values, indent=indent, ensure_ascii=False).encode("utf8", "surrogatepass")
        try:
            raw.decode()
        except UnicodeDecodeError:
            return
        pieces = list(read_array(io.BytesIO(raw), Path("a.json"), Layout("array")))
        assert [value for _, value, _ in pieces] == values
        assert [number for number, _, _ in pieces] == list(range(1, len(values) + 1))


@pytest.mark.parametrize(
    "raw", ["[1, 2", "[1 2]", "[1,, 2]", "[1, 2]]", "[1, 2] 3", "[,1]", "[1,]"]
)
def test_a_broken_array_is_an_error_with_its_line(raw: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[\n{"text": "a"},\n' + raw[1:], encoding="utf8")
    with pytest.raises(DataError, match=r"a\.json:3"):
        list(read_or_codes(path))
