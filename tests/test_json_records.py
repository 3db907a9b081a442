"""JSON in the shapes of many programs: what its keys mean, and what is asked where that is open."""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.exceptions import DataError, UnusableError
from scripts.intake.layout import GUESS, Hints
from tests.corpus import EXPECTED, SENTENCES, content, tags_of
from tests.reading import read, read_or_codes

Span = tuple[int, int, str]


def save(path: Path, records: list[Any]) -> Path:
    """Write records, one a line, into a .jsonl; as an array into another file."""
    lines = path.suffix == ".jsonl"
    text = "\n".join(map(json.dumps, records)) if lines else json.dumps(records)
    path.write_text(text, encoding="utf8")
    return path


def refusal(path: Path, hints: Hints = GUESS) -> str:
    """The advice with which the first record of a file is rejected."""
    with pytest.raises(UnusableError) as caught:
        read(path, hints=hints)
    assert caught.value.code == "shape"
    return caught.value.advice


def triple(span: Span) -> list[Any]:
    return list(span)


def label_first(span: Span) -> list[Any]:
    return [span[2], span[0], span[1]]


def prodigy(span: Span) -> dict[str, Any]:
    return dict(zip(("start", "end", "label"), span, strict=True))


def doccano(span: Span) -> dict[str, Any]:
    return dict(zip(("start_offset", "end_offset", "label"), span, strict=True)) | {"user": 1}


def hugging_face(span: Span) -> dict[str, Any]:
    return dict(zip(("start", "end", "entity_group"), span, strict=True))


def several_labels(span: Span) -> dict[str, Any]:
    return {"start": span[0], "end": span[1], "labels": [span[2]]}


def azure(span: Span) -> dict[str, Any]:
    return {"offset": span[0], "length": span[1] - span[0], "category": span[2]}


def dataturks(span: Span) -> dict[str, Any]:
    return {"label": [span[2]], "points": [{"start": span[0], "end": span[1] - 1}]}


SHAPES = [triple, label_first, prodigy, doccano, hugging_face, several_labels, azure, dataturks]
KEYS = ["spans", "ents", "entities", "label", "labels", "annotations", "annotation"]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("key", KEYS)
def test_spans_of_every_shape_under_every_name(shape: Any, key: str, tmp_path: Path) -> None:
    records = [{"text": text, key: [*map(shape, spans)]} for text, spans in EXPECTED]
    assert content(read(save(tmp_path / "a.jsonl", records))) == EXPECTED


@pytest.mark.parametrize("key", ["text", "content", "sentence", "data"])
def test_names_of_the_text(key: str, tmp_path: Path) -> None:
    records = [{"id": 1, key: text, "entities": spans} for text, spans in EXPECTED]
    assert content(read(save(tmp_path / "a.json", records))) == EXPECTED


def test_a_label_of_the_whole_record_is_no_span(tmp_path: Path) -> None:
    records = [
        {"text": text, "label": "news", "labels": ["a", "b"], "entities": spans}
        for text, spans in EXPECTED
    ]
    assert content(read(save(tmp_path / "a.jsonl", records))) == EXPECTED


# What is open


def test_other_names_are_asked_for_and_can_be_given(tmp_path: Path) -> None:
    records = [{"id": "7", "body": text, "mentions": [*map(prodigy, spans)]}
               for text, spans in EXPECTED]  # fmt: skip
    path = save(tmp_path / "a.jsonl", records)
    assert "keys are id, body, mentions" in refusal(path)
    assert "data.text: body" in refusal(path)
    assert "data.spans: mentions" in refusal(path, Hints(text="body"))
    assert "data.text is txt" in refusal(path, Hints(text="txt"))
    assert content(read(path, hints=Hints(text="body", spans="mentions"))) == EXPECTED


def test_two_lists_of_spans_are_asked_about(tmp_path: Path) -> None:
    record = {"text": "Graz", "spans": [[0, 4, "CITY"]], "entities": [[0, 4, "CLUB"]]}
    path = save(tmp_path / "a.jsonl", [record])
    assert "data.spans: spans" in refusal(path)
    (given,) = read(path, hints=Hints(spans="entities"))
    assert given.spans == [(0, 4, "CLUB")]


def test_spans_without_places_are_refused_with_what_is_there_and_what_is_wanted(
    tmp_path: Path,
) -> None:
    records = [{"text": "In Graz", "entities": [{"text": "Graz", "label": "CITY"}]}]
    advice = refusal(save(tmp_path / "a.jsonl", records))
    assert "needs start, end and label" in advice and "keys are text, label" in advice


def test_labels_that_are_numbers_need_names(tmp_path: Path) -> None:
    span = {"label": 3, "start_offset": 3, "end_offset": 7, "user": 1}
    path = save(tmp_path / "a.jsonl", [{"text": "In Graz", "annotations": [span]}])
    assert 'data.rename: {"3": NAME}' in refusal(path)
    (record,) = read(path, hints=Hints(named=frozenset(["3"])))
    assert record.spans == [(3, 7, "3")]


def test_an_accepted_record_without_spans_has_been_looked_at(tmp_path: Path) -> None:
    records = [{"text": "No name.", "answer": "accept", "tokens": []}, {"text": "Unseen."}]
    accepted, unseen = read(save(tmp_path / "a.jsonl", records))
    assert (accepted.spans, unseen.spans) == ([], None)


# How records stand in a file


@pytest.mark.parametrize("indent", [None, 2])
def test_an_object_may_hold_the_list_of_records(indent: int | None, tmp_path: Path) -> None:
    """NER Annotator, which leaves out a text as null."""
    pairs = [[text, {"entities": spans}] for text, spans in EXPECTED]
    whole = {"classes": ["PERSON", "CITY"], "annotations": [*pairs[:2], None, *pairs[2:]]}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(whole, indent=indent), encoding="utf8")
    records = read(path)
    assert content(records) == EXPECTED
    assert [record.line for record in records] == [1, 2, 4, 5, 6]


def test_objects_over_several_lines(tmp_path: Path) -> None:
    values = [{"text": text, "spans": [*map(prodigy, spans)]} for text, spans in EXPECTED]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps(value, indent=2) for value in values), encoding="utf8")
    records = read(path)
    assert content(records) == EXPECTED
    assert records[1].line == 1 + len(json.dumps(values[0], indent=2).splitlines())


def test_a_long_first_line_is_looked_at_whole(tmp_path: Path) -> None:
    pairs = [[text, {"entities": spans}] for text, spans in EXPECTED] * 200
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"classes": [], "annotations": pairs}), encoding="utf8")
    assert path.stat().st_size > 1 << 16
    assert content(read(path)) == EXPECTED * 200


# Words with tags


@pytest.mark.parametrize("keys", [("tokens", "ner_tags"), ("words", "labels"), ("tokens", "tags")])
def test_words_with_a_tag_each(keys: tuple[str, str], tmp_path: Path) -> None:
    records = [{"id": "1", keys[0]: s[0], keys[1]: tags_of(s)} for s in SENTENCES]
    assert content(read(save(tmp_path / "a.json", records))) == EXPECTED


def test_words_with_spans_of_gliner(tmp_path: Path) -> None:
    records = [
        {"tokenized_text": words, "ner": [[s, e - 1, label] for s, e, label in spans]}
        for words, spans in SENTENCES
    ]
    assert content(read(save(tmp_path / "a.json", records))) == EXPECTED
    for ner in ([[0, 9, "X"]], [[0, 1, "X"], [1, 1, "Y"]]):
        broken = [{"tokenized_text": ["a", "b"], "ner": ner}]
        assert len([x for x in read_or_codes(save(tmp_path / "b.json", broken))
                    if isinstance(x, str)]) == 1  # fmt: skip


def test_tags_that_are_numbers_are_converted_by_the_command_that_is_named(tmp_path: Path) -> None:
    names = ["O", "B-PERSON", "I-PERSON", "B-COMPANY", "I-COMPANY", "B-CITY", "B-SKILL"]
    records = [{"tokens": s[0], "ner_tags": [names.index(tag) for tag in tags_of(s)]}
               for s in SENTENCES]  # fmt: skip
    path = save(tmp_path / "it's train.jsonl", records)
    _, _, command = refusal(path).partition("run: ")
    command, _, output = command.replace("O B-PER I-PER", " ".join(names)).partition(" > ")
    python, *arguments = shlex.split(command)
    assert python == "python"
    done = subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
    (tmp_path / output).write_bytes(done.stdout)
    assert content(read(tmp_path / output)) == EXPECTED


def test_the_json_that_spacy_2_trained_on_is_converted_by_the_command_that_is_named(
    tmp_path: Path,
) -> None:
    documents = [
        {
            "id": number,
            "paragraphs": [
                {
                    "raw": " ".join(sentence[0]),
                    "sentences": [
                        {
                            "tokens": [
                                {"id": i, "orth": word, "ner": tag}
                                for i, (word, tag) in enumerate(
                                    zip(sentence[0], tags_of(sentence, "BILU"), strict=True)
                                )
                            ],
                            "brackets": [],
                        }
                    ],
                }
            ],
        }
        for number, sentence in enumerate(SENTENCES)
    ]
    path = save(tmp_path / "train.json", documents)
    with pytest.raises(DataError, match="spaCy 2's JSON") as caught:
        read(path)
    command = shlex.split(str(caught.value).split("`")[1].replace("FOLDER", str(tmp_path / "new")))
    (tmp_path / "new").mkdir()
    subprocess.run([sys.executable, *command[1:]], capture_output=True, check=True)
    assert content(read(tmp_path / "new")) == EXPECTED


# Label Studio


def task(text: str, *annotations: dict[str, Any]) -> dict[str, Any]:
    return {"data": {"text": text}, "annotations": [*annotations]}


def region(span: Span, **more: Any) -> dict[str, Any]:
    value = {"start": span[0], "end": span[1], "labels": [span[2]]}
    return {"type": "labels", "value": value, **more}


def test_what_label_studio_says_of_a_region_beside_its_label_is_passed_over(
    tmp_path: Path,
) -> None:
    tasks = []
    for text, spans in EXPECTED:
        result = []
        for s, e, label in spans:
            place = {"start": s, "end": e}
            result += [
                region((s, e, label)),
                {"type": "choices", "value": place | {"choices": ["sure"]}},
                {"type": "textarea", "value": place | {"text": ["a note"]}},
            ]
        tasks.append(task(text, {"result": result}))
    assert content(read(save(tmp_path / "a.json", tasks))) == EXPECTED


def test_of_several_annotations_the_ground_truth_is_used(tmp_path: Path) -> None:
    wrong = {"result": [region((0, 2, "CITY"))]}
    right = {"result": [region((3, 7, "CITY"))], "ground_truth": True}
    (record,) = read(save(tmp_path / "a.json", [task("In Graz", wrong, right)]))
    assert (record.spans, record.notes) == ([(3, 7, "CITY")], [])


def test_offsets_into_html_are_said_to_be_such(tmp_path: Path) -> None:
    value = {"start": "/p[1]/text()[1]", "end": "/p[1]/text()[1]", "hypertextlabels": ["CITY"]}
    result = [{"type": "hypertextlabels", "value": value}]
    path = save(tmp_path / "a.json", [task("<p>Graz</p>", {"result": result})])
    assert "HTML" in refusal(path) and "plain text" in refusal(path)


@pytest.mark.parametrize("text", ["/data/upload/3/note.txt", "https://example.org/a.txt"])
def test_a_text_that_is_an_address_is_said_to_be_one(text: str, tmp_path: Path) -> None:
    path = save(tmp_path / "a.json", [task(text, {"result": [region((0, 4, "CITY"))]})])
    assert f"is an address: {text}" in refusal(path)


# Tables


@pytest.mark.parametrize("write", [json.dumps, str])
def test_a_table_with_a_list_of_spans_in_a_cell(write: Any, tmp_path: Path) -> None:
    lines = ["id;entities;text"]
    for number, (text, spans) in enumerate(EXPECTED):
        cell = write([*map(triple, spans)]).replace('"', '""')
        lines.append(f'{number};"{cell}";{text}')
    path = tmp_path / "a.csv"
    path.write_text("\n".join(lines), encoding="utf8")
    assert content(read(path)) == EXPECTED


def test_a_table_of_label_studio(tmp_path: Path) -> None:
    lines = ["annotation_id,label,text"]
    for number, (text, spans) in enumerate(EXPECTED):
        cell = json.dumps([*map(several_labels, spans)]).replace('"', '""') if spans else ""
        lines.append(f'{number},"{cell}","{text}"')
    path = tmp_path / "a.csv"
    path.write_text("\n".join(lines), encoding="utf8")
    assert content(read(path)) == EXPECTED


def test_columns_of_a_table_can_be_named(tmp_path: Path) -> None:
    lines = ["review\tfrom\tto\tlabel"]
    lines += [f"{text}\t{s}\t{e}\t{label}" for text, spans in EXPECTED for s, e, label in spans]
    path = tmp_path / "a.tsv"
    path.write_text("\n".join(lines), encoding="utf8")
    hints = Hints(columns=(("start", "from"), ("end", "3")), text="review")
    expected = [(text, spans) for text, spans in EXPECTED if spans]
    assert content(read(path, hints=hints)) == expected
    with pytest.raises(DataError, match="no column 9; there are review, from, to, label"):
        read(path, hints=Hints(columns=(("start", "9"),), text="review"))


def test_a_file_of_another_encoding_is_converted_by_the_command_that_is_named(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.jsonl"
    text = json.dumps({"text": "In Tromsø", "entities": [[3, 9, "CITY"]]}, ensure_ascii=False)
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UnusableError) as caught:
        read(path)
    command, _, _ = caught.value.advice.split("`")[1].partition(" > ")
    done = subprocess.run(shlex.split(command), capture_output=True, check=True)
    path.write_bytes(done.stdout)
    assert content(read(path)) == [("In Tromsø", [(3, 9, "CITY")])]
