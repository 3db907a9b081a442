"""Every format is recognized by its content, read with its places, and read back as written."""

import csv
import gzip
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import spacy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.tokens import DocBin, Span

from scripts.exceptions import DataError
from scripts.intake.formats import NAMES, recognize
from scripts.intake.layout import Hints
from scripts.intake.records import Record
from scripts.storage.input_files import list_files
from tests.reading import read, read_or_codes, write_docbin

FORMATS = Path(__file__).parent / "formats"
NLP = spacy.blank("en")

TEXTS = [
    ("Frau Köhler swapped the AX-4400 .", [(0, 11, "PERSON"), (24, 31, "EQUIPMENT")], "ticket-1"),
    ("No alarm since noon .", [], "ticket-1"),
    (
        "n78 is back in Leipzig , n28 is not .",
        [(0, 3, "BAND"), (15, 22, "LOC"), (25, 28, "BAND")],
        "ticket-2",
    ),
]


def content(records: list[Record]) -> list[tuple[str, list[tuple[int, int, str]]]]:
    return [(record.text, sorted(record.spans or [])) for record in records]


def save(path: Path, lines: list[Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf8")
    return path


# Fixtures


FIXTURES = {
    "prodigy.jsonl": ("prodigy", [1, 2, 3]),
    "doccano.jsonl": ("doccano", [1, 2, 3]),
    "doccano_relations.jsonl": ("doccano", [1, 2, 3]),
    "label-studio.json": ("label-studio", [1, 2, 3]),
    "spacy-json.json": ("spacy-json", [1, 2, 3]),
    "conll2003.txt": ("columns", [3, 10, 18]),
    "iob2.tsv": ("columns", [2, 9, 16]),
    "numbered.iob2": ("columns", [2, 9, 16]),
    "bilou.tsv": ("columns", [2, 9, 16]),
    "bioes.conll": ("columns", [2, 9, 16]),
    "two_columns.tsv": ("columns", [2, 9, 16]),
    "sentences.iob": ("iob", [1, 2, 3]),
    "table.csv": ("csv", [2, 4, 5]),
    "brat": ("brat", [1, 1, 1]),
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("file", FIXTURES)
def test_every_format_is_recognized_and_says_the_same(
    file: str, packed: bool, tmp_path: Path
) -> None:
    name, lines = FIXTURES[file]
    path = FORMATS / file
    if packed and path.is_file():
        path = tmp_path / f"{file}.gz"
        path.write_bytes(gzip.compress((FORMATS / file).read_bytes()))
    for override in ("auto", name):
        records = read(path, override)
        assert content(records) == [(text, spans) for text, spans, _ in TEXTS]
        assert [record.line for record in records] == lines
        first, second, third = (record.doc for record in records)
        if name == "brat":
            assert [first, second, third] == ["text-1", "text-2", "text-3"]
        elif name == "iob":
            assert len({first, second, third}) == 3
        else:
            assert first == second != third
            assert first in ("ticket-1", f"{path.name}-1")


def test_every_fixture_is_tried() -> None:
    assert {path.name for path in FORMATS.iterdir()} == set(FIXTURES)
    assert {name for name, _ in FIXTURES.values()} == set(NAMES) - {"docbin", "text"}


@pytest.mark.parametrize("file", FIXTURES)
def test_another_format_than_the_file_has_is_refused(file: str) -> None:
    name, _ = FIXTURES[file]
    for path in list_files(FORMATS / file):
        for other in set(NAMES) - {name, "text"}:
            try:
                layout = recognize(path, other)
            except DataError as error:
                assert str(path) in str(error) and other in str(error)
                continue
            # Any JSON may be any of the four: then its records say what is wrong.
            codes = {x for x in read_or_codes(path, layout.name) if isinstance(x, str)}
            assert codes == {"shape"}


# Round trips: what is written in a format is read back

# Without the scripts that have no blanks between words.
WORDS = st.text(
    st.characters(exclude_categories=["Z", "C"], max_codepoint=0xDFF), min_size=1, max_size=8
)
LABELS = st.sampled_from(["BAND", "GEAR", "a-b_c", "Ort", "名"])


@st.composite
def tagged_words(draw: st.DrawFn) -> tuple[list[str], list[tuple[int, int, str]]]:
    """Words, and spans of them (first, last + 1) that do not overlap."""
    words = draw(st.lists(WORDS, min_size=1, max_size=12))
    spans, at = [], 0
    while at < len(words):
        end = draw(st.integers(at + 1, len(words)))
        if draw(st.booleans()):
            spans.append((at, end, draw(LABELS)))
        at = end
    return words, spans


def in_characters(words: list[str], spans: list[tuple[int, int, str]]) -> Any:
    """The text of words, and spans in characters."""
    starts = [sum(len(word) + 1 for word in words[:i]) for i in range(len(words))]
    text = " ".join(words)
    return text, [(starts[s], starts[e - 1] + len(words[e - 1]), label) for s, e, label in spans]


def tags(size: int, spans: list[tuple[int, int, str]], scheme: str) -> list[str]:
    """The tags of words. begin, inside, last, unit."""
    begin, inside, last, unit = tuple(scheme)
    found = ["O"] * size
    for start, end, label in spans:
        for i in range(start, end):
            letter = begin if i == start else last if i == end - 1 else inside
            found[i] = f"{unit if end - start == 1 else letter}-{label}"
    return found


def write_prodigy(texts: list[Any], path: Path) -> None:
    save(path, [{"text": t, "spans": [{"start": s, "end": e, "label": x} for s, e, x in spans]}
                for t, spans in texts])  # fmt: skip


def write_doccano(texts: list[Any], path: Path) -> None:
    save(path, [{"text": text, "label": spans} for text, spans in texts])


def write_label_studio(texts: list[Any], path: Path) -> None:
    tasks = [
        {
            "data": {"text": text},
            "annotations": [
                {
                    "result": [
                        {"value": {"start": s, "end": e, "text": text[s:e], "labels": [label]}}
                        for s, e, label in spans
                    ]
                }
            ],
        }
        for text, spans in texts
    ]
    path.write_text(json.dumps(tasks), encoding="utf8")


def write_spacy_json(texts: list[Any], path: Path) -> None:
    pairs = [[text, {"entities": spans}] for text, spans in texts]
    path.write_text(json.dumps(pairs, ensure_ascii=False, indent=2), encoding="utf8")


def write_csv(texts: list[Any], path: Path) -> None:
    with path.open("w", encoding="utf8", newline="") as file:
        rows = csv.writer(file, delimiter=";")
        rows.writerow(["Label", "start", "end", "text", "doc"])
        for number, (text, spans) in enumerate(texts):
            rows.writerows((label, s, e, text, number) for s, e, label in spans)
            if not spans:
                rows.writerow(("", "", "", text, number))


def write_iob(texts: list[Any], path: Path) -> None:
    lines = []
    for text, spans in texts:
        words, places = text.split(" "), in_words(text, spans)
        marks = tags(len(words), places, "BIIB")
        lines.append(" ".join(f"{word}|{tag}" for word, tag in zip(words, marks, strict=True)))
    path.write_text("\n".join(lines), encoding="utf8")


def in_words(text: str, spans: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Spans in words (first, last + 1)."""
    return [(text[:s].count(" "), text[:e].count(" ") + 1, label) for s, e, label in spans]


def write_brat(texts: list[Any], path: Path) -> None:
    path.mkdir(exist_ok=True)
    for old in path.iterdir():
        old.unlink()
    for number, (text, spans) in enumerate(texts):
        (path / f"{number}.txt").write_text(text, encoding="utf8", newline="")
        lines = [f"T{i}\t{x} {s} {e}\t{text[s:e]}\n" for i, (s, e, x) in enumerate(spans)]
        (path / f"{number}.ann").write_text("".join(lines), encoding="utf8", newline="")


WRITERS: dict[str, Callable[[list[Any], Path], None]] = {
    "prodigy.jsonl": write_prodigy,
    "doccano.jsonl": write_doccano,
    "label-studio.json": write_label_studio,
    "spacy.json": write_spacy_json,
    "table.csv": write_csv,
    "docs.spacy": write_docbin,
    "sentences.iob": write_iob,
    "brat": write_brat,
}


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(sentences=st.lists(tagged_words(), min_size=1, max_size=4))
def test_what_is_written_is_read_back(name: str, sentences: list[Any], tmp_path: Path) -> None:
    if name == "sentences.iob":
        # There a bar cannot be part of a word.
        sentences = [([word.replace("|", "-") for word in x], spans) for x, spans in sentences]
    texts = [in_characters(*sentence) for sentence in sentences]
    WRITERS[name](texts, tmp_path / name)
    assert content(read(tmp_path / name)) == [(text, sorted(spans)) for text, spans in texts]


@pytest.mark.parametrize("scheme", ["BIII", "BILU", "BIEU", "BIES"])
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(sentences=st.lists(tagged_words(), min_size=1, max_size=4), data=st.data())
def test_tags_are_read_back(
    scheme: str, sentences: list[Any], data: st.DataObject, tmp_path: Path
) -> None:
    if scheme == "BIII":
        scheme = "BIIB"
    # Words that are numbers could be a column that counts, and single letters lack their blanks.
    sentences = [([f"x{word}" for word in words], spans) for words, spans in sentences]
    delimiter = data.draw(st.sampled_from(["\t", " "]))
    path = tmp_path / "train.conll"
    blocks = [
        "\n".join(
            delimiter.join([word, "NOUN", tag])
            for word, tag in zip(words, tags(len(words), spans, scheme), strict=True)
        )
        for words, spans in sentences
    ]
    path.write_text("\n\n".join(blocks), encoding="utf8")
    expected = [in_characters(*sentence) for sentence in sentences]
    # Of very few rows it cannot be told which column has the words.
    hints = Hints(columns=(("word", "1"),))
    records = read(path, "columns", hints)
    assert content(records) == [(text, sorted(spans)) for text, spans in expected]


def test_brat_is_read_back_with_line_ends_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("Köln 🙂\r\nn78 is\n up".encode())
    (tmp_path / "a.ann").write_text(
        "T1\tLOC 0 4\tKöln\nT2\tBAND 8 11\tn78\n#1\tAnnotatorNotes T1\tsure\nT3\tX 12 18\tis  up\n",
        encoding="utf8",
    )
    (record,) = read(tmp_path)
    assert record.text == "Köln 🙂\r\nn78 is\n up"
    assert record.spans == [(0, 4, "LOC"), (8, 11, "BAND"), (12, 18, "X")]


def test_a_docbin_keeps_what_is_missing_and_its_documents(tmp_path: Path) -> None:
    docs = DocBin(attrs=["ENT_IOB", "ENT_TYPE"], store_user_data=True)
    for name in ("ticket-1", "ticket-2"):
        doc = NLP("Put n78 up")
        doc.user_data["doc"] = name
        doc.set_ents([Span(doc, 1, 2, "BAND")], missing=[doc[2:3]], default="outside")
        docs.add(doc)
    docs.add(NLP.make_doc("Nobody looked"))
    docs.to_disk(tmp_path / "a.spacy")
    first, second, plain = read(tmp_path / "a.spacy")
    assert (first.doc, second.doc) == ("ticket-1", "ticket-2")
    assert (first.spans, first.open) == ([(4, 7, "BAND")], [(8, 10)])
    assert (plain.spans, plain.open) == (None, [])


# What the tools write beside spans


def test_fields_of_prodigy(tmp_path: Path) -> None:
    path = save(
        tmp_path / "a.jsonl",
        [
            {"text": "a", "_view_id": "ner_manual", "meta": {"doc": 0, "source": "x"}},
            {"text": "b", "spans": [], "answer": "accept"},
            {"text": "c", "spans": [], "answer": "reject"},
            {"text": "d", "spans": None, "answer": "ignore"},
            {"text": "a"},
        ],
    )
    first, second, rejected, ignored, last = read_or_codes(path)
    assert (rejected, ignored) == ("answer", "answer")
    assert isinstance(first, Record) and isinstance(second, Record) and isinstance(last, Record)
    assert (first.spans, second.spans) == (None, [])
    assert first.doc == "0"
    assert last.doc not in (first.doc, second.doc)


def test_texts_without_a_document_are_documents_of_their_own(tmp_path: Path) -> None:
    first, second, third = read(
        save(tmp_path / "a.jsonl", [{"text": "a"}, {"text": "b", "meta": {}}, {"text": "a"}])
    )
    assert first.doc == third.doc != second.doc


def test_labels_under_another_name_are_not_lost_in_silence(tmp_path: Path) -> None:
    records = [{"text": "n78 up", "mentions": [{"start": 0, "end": 3, "label": "BAND"}]}]
    assert list(read_or_codes(save(tmp_path / "a.jsonl", records))) == ["shape"]
    records = [{"text": "n78 up", "ents": [{"start": 0, "end": 3, "label": "BAND"}]}]
    (record,) = read(save(tmp_path / "b.jsonl", records))
    assert record.spans == [(0, 3, "BAND")]


def test_rejected_records_can_be_put_back(tmp_path: Path) -> None:
    mended = {"text": "n78 up", "spans": [{"start": 0, "end": 3, "label": "BAND"}]}
    row = {"record": mended, "code": "out-of-range", "advice": "", "path": "x", "line": 3}
    (record,) = read(save(tmp_path / "rejected.jsonl", [row]))
    assert record.spans == [(0, 3, "BAND")]


def test_annotations_of_label_studio(tmp_path: Path) -> None:
    def task(*annotations: Any, **more: Any) -> dict:
        return {"data": {"text": "n78 in Ulm"}, "annotations": list(annotations), **more}

    def annotation(*regions: tuple[int, int, str], cancelled: bool = False) -> dict:
        result = [{"value": {"start": s, "end": e, "labels": [label]}} for s, e, label in regions]
        choice = {"type": "choices", "value": {"choices": ["fault"]}}
        return {"was_cancelled": cancelled, "result": [choice, *result]}

    band, town = (0, 3, "BAND"), (7, 10, "LOC")
    path = tmp_path / "a.json"
    tasks = [
        task(annotation(band, town), annotation(town, band)),
        task(annotation(band), annotation(band, town)),
        task(annotation(band, cancelled=True)),
        task(),
        task(annotation(band, cancelled=True), annotation(town)),
        {"data": {"title": "a", "body": "b"}, "annotations": []},
    ]
    path.write_text(json.dumps(tasks), encoding="utf8")
    same, differ, cancelled, plain, second, unclear = read_or_codes(path)
    assert (cancelled, unclear) == ("answer", "shape")
    for record in (same, differ, plain, second):
        assert isinstance(record, Record)
    assert (same.spans, same.notes) == ([band, town], [])  # type: ignore[union-attr]
    assert differ.spans == [band]  # type: ignore[union-attr]
    assert differ.notes[0][0] == "annotators-differ"  # type: ignore[union-attr]
    assert plain.spans is None and second.spans == [town]  # type: ignore[union-attr]


def test_a_span_in_pieces_is_left_open(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("left and right arm", encoding="utf8")
    (tmp_path / "a.ann").write_text("T1\tPART 0 4;15 18\tleft arm\n", encoding="utf8")
    (record,) = read(tmp_path)
    assert (record.spans, record.open) == ([], [(0, 4), (15, 18)])
    assert record.notes[0][0] == "discontinuous"


def test_half_of_a_brat_pair_is_missed(tmp_path: Path) -> None:
    for name in ("a.txt", "a.ann", "b.ann", "c.txt"):
        (tmp_path / name).touch()
    (tmp_path / "c.txt").unlink()
    with pytest.raises(DataError, match=r"b\.txt is missing"):
        read(tmp_path)
    (tmp_path / "b.txt").touch()
    (tmp_path / "c.txt").touch()
    with pytest.raises(DataError, match=r"c\.ann is missing"):
        read(tmp_path)


def test_rows_of_a_text_that_stand_apart_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = "text,start,end,label\nn78 up,0,3,BAND\nother,,,\nn78 up,4,6,X\n"
    path.write_text(rows, encoding="utf8")
    with pytest.raises(DataError, match=r"a\.csv:4: .*sort"):
        read(path)


def test_tags_of_two_schemes_are_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("In\tO\nNew\tB-LOC\nYork\tI-LOC\nand\tO\nUlm\tI-LOC\n", encoding="utf8")
    (record,) = read(path)
    assert record.spans == [(3, 11, "LOC"), (16, 19, "LOC")]
    assert [(code, span) for code, _, span in record.notes] == [("mixed-tags", (16, 19))]


def test_io_and_iob1_are_no_mixture(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("Ulm\tI-LOC\nBonn\tB-LOC\nand\tO\nKiel\tI-LOC\n", encoding="utf8")
    (record,) = read(path)
    assert [span[:2] for span in record.spans or []] == [(0, 3), (4, 8), (13, 17)]
    assert record.notes == []


@pytest.mark.parametrize("line", ["York\tX-LOC", "York", "York\t\t", "\tO", "York\tB-"])
def test_a_broken_row_rejects_its_sentence_with_the_line(line: str, tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    good = "In\tO\nUlm\tB-LOC\n\n" * 200
    path.write_text(f"{good}New\tB-LOC\n{line}\n\nIn\tO\n", encoding="utf8")
    results = list(read_or_codes(path))
    assert [x for x in results if isinstance(x, str)] == ["shape"]
    assert len(results) == 202


def test_a_txt_file_is_plain_texts(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text('\ufeffOne {"text"} .\r\n\n   \n Två . \n', encoding="utf8")
    records = read(path)
    assert [(r.text, r.spans, r.line) for r in records] == [
        ('One {"text"} .', None, 1),
        ("Två .", None, 4),
    ]


def test_hidden_files_are_passed_over_and_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").write_bytes(b"\x00\x01")
    (tmp_path / "b.jsonl.dvc").write_text("outs: []", encoding="utf8")
    with pytest.raises(DataError, match="empty"):
        list_files(tmp_path)
    save(tmp_path / "b.jsonl", [{"text": "b"}])
    (tmp_path / "a").mkdir()
    save(tmp_path / "a" / "z.jsonl", [{"text": "a"}])
    assert [record.text for record in read(tmp_path)] == ["a", "b"]


def test_a_file_that_is_missing_or_of_no_format_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("# Notes\n\nA text.\n", encoding="utf8")
    for name in ("none.jsonl", "notes.md"):
        with pytest.raises(DataError, match=name):
            read(tmp_path / name)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16_is_refused(encoding: str, tmp_path: Path) -> None:
    text = '{"text": "a"}\n'
    text = text if encoding == "utf-16" else "\ufeff" + text
    (tmp_path / "a.jsonl").write_bytes(text.encode(encoding))
    with pytest.raises(DataError, match="UTF-16"):
        read(tmp_path / "a.jsonl")


@pytest.mark.parametrize(
    "line",
    [
        '{"text": "a"',
        '"text"',
        "3",
        '{"txt": "a"}',
        '{"text": 3}',
        '{"text": "n78", "spans": 5}',
        '{"text": "n78", "spans": [5]}',
        '{"text": "n78", "spans": [{"start": 0, "end": 3}]}',
        '{"text": "n78", "spans": [{"start": 0, "end": 3, "label": null}]}',
        '{"text": "n78", "spans": [{"start": 0, "end": 3, "label": " "}]}',
        '{"text": "n78", "spans": [{"start": 0.0, "end": 3.0, "label": "BAND"}]}',
        '{"text": "n78", "spans": [{"start": false, "end": 3, "label": "BAND"}]}',
        '{"text": "n78", "spans": [{"start": "0", "end": 3, "label": "BAND"}]}',
        '{"text": "n78", "tokens": [3]}',
        '{"text": "n78", "label": [[0, 3]]}',
        '{"text": "n78", "entities": [{"start_offset": 0, "label": "BAND"}]}',
        '{"data": {"text": "n78"}, "annotations": [{}]}',
        '{"data": {"text": "n78"}, "annotations": [{"result": [{"value": {"start": 0}}]}]}',
        '["n78"]',
        '["n78", []]',
        '["n78", {"entities": [[0, 3]]}]',
        '{"text": "half a pair: \\ud83d"}',
        "[" * 5000,
    ],
)
def test_a_broken_record_is_rejected_alone(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"text": "good"}}\n\n{line}\n{{"text": "n78"}}\n', encoding="utf8")
    first, code, last = read_or_codes(path)
    assert isinstance(first, Record) and isinstance(last, Record)
    assert code in ("shape", "not-json", "half-character")
    assert last.line == 4


def test_bytes_that_are_no_utf8_reject_their_line_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes('{"text": "a"}\n{"text": "Zürich"}\n{"text": "b"}'.encode("latin-1"))
    first, code, last = read_or_codes(path)
    assert code == "not-utf8" and isinstance(first, Record) and isinstance(last, Record)


# Offsets that count something else


CITY = "Café „Zürich“: n78 🙂 and n28 🙂"


def offsets(unit: str) -> list[tuple[int, int]]:
    def count(text: str) -> int:
        return {"characters": len(text), "utf16": len(text.encode("utf-16-le")) // 2,
                "bytes": len(text.encode())}[unit]  # fmt: skip

    return [
        (count(CITY[: CITY.index(x)]), count(CITY[: CITY.index(x) + 3])) for x in ("n78", "n28")
    ]


@pytest.mark.parametrize("unit", ["bytes", "utf16"])
@pytest.mark.parametrize("fixture", ["label-studio", "brat", "prodigy"])
def test_words_that_a_record_says_tell_the_unit(unit: str, fixture: str, tmp_path: Path) -> None:
    spans = offsets(unit)
    if fixture == "brat":
        (tmp_path / "a.txt").write_text(CITY, encoding="utf8")
        lines = [f"T{i}\tX {s} {e}\tn{i}8" for i, (s, e) in zip((7, 2), spans, strict=True)]
        (tmp_path / "a.ann").write_text("\n".join(lines), encoding="utf8")
    elif fixture == "prodigy":
        tokens = [
            {"text": f"n{i}8", "start": s, "end": e}
            for i, (s, e) in zip((7, 2), spans, strict=True)
        ]
        save(tmp_path / "a.jsonl", [{"text": CITY, "spans": [], "tokens": tokens}])
    else:
        result = [
            {"value": {"start": s, "end": e, "text": f"n{i}8", "labels": ["X"]}}
            for i, (s, e) in zip((7, 2), spans, strict=True)
        ]
        tasks = [{"data": {"text": CITY}, "annotations": [{"result": result}]}]
        (tmp_path / "a.json").write_text(json.dumps(tasks), encoding="utf8")
    expected = "byte-offsets" if unit == "bytes" else "utf16-offsets"
    assert list(read_or_codes(tmp_path)) == [expected]


def test_other_words_than_a_record_says_are_refused(tmp_path: Path) -> None:
    span = {"start": 0, "end": 3, "label": "BAND", "text": "n28"}
    path = save(tmp_path / "a.jsonl", [{"text": "n78 up", "spans": [span]}])
    assert list(read_or_codes(path)) == ["text-differs"]


# Broken files


def broken(raw: bytes, rng: random.Random) -> Iterator[bytes]:
    """A file cut short, with bytes changed, doubled, taken out, and with parts swapped."""
    for _ in range(12):
        yield raw[: rng.randrange(len(raw))]
    for _ in range(12):
        changed = bytearray(raw)
        for _ in range(rng.randrange(1, 6)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        yield bytes(changed)
    for _ in range(6):
        a, b = sorted(rng.randrange(len(raw)) for _ in range(2))
        yield raw[:a] + raw[b:]
        yield raw[b:] + raw[:b]
        yield raw[:b] + raw[a:]


@pytest.mark.parametrize(
    "file", [*(x for x in FIXTURES if x != "brat"), "docs.spacy", "a.jsonl.gz"]
)
def test_a_broken_file_gives_a_clear_error_or_rejections(file: str, tmp_path: Path) -> None:
    source = tmp_path / file
    if file == "docs.spacy":
        write_docbin([(text, spans) for text, spans, _ in TEXTS], source)
    elif file == "a.jsonl.gz":
        source.write_bytes(gzip.compress((FORMATS / "prodigy.jsonl").read_bytes()))
    else:
        source.write_bytes((FORMATS / file).read_bytes())
    raw = source.read_bytes()
    refused = 0
    for data in broken(raw, random.Random(0)):
        source.write_bytes(data)
        for name in ("auto", FIXTURES.get(file, ("auto", []))[0]):
            try:
                list(read_or_codes(source, name))
            except DataError as error:
                assert str(source) in str(error)
                refused += 1
    assert refused or not file.endswith((".json", ".spacy", ".gz"))


@pytest.mark.parametrize("file", ["brat/text-1.txt", "brat/text-1.ann"])
def test_a_broken_half_of_a_brat_pair(file: str, tmp_path: Path) -> None:
    for path in (FORMATS / "brat").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    target = tmp_path / Path(file).name
    raw = target.read_bytes()
    codes: set[str] = set()
    for data in broken(raw, random.Random(0)):
        target.write_bytes(data)
        results = list(read_or_codes(tmp_path))
        assert len(results) == 3
        codes |= {x for x in results if isinstance(x, str)}
    assert codes & {"shape", "not-utf8", "text-differs"}


@pytest.mark.parametrize("file", [*(x for x in FIXTURES if x != "brat"), "docs.spacy", "text.txt"])
def test_a_file_under_the_name_of_another_is_read_as_what_it_is_or_refused(
    file: str, tmp_path: Path
) -> None:
    """The suffix is not believed: contents swapped between two files change nothing."""
    path = tmp_path / "swapped.jsonl"
    if file == "docs.spacy":
        write_docbin([(text, spans) for text, spans, _ in TEXTS], path)
    elif file == "text.txt":
        path.write_text("No format at all\n", encoding="utf8")
        with pytest.raises(DataError, match="no known format"):
            read(path)
        return
    else:
        path.write_bytes((FORMATS / file).read_bytes())
    assert content(read(path)) == [(text, spans) for text, spans, _ in TEXTS]
