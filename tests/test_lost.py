"""What becomes of every span: used, mended, or left out with its reason; never lost in silence."""

import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import spacy
import srsly
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import DocBin

from scripts.exceptions import DataError
from scripts.intake.alignment import Fates, make_doc
from scripts.intake.findings import Finding
from scripts.intake.gather import stop_at_errors, take_labelled
from scripts.intake.label_checks import in_yaml
from scripts.intake.records import Record
from scripts.intake.tally import Tally, count_spans, part_mask
from scripts.settings.yaml_file import parse_yaml
from scripts.storage.docbins import read_docs
from tests.conftest import PEOPLE, PLACES, label, write_world

NLP = spacy.blank("en")
NAMES = [f"{first} {last.split()[1]}" for first in ("Ada", "Ben", "Eva", "Ida") for last in PEOPLE]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline that only tokenizes: intake needs no more."""
    folder = tmp_path_factory.mktemp("base") / "blank"
    NLP.to_disk(folder)
    return folder


def texts() -> list[dict[str, Any]]:
    """Twenty different texts with a PERSON and a CITY each."""
    return [
        label(
            f"{name} lives in {PLACES[i % 5]} since {1990 + i}.",
            (name, "PERSON"),
            (PLACES[i % 5], "CITY"),
        )
        for i, name in enumerate(NAMES)
    ]


def moved(records: list[dict[str, Any]], start: int, end: int) -> list[dict[str, Any]]:
    """The same records with other offsets of all spans."""
    return [
        record
        | {
            "spans": [
                span | {"start": span["start"] + start, "end": span["end"] + end}
                for span in record["spans"]
            ]
        }
        for record in records
    ]


def take(base: Path, folder: Path, content: Any, name: str = "x.jsonl", **changes: Any) -> Tally:
    """Take in a folder of one file; a list becomes lines of JSON."""
    params = write_world(folder, data__source=str(folder / "in"), **changes)
    (folder / "in").mkdir()
    (folder / "out").mkdir()
    if isinstance(content, list):
        srsly.write_jsonl(folder / "in" / name, content)
    else:
        (folder / "in" / name).write_text(content, encoding="utf8")
    return take_labelled(params, base, folder / "out", 1)


def take_splits(base: Path, folder: Path, **splits: list[dict[str, Any]]) -> Tally:
    """Take in a file for each split."""
    params = write_world(folder)
    for part, records in splits.items():
        srsly.write_jsonl(folder / "data" / f"{part}.jsonl", records)
    (folder / "out").mkdir()
    return take_labelled(params, base, folder / "out", 1)


def refusal(total: Tally, tolerated: int = 0) -> list[str]:
    """The lines with which a run stops; none where it does not."""
    try:
        stop_at_errors(total, tolerated)
    except DataError as error:
        return str(error).split("\n")
    return []


def spans(total: Tally) -> dict[str, int]:
    """How many spans each label has in all splits."""
    counts = count_spans(total)
    return dict(counts["train"] + counts["dev"] + counts["test"])


def used(folder: Path) -> set[tuple[str, str]]:
    """The entities of all splits, with their labels."""
    parts = [part for part in (folder / "out").iterdir() if part.is_dir()]
    return {
        (e.text, e.label_) for part in parts for d in read_docs(part, NLP.vocab) for e in d.ents
    }


WHOLE = {"PERSON": 20, "CITY": 20}


@pytest.mark.parametrize(("start", "end"), [(0, 1), (-1, 0), (-1, 1)])
def test_blanks_around_a_name_are_cut_off_and_counted(
    start: int, end: int, base: Path, tmp_path: Path
) -> None:
    records = moved([{**x, "text": f" {x['text']}"} for x in texts()], 1 + start, 1 + end)
    total = take(base, tmp_path, records)
    assert spans(total) == WHOLE and refusal(total) == []
    assert total.found["outer-space"] == 40
    assert ("Ada Smith", "PERSON") in used(tmp_path)


def test_a_span_of_blanks_alone_is_left_out_and_counted(base: Path, tmp_path: Path) -> None:
    records = texts()
    records[0]["spans"].append({"start": 3, "end": 4, "label": "CITY"})
    total = take(base, tmp_path, records)
    assert total.fates["CITY", "outer-space"] == 1
    assert sum(total.fates.values()) == 41


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 24), st.integers(1, 25), st.sampled_from("AB")).filter(
            lambda span: span[0] < span[1]
        ),
        max_size=8,
    ),
    st.sampled_from(["strict", "contract", "expand"]),
)
def test_spans_read_are_spans_used_and_left_out(found: list[Any], alignment: str) -> None:
    record = Record("one two-three, four  five.", found, "d", "p", 1)
    fates = Fates()
    findings: list[Finding] = []
    doc = make_doc(NLP, record, alignment, findings, fates=fates)
    assert fates.spans.total() == len(set(found))
    used = Counter({label: n for (label, code), n in fates.spans.items() if not code and n})
    assert used.keys() == {ent.label_ for ent in doc.ents}
    assert used.total() == len(doc.ents) or alignment != "strict"
    assert {code for (_, code), n in fates.spans.items() if n and code} <= {
        finding.code for finding in findings
    }


def test_a_label_none_of_whose_spans_can_be_used_stops_the_run(base: Path, tmp_path: Path) -> None:
    records = texts()
    for record in records[:3]:
        event = {"start": 0, "end": record["spans"][1]["end"], "label": "EVENT"}
        record["spans"].append(event)
    total = take(base, tmp_path, records, data__max_lost_spans=0.5)
    (line,) = refusal(total)
    assert "EVENT has 3 spans, and none can be used (nested 3)" in line
    assert total.fates == {
        ("PERSON", ""): 17,
        ("CITY", ""): 17,
        **{(name, "nested"): 3 for name in ("PERSON", "CITY", "EVENT")},
    }


def test_a_label_that_is_lost_with_tolerated_records_stops_the_run_too(
    base: Path, tmp_path: Path
) -> None:
    lost = {"text": "Ada", "spans": [{"start": 0, "end": 9, "label": "RARE"}]}
    total = take(base, tmp_path, [*texts(), lost])
    assert "RARE has 1 span, and none can be used (out-of-range 1)" in refusal(total, 1)[0]


@pytest.mark.parametrize(("tolerated", "stops"), [(0.09, True), (0.1, False)])
def test_a_larger_share_lost_than_is_tolerated_stops_the_run(
    tolerated: float, stops: bool, base: Path, tmp_path: Path
) -> None:
    records = texts()
    for record in records[:2]:
        record["spans"][0]["end"] -= 2
        record["spans"][1]["end"] -= 2
    total = take(base, tmp_path, records, data__max_lost_spans=tolerated)
    lines = refusal(total)
    assert bool(lines) is stops
    if stops:
        assert "all labels: 4 of 40 spans (10%) are left out (off-boundary 4)" in lines[0]
        assert "is the base of the data's language?" in lines[0]


def test_a_share_lost_of_one_label_stops_the_run(base: Path, tmp_path: Path) -> None:
    records = texts()
    for record in records[:5]:
        record["spans"][0]["end"] -= 2
    total = take(base, tmp_path, records, data__max_lost_spans=0.2)
    assert "PERSON: 5 of 20 spans (25%)" in refusal(total)[0]


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (0, -1, "every end lies one character early"),
        (1, 0, "every start lies one character late"),
        (1, 1, "every start and end lies one character late"),
    ],
)
def test_offsets_that_are_one_off_are_named(
    start: int, end: int, words: str, base: Path, tmp_path: Path
) -> None:
    (line,) = refusal(take(base, tmp_path, moved(texts(), start, end)))
    assert words in line and "40 of 40 spans" in line


def test_a_plural_that_is_not_marked_is_no_other_way_of_counting(
    base: Path, tmp_path: Path
) -> None:
    plural = [label(f"Two routers of {name}.", ("router", "GEAR")) for name in NAMES[:3]]
    lines = refusal(take(base, tmp_path, [*texts(), *plural]))
    assert len(lines) == 1 and "GEAR has 3 spans" in lines[0]


def tagged(record: dict[str, Any]) -> dict[str, Any]:
    """The record with a span for each word of a name, labelled with the word's tag."""
    pieces = []
    for span in record["spans"]:
        at, kind = span["start"], "B"
        for word in record["text"][span["start"] : span["end"]].split():
            pieces.append({"start": at, "end": at + len(word), "label": f"{kind}-{span['label']}"})
            at, kind = at + len(word) + 1, "I"
    return record | {"spans": pieces}


def test_spans_that_are_tags_of_tokens_are_joined(base: Path, tmp_path: Path) -> None:
    total = take(base, tmp_path, [tagged(record) for record in texts()])
    assert spans(total) == WHOLE and refusal(total) == []
    (said,) = (x.advice for x in total.findings if x.code == "joined-tags")
    assert said.startswith("B-CITY, B-PERSON, I-PERSON are tags of tokens")
    assert {("Ada Smith", "PERSON"), ("Paris", "CITY")} <= used(tmp_path)


def test_tags_that_come_late_stop_the_run(base: Path, tmp_path: Path) -> None:
    plain = [x | {"text": f"{x['text']} {i}"} for i in range(12) for x in texts()]
    total = take(base, tmp_path, [*plain, *(tagged(record) for record in texts())])
    assert any("tag-label: B-CITY, B-PERSON, I-PERSON" in line for line in refusal(total))


def test_a_label_that_looks_like_a_tag_is_a_label(base: Path, tmp_path: Path) -> None:
    records = [label(f"Write to {name}.", (name, "E-MAIL")) for name in NAMES]
    assert spans(take(base, tmp_path, records)) == {"E-MAIL": 20}


@pytest.mark.parametrize("name", ["CITY ", "no", "a: b", "{x}", "Stadt/Ort", "#1", "12", "New Ort"])
def test_the_advice_to_rename_is_yaml(name: str) -> None:
    written = f"{{{in_yaml(name)}: {in_yaml('CITY')}}}"
    assert parse_yaml(written, "here") == {name: "CITY"}


def test_a_label_with_a_blank_is_renamed_as_the_advice_says(base: Path, tmp_path: Path) -> None:
    records = texts()
    records[0]["spans"][1]["label"] = "CITY "
    total = take(base, tmp_path, records)
    (said,) = (x.advice for x in total.findings if x.code == "label-variants")
    assert 'set data.rename to {"CITY ": CITY}' in said


@pytest.mark.parametrize("name", ["x" * 101, "-", "..", "a\nb"])
def test_a_label_that_is_no_name_is_refused(name: str, base: Path, tmp_path: Path) -> None:
    records = [*texts(), label("Eva sings.", ("Eva", name))]
    total = take(base, tmp_path, records)
    assert any("odd-label" in line and "data.rename" in line for line in refusal(total))


@pytest.mark.parametrize("part", ["dev", "test"])
def test_a_split_without_a_label_of_train_stops_the_run(
    part: str, base: Path, tmp_path: Path
) -> None:
    others = [
        record | {"spans": [span | {"label": f"MY_{span['label']}"} for span in record["spans"]]}
        for record in texts()[15:]
    ]
    splits = {"train": texts()[:10], "dev": texts()[10:15], "test": texts()[10:15], part: others}
    total = take_splits(base, tmp_path, **splits)
    (line,) = refusal(total)
    assert f"no-common-label: {part} has MY_CITY, MY_PERSON; train teaches CITY, PERSON" in line


@pytest.mark.parametrize("group", ["sc", "it's \"]; $(touch x) `y`"])
def test_a_docbin_of_span_groups_says_so(base: Path, tmp_path: Path, group: str) -> None:
    docs = DocBin(store_user_data=True)
    for record in texts():
        doc = NLP.make_doc(record["text"])
        found = [doc.char_span(s["start"], s["end"], s["label"]) for s in record["spans"]]
        doc.spans[group] = [span for span in found if span]
        docs.add(doc)
    params = write_world(tmp_path, data__source=str(tmp_path / "in.spacy"))
    docs.to_disk(tmp_path / "in.spacy")
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError, match=rf"span groups \({re.escape(group)}\)") as refused:
        take_labelled(params, base, tmp_path / "out", 1)
    # The command that it names makes what is read.
    command = shlex.split(str(refused.value).split("\n")[1])
    subprocess.run([sys.executable, *command[1:]], check=True)
    made = params.data.model_copy(update={"source": str(tmp_path / "in.ents.spacy")})
    total = take_labelled(params.model_copy(update={"data": made}), base, tmp_path / "out", 1)
    assert spans(total) == WHOLE


# Records that nobody has annotated


def task(record: dict[str, Any], *annotations: dict[str, Any]) -> dict[str, Any]:
    """A task of Label Studio."""
    return {"data": {"text": record["text"]}, "annotations": list(annotations)}


def annotation(record: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An annotation of Label Studio with the spans of a record."""
    results = [
        {"type": "labels", "value": {"start": x["start"], "end": x["end"], "labels": [x["label"]]}}
        for x in record["spans"]
    ]
    return {"result": results, **more}


def test_tasks_that_nobody_annotated_are_left_out_and_counted(base: Path, tmp_path: Path) -> None:
    tasks = [task(x, annotation(x)) if i % 2 else task(x) for i, x in enumerate(texts())]
    total = take(base, tmp_path, tasks)
    assert (total.read, total.used, total.unusable) == (20, 10, 0)
    assert total.answers == {"unannotated": 10} and refusal(total) == []
    assert sum(int(part_mask(total, part).sum()) for part in ("train", "dev", "test")) == 10


@pytest.mark.parametrize("unlabelled", ["base", "missing", "outside"])
def test_a_text_without_annotation_has_no_names_only_where_that_is_said(
    unlabelled: str, base: Path, tmp_path: Path
) -> None:
    unseen = [{"text": f"Nobody looked at {i}."} for i in range(10)]
    total = take(base, tmp_path, [*texts(), *unseen], data__unlabelled=unlabelled)
    is_said = unlabelled == "outside"
    assert (total.used, total.answers["unannotated"]) == ((30, 0) if is_said else (20, 10))
    assert refusal(total) == []


def test_the_annotation_marked_as_right_is_taken(base: Path, tmp_path: Path) -> None:
    tasks = []
    for record in texts():
        first = annotation(record | {"spans": record["spans"][:1]}, ground_truth=False)
        tasks.append(task(record, first, annotation(record, ground_truth=True)))
    total = take(base, tmp_path, tasks)
    assert spans(total) == WHOLE and not total.found["annotators-differ"]


def test_an_accepted_record_without_spans_was_looked_at(base: Path, tmp_path: Path) -> None:
    accepted = [{"text": f"Nobody called in {i}.", "answer": "accept"} for i in range(4)]
    unseen = [{"text": f"Nobody looked at {i}."} for i in range(3)]
    test = [*texts()[10:], *accepted, *unseen]
    total = take_splits(base, tmp_path, train=texts()[:10], test=test)
    assert int(part_mask(total, "test").sum()) == 14
    assert total.answers == {"unannotated": 3}
    docs = list(read_docs(tmp_path / "out/test", NLP.vocab))
    assert all(token.ent_iob for doc in docs for token in doc)


# Answers to single names


def answers(record: dict[str, Any], *given: str) -> list[dict[str, Any]]:
    """An answer to each name of a record, as Prodigy's ner.teach writes it."""
    return [
        {"text": record["text"], "_input_hash": hash(record["text"]), "spans": [span]}
        | {"_view_id": "ner", "answer": answer}
        for span, answer in zip(record["spans"], given, strict=True)
    ]


def test_answers_to_single_names_are_merged_and_the_rest_is_unknown(
    base: Path, tmp_path: Path
) -> None:
    people = texts()
    given = [answers(x, *("accept", "accept")) for x in people[:10]]
    given += [answers(x, *("accept", "reject")) for x in people[10:18]]
    given += [answers(x, *("reject", "ignore")) for x in people[18:]]
    # The answers to a text do not stand together.
    lines = [pair[0] for pair in given] + [pair[1] for pair in given]
    total = take(base, tmp_path, lines)
    assert (total.read, total.used, total.answers) == (20, 18, {"reject": 2})
    assert spans(total) == {"PERSON": 18, "CITY": 10} and refusal(total) == []
    assert total.found["one-answer"] == 18 and not total.found["conflict"]
    parts = [part for part in (tmp_path / "out").iterdir() if part.is_dir()]
    for doc in (doc for part in parts for doc in read_docs(part, NLP.vocab)):
        assert [token.ent_iob_ for token in doc if not token.ent_type_] == [""] * (
            len(doc) - sum(map(len, doc.ents))
        )


def test_a_manual_annotation_of_one_name_is_of_the_whole_text(base: Path, tmp_path: Path) -> None:
    manual = [answers(x | {"spans": x["spans"][:1]}, "accept")[0] for x in texts()]
    total = take(base, tmp_path, [x | {"_view_id": "ner_manual"} for x in manual])
    assert total.used == 20 and not total.found["one-answer"]
    doc = next(iter(read_docs(tmp_path / "out/train", NLP.vocab)))
    assert all(token.ent_iob for token in doc)


# Documents


WORDS = "Ada B-PERSON\nlives O\nin O\nUlm B-CITY\nsince O\n{} O\n"


def test_one_document_of_all_texts_is_no_document(base: Path, tmp_path: Path) -> None:
    text = "-DOCSTART- O\n\n" + "\n".join(WORDS.format(i) for i in range(20))
    total = take(base, tmp_path, text, "x.conll")
    assert refusal(total) == [] and spans(total) == WHOLE
    assert len({*total.facts["doc"].tolist()}) == 20


def test_one_document_of_all_records_is_none_and_that_is_said(base: Path, tmp_path: Path) -> None:
    total = take(base, tmp_path, [x | {"meta": {"doc": "all"}} for x in texts()])
    assert refusal(total) == [] and spans(total) == WHOLE
    (said,) = (x.advice for x in total.findings if x.code == "lone-document")
    assert "one document, all: each counts as a document of its own" in said


def test_two_documents_stay_whole(base: Path, tmp_path: Path) -> None:
    half = "-DOCSTART- O\n\n" + "\n".join(WORDS.format(i) for i in range(10)) + "\n"
    total = take(base, tmp_path, half + half.replace("since", "from"), "x.conll")
    assert len({*total.facts["doc"].tolist()}) == 2 and not total.found["lone-document"]


def test_a_file_without_blank_lines_says_so(base: Path, tmp_path: Path) -> None:
    total = take(base, tmp_path, "".join(WORDS.format(i) for i in range(20)), "x.conll")
    (line,) = refusal(total)
    assert "one text of 120 words" in line and "blank line" in line


# The last line is the cause


def test_where_most_records_are_rejected_the_last_line_says_why(base: Path, tmp_path: Path) -> None:
    far = [x | {"spans": [{"start": 0, "end": 99, "label": "PERSON"}]} for x in texts()]
    last = refusal(take(base, tmp_path, far))[-1]
    assert "Of 20 records 20 have this: out-of-range" in last
    assert "x.jsonl:1: «Ada Smith lives" in last and "the text has 36 characters" in last


def test_where_no_record_is_annotated_the_last_line_says_so(base: Path, tmp_path: Path) -> None:
    last = refusal(take(base, tmp_path, [{"text": x["text"]} for x in texts()]))[-1]
    assert "Of 20 records 20 have this: unannotated" in last and '"spans": []' in last
