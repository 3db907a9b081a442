"""Records are read with their places, and what cannot be used is listed and left open."""

import json
from pathlib import Path

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc

from scripts.records import DataError, Findings, Record, find_split, make_doc, read_records

NLP = spacy.blank("en")


def read(path: Path, content: str | bytes, findings: Findings | None = None) -> list[Record]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_records(path, findings or Findings()))


def make(
    text: str, *spans: tuple[int, int, str], nlp: Language = NLP
) -> tuple[Doc, Findings, dict[str, str]]:
    """The Doc, the findings, and what is known of each token: an IOB letter, or nothing."""
    findings = Findings()
    doc = make_doc(nlp, Record(text, list(spans), "ticket-1", "data.jsonl", 7), findings)
    return doc, findings, {token.text: token.ent_iob_ for token in doc}


def found(doc: Doc) -> list[tuple[str, str]]:
    return [(span.text, span.label_) for span in doc.ents]


# Reading


def test_prodigy_fields_are_read_and_others_passed_over(tmp_path: Path) -> None:
    line = {
        "text": "n78 is up",
        "_input_hash": 1,
        "tokens": [{"text": "n78", "start": 0, "end": 3, "id": 0}],
        "spans": [{"start": 0, "end": 3, "label": "BAND", "token_start": 0, "token_end": 0}],
        "meta": {"doc": "ticket-17", "source": "x"},
        "answer": "accept",
        "_view_id": "ner_manual",
    }
    path = tmp_path / "a.jsonl"
    (record,) = read(path, json.dumps(line))
    assert record == Record("n78 is up", [(0, 3, "BAND")], "ticket-17", str(path), 1)


def test_every_line_of_a_txt_file_is_a_plain_text_and_blank_lines_are_none(tmp_path: Path) -> None:
    records = read(tmp_path / "a.txt", 'One {"text"} .\r\n\n   \n Två . \n')
    assert [(r.text, r.spans, r.line) for r in records] == [
        ('One {"text"} .', None, 1),
        ("Två .", None, 4),
    ]


def test_blank_lines_keep_the_line_numbers(tmp_path: Path) -> None:
    records = read(tmp_path / "a.jsonl", '\n{"text": "a"}\n  \n{"text": "b"}')
    assert [(r.text, r.line) for r in records] == [("a", 2), ("b", 4)]


def test_texts_without_a_document_are_documents_of_their_own(tmp_path: Path) -> None:
    content = (
        '{"text": "a"}\n{"text": "b", "meta": {}}\n{"text": "a"}\n{"text": "c", "meta": {"doc": 0}}'
    )
    first, second, third, numbered = read(tmp_path / "a.jsonl", content)
    assert first.doc == third.doc != second.doc
    assert numbered.doc == "0"


def test_no_spans_is_not_the_same_as_an_empty_list_of_them(tmp_path: Path) -> None:
    content = '{"text": "a"}\n{"text": "a", "spans": null}\n{"text": "a", "spans": []}'
    assert [r.spans for r in read(tmp_path / "a.jsonl", content)] == [None, None, []]


def test_other_answers_than_accept_are_passed_over_and_counted(tmp_path: Path) -> None:
    findings = Findings()
    answers = ("reject", "accept", "ignore", "reject")
    content = "\n".join(json.dumps({"text": a, "answer": a}) for a in answers)
    records = read(tmp_path / "a.jsonl", content, findings)
    assert [record.text for record in records] == ["accept"]
    assert findings.skipped == {"reject": 2, "ignore": 1}


@pytest.mark.parametrize(
    "line",
    [
        '{"text": "a"',
        '["text"]',
        '"text"',
        '{"txt": "a"}',
        '{"text": 3}',
        '{"text": "n78", "spans": 5}',
        '{"text": "n78", "spans": [5]}',
        '{"text": "n78", "spans": [{"start": 0, "end": 3}]}',
        '{"text": "n78", "spans": [{"start": 0, "end": 3, "label": null}]}',
        '{"text": "n78", "spans": [{"start": 0, "end": 3, "label": " "}]}',
        '{"text": "n78", "spans": [{"end": 3, "label": "BAND"}]}',
        '{"text": "n78", "spans": [{"start": 0.0, "end": 3.0, "label": "BAND"}]}',
        '{"text": "n78", "spans": [{"start": false, "end": 3, "label": "BAND"}]}',
        '{"text": "n78", "spans": [{"start": "0", "end": 3, "label": "BAND"}]}',
        '{"text": "half a pair: \\ud83d"}',
    ],
)
def test_a_broken_record_is_an_error_that_names_file_and_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.jsonl"
    with pytest.raises(DataError) as error:
        read(path, f'{{"text": "good"}}\n\n{line}\n')
    assert f"{path}:3" in str(error.value)


@pytest.mark.parametrize("suffix", [".jsonl", ".txt"])
def test_text_that_is_not_utf8_is_an_error_that_names_file_and_line(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"a{suffix}"
    with pytest.raises(DataError) as error:
        read(path, '{"text": "good"}\n{"text": "Zürich"}\n'.encode("latin-1"))
    assert "UTF-8" in str(error.value)
    assert f"{path}:2" in str(error.value)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    (record,) = read(tmp_path / "a.jsonl", b'\xef\xbb\xbf{"text": "a"}\n')
    assert record.text == "a"


def test_a_file_that_is_missing_or_of_another_kind_is_named(tmp_path: Path) -> None:
    for name in ("none.jsonl", "none.txt", "data.csv"):
        with pytest.raises(DataError, match=name):
            list(read_records(tmp_path / name, Findings()))


def test_two_files_for_one_split_are_an_error(tmp_path: Path) -> None:
    assert find_split(tmp_path, "dev") is None
    (tmp_path / "dev.txt").touch()
    assert find_split(tmp_path, "dev") == tmp_path / "dev.txt"
    (tmp_path / "dev.jsonl").touch()
    with pytest.raises(DataError, match=r"dev\.jsonl.*dev\.txt"):
        find_split(tmp_path, "dev")


# Making Docs


def test_exact_spans_are_entities_and_everything_else_is_outside() -> None:
    doc, findings, iob = make("Put n78 on the router", (15, 21, "GEAR"), (4, 7, "BAND"))
    assert found(doc) == [("n78", "BAND"), ("router", "GEAR")]
    assert "".join(iob.values()) == "OBOOB"
    assert findings.listed == []
    assert doc.user_data == {
        "doc": "ticket-1",
        "path": "data.jsonl",
        "line": 7,
        "labelled": True,
    }


def test_a_record_without_spans_says_nothing_of_any_token() -> None:
    doc = make_doc(NLP, Record("Put n78 up", None, "d", "p", 1), Findings())
    assert not doc.has_annotation("ENT_IOB")


def test_a_record_with_an_empty_list_of_spans_is_all_outside() -> None:
    assert set(make("Put n78 up")[2].values()) == {"O"}


def test_the_same_span_twice_is_one_entity() -> None:
    doc, findings, _ = make("Put n78 up", (4, 7, "BAND"), (4, 7, "BAND"))
    assert found(doc) == [("n78", "BAND")]
    assert findings.listed == []


def test_a_span_off_the_boundaries_is_listed_and_its_tokens_are_missing() -> None:
    doc, findings, iob = make("Put the routers on n78", (8, 14, "GEAR"), (19, 22, "BAND"))
    assert found(doc) == [("n78", "BAND")]
    assert iob == {"Put": "O", "the": "O", "routers": "", "on": "O", "n78": "B"}
    (finding,) = findings.listed
    assert (finding.code, finding.path, finding.line) == ("off-boundary", "data.jsonl", 7)
    assert finding.doc == "ticket-1"
    assert "«router»s" in finding.text
    assert "GEAR" in finding.advice
    assert "«routers»" in finding.advice


@pytest.mark.parametrize("span", [(0, 10, "GEAR"), (4, 10, "GEAR"), (8, 12, "GEAR")])
def test_a_span_over_parts_of_tokens_opens_every_token_it_touches(
    span: tuple[int, int, str],
) -> None:
    doc, _, iob = make("Put the router up", span)
    touched = {
        token.text for token in doc if token.idx < span[1] and span[0] < token.idx + len(token)
    }
    assert found(doc) == []
    assert {text for text, letter in iob.items() if not letter} == touched


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((0, 8, "GEAR"), (4, 12, "BAND")),  # overlap
        ((0, 12, "GEAR"), (4, 8, "BAND")),  # nested
        ((0, 12, "GEAR"), (0, 3, "GEAR")),  # nested, the same start
        ((4, 8, "BAND"), (4, 8, "GEAR")),  # two labels
    ],
)
def test_of_spans_that_overlap_none_is_kept_and_none_becomes_outside(
    first: tuple[int, int, str], second: tuple[int, int, str]
) -> None:
    for spans in ((first, second), (second, first)):
        doc, findings, _ = make("one four ten and n78", *spans, (17, 20, "BAND"))
        assert found(doc) == [("n78", "BAND")]
        covered = set(range(*first[:2])) | set(range(*second[:2]))
        open_tokens = [token.text for token in doc if not token.ent_iob]
        assert open_tokens == [token.text for token in doc if token.idx in covered]
        (finding,) = findings.listed
        assert finding.code == "overlap"
        assert (finding.line, finding.doc) == (7, "ticket-1")
        assert first[2] in finding.advice
        assert second[2] in finding.advice


def test_spans_side_by_side_do_not_overlap() -> None:
    doc, findings, _ = make("(n78)", (0, 1, "GEAR"), (1, 4, "BAND"), (4, 5, "GEAR"))
    assert found(doc) == [("(", "GEAR"), ("n78", "BAND"), (")", "GEAR")]
    assert findings.listed == []


@pytest.mark.parametrize(
    "span", [(0, 99, "GEAR"), (-3, 3, "GEAR"), (20, 25, "GEAR"), (7, 4, "GEAR"), (4, 4, "GEAR")]
)
def test_a_span_that_is_no_part_of_the_text_is_listed_and_harms_no_other(
    span: tuple[int, int, str],
) -> None:
    doc, findings, iob = make("Put n78 up", span, (4, 7, "BAND"))
    assert [finding.code for finding in findings.listed] == ["out-of-range"]
    assert f"{span[0]} to {span[1]}" in findings.listed[0].advice
    assert found(doc) == [("n78", "BAND")]
    assert iob == {"Put": "O", "n78": "B", "up": "O"}


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("Put n78 up", (3, 7, "BAND")),
        ("Put n78 up", (4, 8, "BAND")),
        ("Put n78 up", (3, 4, "BAND")),
        # Here the spaces are a token of their own, which spaCy never makes the edge of an entity.
        ("Put  n78 up", (4, 8, "BAND")),
        ("Put n78  up", (4, 9, "BAND")),
        ("Put n78 \n up", (4, 9, "BAND")),
        ("Put  n78 up", (4, 5, "BAND")),
    ],
)
def test_a_span_on_spaces_is_listed_and_not_used(text: str, span: tuple[int, int, str]) -> None:
    doc, findings, _ = make(text, span)
    assert found(doc) == []
    assert [finding.code for finding in findings.listed] == ["off-boundary"]


@pytest.mark.parametrize(
    "text",
    [
        "🙂 n78 👩‍👩‍👧 ok",
        "Cafe\u0301 e\u0301t n78 a\u030a",
        "שלום n78 עולם",
        "مرحبا n78 بالعالم",
        "\u200fn78\u200e and n78",
        "𝒏𝟟𝟠 in Zürich, Göteborg",
        "東京の n78 基地局",
    ],
)
def test_every_accepted_span_gives_back_exactly_its_characters(text: str) -> None:
    accepted = 0
    for start in range(len(text)):
        for end in range(start + 1, len(text) + 1):
            doc, findings, _ = make(text, (start, end, "X"))
            assert len(doc.ents) + len(findings.listed) == 1
            for span in doc.ents:
                assert (span.start_char, span.end_char) == (start, end)
                assert span.text == text[start:end]
                accepted += 1
    assert accepted >= 3
