"""Rehearsal that grows, open tokens that mean what params.yaml says, findings people can read."""

import contextlib
import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import spacy
import srsly
from spacy.language import Language
from spacy.tokens import Doc, Span

from scripts.check import main as check
from scripts.exceptions import DataError
from scripts.intake import stream as intake
from scripts.intake import tally as batches
from scripts.intake import worker
from scripts.intake.alignment import make_doc
from scripts.intake.findings import CODES
from scripts.intake.formats import Layout
from scripts.intake.records import Record
from scripts.keeping import rehearsal
from scripts.keeping.base_labels import Filler, find_rivals
from scripts.keeping.corpus import preprocess
from scripts.keeping.rehearsal import ENOUGH_WORDS
from scripts.params import Params
from scripts.preprocess import main, report
from scripts.storage.docbins import read_docs
from tests.conftest import PEOPLE, ROOT, domain_records, general_records, label, write_world

BLANK = spacy.blank("en")


def run(folder: Path, base: Path, **changes: Any) -> Params:
    params = write_world(folder, **changes)
    preprocess(params=params, base=base, output=folder / "corpus")
    return params


def corpus(folder: Path, part: str) -> list[Doc]:
    return list(read_docs(folder / "corpus" / part, BLANK.vocab))


def spans(docs: list[Doc]) -> list[Span]:
    return [span for doc in docs for span in doc.ents]


@pytest.mark.parametrize("part", ["train", "dev", "test"])
def test_a_split_without_a_span_is_an_error_that_names_it(
    bases: dict[str, Path], tmp_path: Path, part: str
) -> None:
    params = write_world(tmp_path)
    srsly.write_jsonl(tmp_path / "data" / f"{part}.jsonl", [{"text": "nothing", "spans": []}])
    with pytest.raises(DataError, match=f"{tmp_path}.* {part} "):
        preprocess(params=params, base=bases["own"], output=tmp_path / "corpus")


# Rehearsal


def practised(folder: Path, base: Path, records: list[dict[str, Any]]) -> list[str]:
    """The texts to rehearse on, in their order, where general text is these records."""
    params = write_world(folder)
    srsly.write_jsonl(folder / "raw.jsonl", records)
    section = params.rehearsal.model_copy(update={"text": str(folder / "raw.jsonl")})
    params = params.model_copy(update={"rehearsal": section})
    preprocess(params=params, base=base, output=folder / "corpus")
    return [doc.text for doc in (*corpus(folder, "dev")[10:], *corpus(folder, "rehearsal"))]


def test_rehearsal_takes_no_gold_and_no_taken_text_and_each_once(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    taken = domain_records("test")[0]["text"]
    gold = [{"text": "Alice is gold", "spans": []}, *general_records()]
    plain = [{"text": text} for text in ("free", taken, "also free", "free")]
    assert sorted(practised(tmp_path, bases["own"], gold + plain)) == ["also free", "free"]


def test_the_order_of_rehearsal_is_that_of_no_file(bases: dict[str, Path], tmp_path: Path) -> None:
    records = [{"text": f"a text of {number}"} for number in range(50)]
    whole = practised(tmp_path / "a", bases["own"], records)
    random.Random(0).shuffle(records)
    assert practised(tmp_path / "b", bases["own"], records) == whole != sorted(whole)
    fewer = {record["text"] for record in records[:20]}
    again = practised(tmp_path / "c", bases["own"], records[:20])
    assert again == [text for text in whole if text in fewer]


def test_broken_general_text_is_rejected_and_counted(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="1 record rejected"):
        practised(tmp_path, bases["own"], [{"text": "free"}, {"txt": "free"}])
    (row,) = srsly.read_jsonl(tmp_path / "corpus" / "rejected.jsonl")
    assert (row["code"], row["record"]) == ("shape", {"txt": "free"})


def rehearsed(folder: Path, base: Path, texts: int, ratio: float) -> dict[str, list[str]]:
    """The general text of a world with so many texts of seven words: to practise on, and in dev."""
    params = write_world(folder, rehearsal__ratio=ratio)
    lines = [f"{PEOPLE[i % 5]} went away in {i} ." for i in range(texts)]
    (folder / "raw.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf8")
    section = params.rehearsal.model_copy(update={"text": str(folder / "raw.txt")})
    params = params.model_copy(update={"rehearsal": section})
    report(preprocess(params=params, base=base, output=folder / "corpus"), "extend")
    return {
        part: [doc.text for doc in corpus(folder, part) if doc.text in lines]
        for part in ("train", "rehearsal", "dev")
    }


def test_all_general_text_is_practised_and_dev_has_it_in_the_ratio_asked_for(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    found = rehearsed(tmp_path, bases["own"], 300, 1.5)
    assert found["train"] == []
    assert len(found["rehearsal"]) + len(found["dev"]) == 300
    words = srsly.read_json(tmp_path / "corpus" / "data.json")["words"]["dev"]
    assert 1.5 * words - 7 < 7 * len(found["dev"]) <= 1.5 * words


def test_dev_takes_a_tenth_of_the_general_text_at_most(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    found = rehearsed(tmp_path, bases["own"], 40, 9.0)
    assert {part: len(texts) for part, texts in found.items()} == {
        "train": 0,
        "rehearsal": 36,
        "dev": 4,
    }


def test_without_a_ratio_there_is_no_general_text(bases: dict[str, Path], tmp_path: Path) -> None:
    assert not any(rehearsed(tmp_path, bases["own"], 40, 0.0).values())


def test_too_little_general_text_is_warned_of(
    bases: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rehearsed(tmp_path, bases["own"], 40, 1.0)
    assert "rehearsal.text has 252 words" in " ".join(capsys.readouterr().out.split())
    rehearsed(tmp_path / "enough", bases["own"], ENOUGH_WORDS["extend"] // 6, 1.0)
    assert "rehearsal.text has" not in capsys.readouterr().out


def test_general_text_may_be_a_folder_of_files(bases: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    (folder / "sub").mkdir(parents=True)
    (folder / "b.txt").write_text("Carol is free .\n", encoding="utf8")
    srsly.write_jsonl(folder / "sub" / "a.jsonl", [{"text": "Emma is free ."}])
    run(tmp_path / "w", bases["own"], rehearsal__text=str(folder))
    assert {doc.text for doc in corpus(tmp_path / "w", "rehearsal")} == {
        "Carol is free .",
        "Emma is free .",
    }


# Filling


@pytest.fixture(scope="module")
def nlp(bases: dict[str, Path]) -> Language:
    return spacy.load(bases["own"])


SENTENCE = "Alice Smith lives in Paris ."


def filled(
    base: Path,
    folder: Path,
    spans: list[tuple[int, int, str]] | None,
    labels: set[str],
    unlabelled: str,
    text: str = SENTENCE,
) -> tuple[list[tuple[str, str]], str]:
    """The entities, and an IOB letter for each token, - where nothing is known."""
    settings = worker.Settings(base, "strict", unlabelled, {}, {}, 1.0, 0, True)
    entities = {"entities": spans} if spans is not None else {}
    piece = ("a.jsonl", 1, [text, entities])
    batch = worker.ChunkWorker(settings)(batches.Chunk(Layout("spacy-json"), "train", [piece]))
    path = folder / "train-00000.spacy"
    path.write_bytes(batch.shards["train"])
    if unlabelled == "base":
        path.write_bytes(Filler((base, labels))(path))
    (doc,) = read_docs(path, BLANK.vocab)
    found = [(span.text, span.label_) for span in doc.ents]
    return found, "".join(token.ent_iob_ or "-" for token in doc)


ALL = {"PERSON", "LOC", "BAND"}
PARIS = (21, 26, "BAND")


@pytest.mark.parametrize(
    ("spans", "labels", "unlabelled", "entities", "iob"),
    [
        # What the base says of the labels that are learned, and no more.
        ([], ALL, "base", [("Alice Smith", "PERSON"), ("Paris", "LOC")], "BIOOBO"),
        ([], {"LOC", "BAND"}, "base", [("Paris", "LOC")], "OOOOBO"),
        ([], {"BAND"}, "base", [], "OOOOOO"),
        # Gold wins where the two meet, in part or in whole.
        ([PARIS], ALL, "base", [("Alice Smith", "PERSON"), ("Paris", "BAND")], "BIOOBO"),
        ([(6, 11, "BAND")], ALL, "base", [("Smith", "BAND"), ("Paris", "LOC")], "OBOOBO"),
        ([(6, 17, "BAND")], ALL, "base", [("Smith lives", "BAND"), ("Paris", "LOC")], "OBIOBO"),
        # Tokens of a span that cannot be used stay open, and no guess covers them.
        ([(21, 25, "BAND")], ALL, "base", [("Alice Smith", "PERSON")], "BIOO-O"),
        ([(7, 11, "BAND")], ALL, "base", [("Paris", "LOC")], "O-OOBO"),
        ([(21, 25, "BAND")], ALL, "outside", [], "OOOO-O"),
        ([PARIS], ALL, "outside", [("Paris", "BAND")], "OOOOBO"),
        (None, ALL, "outside", [], "OOOOOO"),
    ],
)
def test_an_open_token_means_what_unlabelled_says(
    bases: dict[str, Path],
    tmp_path: Path,
    spans: list[tuple[int, int, str]] | None,
    labels: set[str],
    unlabelled: str,
    entities: list[tuple[str, str]],
    iob: str,
) -> None:
    assert filled(bases["own"], tmp_path, spans, labels, unlabelled) == (entities, iob)


def test_missing_leaves_every_token_without_a_label_open(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    """Of the tokens beside a span nothing is known, and nothing is learned."""
    assert filled(bases["own"], tmp_path, [PARIS], ALL, "missing") == (
        [("Paris", "BAND")],
        "----B-",
    )


@pytest.mark.parametrize("unlabelled", ["base", "outside"])
def test_unusable_tokens_stay_open_where_they_are_the_whole_text(
    bases: dict[str, Path], tmp_path: Path, unlabelled: str
) -> None:
    assert filled(bases["own"], tmp_path, [(0, 4, "BAND")], ALL, unlabelled, "Paris") == ([], "-")


# Rivals


def names_of(nlp: Language, *records: dict[str, Any]) -> dict[str, dict[str, float]]:
    raw = [[(s["start"], s["end"], s["label"]) for s in record["spans"]] for record in records]
    docs = [
        make_doc(nlp, Record(record["text"], spans, "d", "p", 1), "strict", [])
        for record, spans in zip(records, raw, strict=True)
    ]
    return find_rivals(nlp, docs)


def test_a_label_that_the_base_sees_as_its_own_is_a_rival(nlp: Language) -> None:
    found = names_of(
        nlp,
        label(SENTENCE, ("Alice Smith", "person"), ("Paris", "town")),
        label("Bob Jones lives in London .", ("Bob Jones", "person"), ("lives", "verb")),
        label("The router is on n08 .", ("n08", "person")),
    )
    assert found == {"person": {"PERSON": 0.667}, "town": {"LOC": 1.0}}


def test_a_label_that_the_base_sees_as_several_of_its_own_is_contested(nlp: Language) -> None:
    """A sixth of the names for each of two labels, and nothing in the others."""
    known = label(SENTENCE, ("Alice Smith", "brand"), ("Paris", "brand"))
    none = label("Bob Jones lives in London .", ("lives", "brand"), ("in", "brand"))
    assert names_of(nlp, known, none, none) == {"brand": {"LOC": 0.167, "PERSON": 0.167}}
    assert names_of(nlp, known, *[none] * 5) == {}


@pytest.mark.parametrize(
    ("rivals", "rename"),
    [
        ({"PERSON": 0.4}, "{brand: PERSON}"),
        ({"PERSON": 0.4, "ORG": 0.2}, "{brand: PERSON}"),
        ({"PERSON": 0.4, "ORG": 0.21}, None),
    ],
)
def test_a_rename_is_proposed_where_the_base_is_of_one_mind(
    rivals: dict[str, float], rename: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = {
        "rehearsal": {"train": {"texts": 9, "words": 10**6}},
        "labelled_texts": {"train": 9},
        "labels": ["brand"],
        "general": {"texts": 1, "is_all": True, "found": {}, "not_counted": {}},
        "rivals": {"brand": rivals},
    }
    report(summary, "extend")
    printed = " ".join(capsys.readouterr().out.split())
    assert "to the base its spans are 40% PERSON" in printed
    assert (f"set data.rename to {rename}" in printed) == (rename is not None)
    assert ("data.rename" in printed) == (rename is not None)


def test_a_label_of_the_same_name_is_no_rival(nlp: Language) -> None:
    assert names_of(nlp, label(SENTENCE, ("Alice Smith", "PERSON"), ("in", "town"))) == {}


# The stage


def test_labels_are_renamed(bases: dict[str, Path], tmp_path: Path) -> None:
    run(tmp_path, bases["own"], data__rename={"GEAR": "LOC"})
    for part in ("train", "test"):
        assert {"BAND", "LOC"} == {span.label_ for span in spans(corpus(tmp_path, part))}
    assert srsly.read_json(tmp_path / "corpus" / "data.json")["labels"] == ["BAND", "LOC"]


def test_a_name_that_no_label_has_is_an_error(bases: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data\.rename.*GEER"):
        run(tmp_path, bases["own"], data__rename={"GEER": "LOC"})


def shared_label(folder: Path) -> None:
    """Add a person who is marked to the train split."""
    with (folder / "data" / "train.jsonl").open("a", encoding="utf8") as file:
        file.write(json.dumps(label("Emma Stone is in .", ("Emma Stone", "PERSON"))) + "\n")


def test_update_practises_the_labels_of_the_base_too(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    run(tmp_path, bases["own"], training__strategy="update")
    for part in ("train", "dev"):
        by_label = Counter(span.label_ for span in spans(corpus(tmp_path, part)))
        assert by_label["BAND"] == 10
        assert by_label["PERSON"] >= 5
    assert by_label["LOC"] >= 1  # in the general text of dev


def test_extend_practises_the_labels_of_the_data_alone(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    run(tmp_path, bases["own"])
    for part in ("train", "dev"):
        assert {span.label_ for span in spans(corpus(tmp_path, part))} == {"BAND", "GEAR"}


def test_extend_practises_a_label_that_data_and_base_share(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    params = write_world(tmp_path)
    shared_label(tmp_path)
    preprocess(params=params, base=bases["own"], output=tmp_path / "corpus")
    by_label = Counter(span.label_ for span in spans(corpus(tmp_path, "train")))
    assert by_label["PERSON"] > 5
    assert by_label["LOC"] == 0


def test_test_split_and_general_text_hold_gold_alone(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    run(tmp_path, bases["own"], training__strategy="update")
    test = corpus(tmp_path, "test")
    assert [doc.text for doc in test] == [record["text"] for record in domain_records("test")]
    assert {span.label_ for span in spans(test)} == {"BAND", "GEAR"}
    general = corpus(tmp_path, "general")
    assert [doc.text for doc in general] == [record["text"] for record in general_records()]
    assert len(spans(general)) == 15


def test_no_text_of_test_or_general_is_rehearsed(bases: dict[str, Path], tmp_path: Path) -> None:
    params = write_world(tmp_path, rehearsal__ratio=9.0)
    held = [record["text"] for part in ("dev", "test") for record in domain_records(part)]
    held += [record["text"] for record in general_records()]
    with (tmp_path / "general.txt").open("w", encoding="utf8") as file:
        file.writelines(f"{text}\n" for text in [*held, f"{PEOPLE[0]} is free ."])
    rehearsal = params.rehearsal.model_copy(update={"text": str(tmp_path / "general.txt")})
    params = params.model_copy(update={"rehearsal": rehearsal})
    preprocess(params=params, base=bases["own"], output=tmp_path / "corpus")
    own = {record["text"] for part in ("train", "dev") for record in domain_records(part)}
    parts = ("train", "dev", "rehearsal")
    learned = {doc.text for part in parts for doc in corpus(tmp_path, part)}
    assert learned == own | {f"{PEOPLE[0]} is free ."}


def test_general_text_without_gold_is_kept_raw(bases: dict[str, Path], tmp_path: Path) -> None:
    params = write_world(tmp_path)
    raw = [{"text": record["text"]} for record in general_records()]
    srsly.write_jsonl(tmp_path / "general.jsonl", raw)
    preprocess(params=params, base=bases["own"], output=tmp_path / "corpus")
    assert not any(doc.has_annotation("ENT_IOB") for doc in corpus(tmp_path, "general"))
    assert srsly.read_json(tmp_path / "corpus" / "data.json")["general_is_gold"] is False


@pytest.mark.parametrize("ratio", [0.0, 0.5])
def test_the_counts_add_up(ratio: float, bases: dict[str, Path], tmp_path: Path) -> None:
    params = write_world(tmp_path, rehearsal__ratio=ratio)
    with (tmp_path / "data" / "train.jsonl").open("a", encoding="utf8") as file:
        file.write('{"text": "no", "answer": "reject"}\n')
    preprocess(params=params, base=bases["own"], output=tmp_path / "corpus")
    data = srsly.read_json(tmp_path / "corpus" / "data.json")
    parts = ("train", "dev", "test", "general", "rehearsal")
    docs = {part: corpus(tmp_path, part) for part in parts}
    assert data["texts"] == {part: len(docs[part]) for part in parts[:-1]}
    assert data["labelled_texts"] == {"train": 10, "dev": 10, "test": 10}
    assert data["documents"] == {"train": 5, "dev": 5, "test": 5}
    assert data["spans"] == {part: {"BAND": 10, "GEAR": 5} for part in ("train", "dev", "test")}
    assert data["labels"] == ["BAND", "GEAR"]
    assert data["base_labels"] == ["LOC", "PERSON"]
    assert data["general_is_gold"] is True
    practised = data["rehearsal"]
    assert practised["train"]["texts"] + practised["dev"]["texts"] == (25 if ratio else 0)
    assert practised["train"]["texts"] == len(docs["rehearsal"])
    assert practised["train"]["words"] == sum(map(len, docs["rehearsal"]))
    assert data["texts"]["train"] == 10
    assert data["texts"]["dev"] == 10 + practised["dev"]["texts"]
    words = sum(len(doc) for part in ("train", "dev") for doc in docs[part])
    assert words == data["words"]["train"] + data["words"]["dev"] + practised["dev"]["words"]
    assert data["words"]["test"] == sum(map(len, docs["test"]))
    assert data["records"] == {"read": 66, "used": 65, "rejected": 1}
    assert data["skipped_answers"] == {"reject": 1}
    assert data["seen_mentions"] == {"dev": 1.0, "test": 1.0}
    found = srsly.read_json(tmp_path / "corpus" / "findings.json")
    assert found["records"] == data["records"]
    assert {row["code"]: row["count"] for row in found["counts"]} == data["findings"]
    assert data["findings"]["answer"] == 1 and data["findings"]["few-examples"] == 1


def add_line(path: Path, record: dict[str, Any]) -> None:
    with path.open("a", encoding="utf8") as file:
        file.write(json.dumps(record) + "\n")


BROKEN = {
    "text": "The routers, <b>up</b> & <script>alert(1)</script>",
    "spans": [{"start": 4, "end": 10, "label": "GEAR"}],
    "meta": {"doc": "ticket-9"},
}


def test_findings_are_written_with_their_place_for_programs_and_people(
    bases: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    params = write_world(tmp_path)
    path = tmp_path / "data" / "train.jsonl"
    add_line(path, BROKEN)
    preprocess(params=params, base=bases["own"], output=tmp_path / "corpus")
    found = srsly.read_json(tmp_path / "corpus" / "findings.json")
    (row,) = [row for row in found["findings"] if row["code"] == "off-boundary"]
    assert (row["severity"], row["path"], row["line"]) == ("warning", str(path), 11)
    assert row["doc"] == "ticket-9"
    assert row["text"].startswith("The «router»s, <b>up</b>")
    assert "«routers»" in row["advice"]
    codes = [row["code"] for row in found["counts"]]
    assert codes == sorted(codes, key=list(CODES).index)
    assert [row["code"] for row in found["findings"]] == sorted(
        (row["code"] for row in found["findings"]), key=list(CODES).index
    )
    page = (tmp_path / "corpus" / "findings.html").read_text(encoding="utf8")
    assert "<mark>router</mark>s, &lt;b&gt;up" in page and "<script" not in page
    assert page.index('<td class="count">1</td>') < page.index("<mark>")
    # Long lines are wrapped anywhere.
    shown = "".join(capsys.readouterr().out.split())
    assert shown.index("count") < shown.index(f"off-boundary:{path}:11(ticket-9)")
    assert "findings.html" in shown


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_second_run_and_another_hash_seed_and_more_workers_give_the_same_bytes(
    bases: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = write_world(tmp_path, training__strategy="update")
    add_line(tmp_path / "data" / "train.jsonl", BROKEN)
    monkeypatch.setattr(intake, "CHUNK", 500)
    monkeypatch.setattr(rehearsal, "CHUNK", 500)
    for jobs in (1, 2, 2):
        preprocess(params=params, base=bases["own"], output=tmp_path / f"c{jobs}", jobs=jobs)
    assert len(contents(tmp_path / "c1")) > 15
    assert contents(tmp_path / "c1") == contents(tmp_path / "c2")
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "scripts.preprocess", str(bases["own"]), f"seed-{seed}"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
        )
        for seed in ("1", "2")
    ]
    for process in runs:
        _, errors = process.communicate()
        assert process.returncode == 0, errors.decode()
    assert contents(tmp_path / "seed-1") == contents(tmp_path / "seed-2")


def leave(base: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """The status that the command leaves with."""
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as left:
        main(base, folder / "corpus", 1)
    assert isinstance(left.value.code, int)
    return left.value.code


def test_rejected_records_stop_the_run_and_leave_the_old_corpus(
    bases: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    params = run(tmp_path, bases["own"])
    before = contents(tmp_path / "corpus")
    with (tmp_path / "general.jsonl").open("a", encoding="utf8") as file:
        file.write('{"text": \n')
    assert leave(bases["own"], tmp_path, monkeypatch) == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert "general.jsonl:36" in shown and "data.max_rejected" in shown
    after = contents(tmp_path / "corpus")
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"findings.json", "findings.html", "rejected.jsonl"}
    assert {path.name for path in tmp_path.iterdir()} == {
        "corpus",
        "data",
        "general.jsonl",
        "params.yaml",
    }
    # Tolerated, it is listed and counted.
    section = params.data.model_copy(update={"max_rejected": 1})
    tolerant = params.model_copy(update={"data": section})
    preprocess(params=tolerant, base=bases["own"], output=tmp_path / "corpus")
    data = srsly.read_json(tmp_path / "corpus" / "data.json")
    assert data["records"]["rejected"] == data["findings"]["not-json"] == 1


def test_general_text_that_counts_bytes_is_refused_too(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    params = write_world(tmp_path, data__max_rejected=5)
    span = {"start": 9, "end": 14, "label": "LOC"}
    add_line(tmp_path / "general.jsonl", {"text": "Über in Paris .", "spans": [span]})
    with pytest.raises(DataError, match=r"general\.jsonl: offset-unit"):
        preprocess(params=params, base=bases["own"], output=tmp_path / "corpus")


def test_a_file_that_cannot_be_read_leaves_everything(
    bases: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(tmp_path, bases["own"])
    before = contents(tmp_path / "corpus")
    (tmp_path / "data" / "train.jsonl").write_text('[{"text": "a"}', encoding="utf8")
    assert leave(bases["own"], tmp_path, monkeypatch) == 1
    assert "train.jsonl:1" in "".join(capsys.readouterr().out.split())
    assert contents(tmp_path / "corpus") == before


def test_an_interrupted_run_does_not_pass_for_a_whole_one(
    bases: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What says that a corpus is whole goes first and comes last."""
    params = run(tmp_path, bases["own"])
    monkeypatch.setattr("scripts.keeping.corpus.publish", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        preprocess(params=params, base=bases["own"], output=tmp_path / "corpus")
    assert not (tmp_path / "corpus" / "data.json").exists()


def check_status(base: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """The status that `check` leaves with; it writes into `folder`/check."""
    monkeypatch.chdir(folder)
    try:
        check(base, folder / "check", 1)
    except SystemExit as left:
        return int(left.code or 0)
    return 0


FINDINGS = {"findings.json", "findings.html", "rejected.jsonl"}


@pytest.mark.parametrize("is_broken", [False, True])
def test_check_finds_the_same_and_makes_nothing(
    is_broken: bool, bases: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = write_world(tmp_path)
    add_line(tmp_path / "data" / "train.jsonl", BROKEN)
    if is_broken:
        add_line(tmp_path / "data" / "train.jsonl", BROKEN | {"text": "short"})
    assert check_status(bases["own"], tmp_path, monkeypatch) == is_broken
    assert set(contents(tmp_path / "check")) == FINDINGS
    with contextlib.suppress(DataError):
        preprocess(params=params, base=bases["own"], output=tmp_path / "corpus")
    for name, raw in contents(tmp_path / "check").items():
        assert (tmp_path / "corpus" / name).read_bytes() == raw


@pytest.mark.parametrize(("ratio", "status"), [(0.5, 1), (0.0, 0)])
def test_check_reads_rehearsal_text_where_preprocess_does(
    ratio: float,
    status: int,
    bases: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = tmp_path / "w" / "raw.jsonl"
    params = write_world(tmp_path / "w", rehearsal__text=str(raw), rehearsal__ratio=ratio)
    raw.write_text('{"text": "free"}\n{"text": \n', encoding="utf8")
    assert check_status(bases["own"], tmp_path / "w", monkeypatch) == status
    assert set(contents(tmp_path / "w" / "check")) == FINDINGS
    stops = pytest.raises(DataError, match="1 record rejected")
    with stops if status else contextlib.nullcontext():
        preprocess(params=params, base=bases["own"], output=tmp_path / "w" / "corpus")
    for name, found in contents(tmp_path / "w" / "check").items():
        assert (tmp_path / "w" / "corpus" / name).read_bytes() == found
