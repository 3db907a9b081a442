"""Splits that stay, rehearsal that grows, open tokens that mean what params.yaml says."""

import csv
import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import spacy
import srsly
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span

from scripts.params import Data, Params
from scripts.preprocess import (
    ENOUGH_WORDS,
    choose_rehearsal,
    fill,
    find_rivals,
    main,
    preprocess,
    read_splits,
)
from scripts.records import DataError, Findings, Record, make_doc, read_folder
from tests.conftest import PEOPLE, ROOT, domain_records, general_records, label, write_world

BLANK = spacy.blank("en")
Splits = dict[str, list[Record]]


# Splitting


def documents(number: int, texts: int = 2) -> list[dict[str, Any]]:
    return [
        label(f"n78 in text {text} of {doc}", ("n78", "BAND")) | {"meta": {"doc": f"ticket-{doc}"}}
        for doc in range(number)
        for text in range(texts)
    ]


def split(source: Path, dev: float = 0.1, test: float = 0.2, seed: int = 0) -> Splits:
    data = Data(source=str(source), rename={}, unlabelled="base", dev=dev, test=test, seed=seed)
    return read_splits(source, data, Findings())


def write(path: Path, records: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(exist_ok=True)
    srsly.write_jsonl(path, records)
    return path


def texts(splits: Splits) -> dict[str, set[str]]:
    return {part: {record.text for record in records} for part, records in splits.items()}


def place(splits: Splits) -> dict[str, str]:
    """The split of each text."""
    return {record.text: part for part, records in splits.items() for record in records}


def test_one_file_is_split_into_whole_documents_of_about_the_shares_asked_for(
    tmp_path: Path,
) -> None:
    splits = split(write(tmp_path / "all.jsonl", documents(1000)))
    names = {part: {record.doc for record in records} for part, records in splits.items()}
    assert list(splits) == ["train", "dev", "test"]
    assert sum(map(len, names.values())) == len(set.union(*names.values())) == 1000
    assert sum(map(len, splits.values())) == 2000
    assert len(names["dev"]) / 1000 == pytest.approx(0.1, abs=0.02)
    assert len(names["test"]) / 1000 == pytest.approx(0.2, abs=0.02)


def test_a_folder_with_train_alone_is_split_like_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "data" / "train.jsonl", documents(100))
    assert split(tmp_path / "data") == split(path)


def test_a_test_file_is_taken_as_it_is_and_dev_is_split_off(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", documents(500))
    own = [label("n41 is a test", ("n41", "BAND"))]
    write(tmp_path / "test.jsonl", own)
    splits = split(tmp_path)
    assert texts(splits)["test"] == {"n41 is a test"}
    assert len(splits["dev"]) / 1000 == pytest.approx(0.1, abs=0.03)
    assert len(splits["train"]) + len(splits["dev"]) == 1000


def test_three_files_are_taken_as_they_are(tmp_path: Path) -> None:
    wanted = {}
    for number, part in enumerate(("train", "dev", "test")):
        records = documents(number + 1)
        for record in records:
            record["text"] += f" {part}"
        write(tmp_path / f"{part}.jsonl", records)
        wanted[part] = {record["text"] for record in records}
    assert texts(split(tmp_path)) == wanted


def test_adding_removing_and_reordering_moves_no_other_record(tmp_path: Path) -> None:
    records = documents(300)
    before = place(split(write(tmp_path / "all.jsonl", records[:400])))
    after = place(split(write(tmp_path / "all.jsonl", records)))
    assert {text: after[text] for text in before} == before
    random.Random(0).shuffle(records)
    fewer = place(split(write(tmp_path / "all.jsonl", records[:300])))
    assert fewer.items() <= after.items()


def test_another_seed_splits_otherwise(tmp_path: Path) -> None:
    path = write(tmp_path / "all.jsonl", documents(100))
    assert place(split(path, seed=0)) != place(split(path, seed=1))


def test_a_folder_without_train_is_an_error_that_names_it(tmp_path: Path) -> None:
    write(tmp_path / "test.jsonl", documents(3))
    with pytest.raises(DataError, match=f"{tmp_path}.*train"):
        split(tmp_path)


@pytest.mark.parametrize("part", ["train", "dev", "test"])
def test_a_split_without_a_span_is_an_error_that_names_it(tmp_path: Path, part: str) -> None:
    for name in ("train", "dev", "test"):
        records = documents(3) if name != part else [{"text": "nothing", "spans": []}]
        write(tmp_path / f"{name}.jsonl", records)
    with pytest.raises(DataError, match=f"{tmp_path}.* {part} "):
        split(tmp_path)


# Rehearsal


def plain(*lines: str) -> list[Record]:
    return [Record(line, None, line, "general.jsonl", 1) for line in lines]


def chosen(records: list[Record], *taken: str) -> list[str]:
    return [doc.text for doc in choose_rehearsal(records, set(taken), BLANK)]


def test_rehearsal_takes_no_gold_no_empty_and_no_taken_text_and_each_once() -> None:
    gold = Record("Alice is gold", [], "d", "p", 1)
    records = [gold, *plain("free", "taken", "also free", "  ", "free")]
    assert sorted(chosen(records, "taken")) == ["also free", "free"]


def test_the_order_of_rehearsal_is_that_of_no_file() -> None:
    records = plain(*(f"a text of {number}" for number in range(50)))
    whole = chosen(records)
    random.Random(0).shuffle(records)
    assert chosen(records) == whole != sorted(whole)
    fewer = {record.text for record in records[:20]}
    assert chosen(records[:20]) == [text for text in whole if text in fewer]


def rehearsed(folder: Path, base: Path, texts: int, ratio: float) -> dict[str, list[str]]:
    """The general text of a world with so many texts of seven words: to practise on, and in dev."""
    params = write_world(folder, rehearsal__ratio=ratio)
    lines = [f"{PEOPLE[i % 5]} went away in {i} ." for i in range(texts)]
    (folder / "raw.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf8")
    section = params.rehearsal.model_copy(update={"text": str(folder / "raw.txt")})
    params = params.model_copy(update={"rehearsal": section})
    preprocess(params=params, base=base, output=folder / "corpus")
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
    read = [record.text for record in read_folder(folder, Findings())]
    assert read == ["Carol is free .", "Emma is free ."]
    (folder / "notes.csv").write_text("Who is free ?\n", encoding="utf8")
    with pytest.raises(DataError, match=r"notes\.csv"):
        list(read_folder(folder, Findings()))


def test_an_empty_folder_of_general_text_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="empty"):
        list(read_folder(tmp_path, Findings()))


# Filling


@pytest.fixture(scope="module")
def nlp(bases: dict[str, Path]) -> Language:
    return spacy.load(bases["own"])


SENTENCE = "Alice Smith lives in Paris ."


def filled(
    nlp: Language,
    spans: list[tuple[int, int, str]] | None,
    labels: set[str],
    unlabelled: str,
    text: str = SENTENCE,
) -> tuple[list[tuple[str, str]], str]:
    """The entities, and an IOB letter for each token, - where nothing is known."""
    doc = make_doc(nlp, Record(text, spans, "d", "p", 1), Findings())
    (doc,) = fill(nlp, [doc], labels, unlabelled, "")
    entities = [(span.text, span.label_) for span in doc.ents]
    return entities, "".join(token.ent_iob_ or "-" for token in doc)


ALL = {"PERSON", "LOC", "BAND"}
PARIS = (21, 26, "BAND")


@pytest.mark.parametrize(
    ("spans", "labels", "unlabelled", "entities", "iob"),
    [
        # What the base says of the labels that are learned, and no more.
        ([], ALL, "base", [("Alice Smith", "PERSON"), ("Paris", "LOC")], "BIOOBO"),
        (None, ALL, "base", [("Alice Smith", "PERSON"), ("Paris", "LOC")], "BIOOBO"),
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
        (None, ALL, "missing", [], "------"),
    ],
)
def test_an_open_token_means_what_unlabelled_says(
    nlp: Language,
    spans: list[tuple[int, int, str]] | None,
    labels: set[str],
    unlabelled: str,
    entities: list[tuple[str, str]],
    iob: str,
) -> None:
    assert filled(nlp, spans, labels, unlabelled) == (entities, iob)


def test_missing_leaves_every_token_without_a_label_open(nlp: Language) -> None:
    """Of the tokens beside a span nothing is known, and nothing is learned."""
    assert filled(nlp, [PARIS], ALL, "missing") == ([("Paris", "BAND")], "----B-")


@pytest.mark.parametrize("unlabelled", ["base", "outside"])
def test_unusable_tokens_stay_open_where_they_are_the_whole_text(
    nlp: Language, unlabelled: str
) -> None:
    assert filled(nlp, [(0, 4, "BAND")], ALL, unlabelled, "Paris") == ([], "-")


# Rivals


def names_of(nlp: Language, *records: dict[str, Any]) -> dict[str, dict[str, float]]:
    raw = [[(s["start"], s["end"], s["label"]) for s in record["spans"]] for record in records]
    docs = [
        make_doc(nlp, Record(record["text"], spans, "d", "p", 1), Findings())
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


def run(folder: Path, base: Path, **changes: Any) -> Params:
    params = write_world(folder, **changes)
    preprocess(params=params, base=base, output=folder / "corpus")
    return params


def corpus(folder: Path, part: str) -> list[Doc]:
    return list(DocBin().from_disk(folder / "corpus" / f"{part}.spacy").get_docs(BLANK.vocab))


def spans(docs: list[Doc]) -> list[Span]:
    return [span for doc in docs for span in doc.ents]


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
    assert data["findings"] == {}
    assert data["skipped_answers"] == {"reject": 1}


def test_findings_are_written_with_their_place(bases: dict[str, Path], tmp_path: Path) -> None:
    params = write_world(tmp_path)
    path = tmp_path / "data" / "train.jsonl"
    broken = {"text": "The routers, up", "spans": [{"start": 4, "end": 10, "label": "GEAR"}]}
    with path.open("a", encoding="utf8") as file:
        file.write(json.dumps(broken | {"meta": {"doc": "ticket-9"}}) + "\n")
    preprocess(params=params, base=bases["own"], output=tmp_path / "corpus")
    with (tmp_path / "corpus" / "findings.csv").open(encoding="utf8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["code"] == "off-boundary"
    assert (row["path"], row["line"], row["doc"]) == (str(path), "11", "ticket-9")
    assert row["text"] == "The «router»s, up"
    assert "routers" in row["advice"]
    assert srsly.read_json(tmp_path / "corpus" / "data.json")["findings"] == {"off-boundary": 1}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_second_run_and_another_hash_seed_give_the_same_bytes(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    params = run(tmp_path, bases["own"], training__strategy="update")
    first = contents(tmp_path / "corpus")
    assert len(first) == 7
    preprocess(params=params, base=bases["own"], output=tmp_path / "corpus")
    assert contents(tmp_path / "corpus") == first
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "scripts.preprocess", str(bases["own"]), f"seed-{seed}"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
        )
        for seed in ("1", "2")
    ]
    for seed, process in zip(("1", "2"), runs, strict=True):
        _, errors = process.communicate()
        assert process.returncode == 0, errors.decode()
        assert contents(tmp_path / f"seed-{seed}") == first


def test_broken_data_leaves_the_old_corpus_and_exits_with_1(
    bases: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(tmp_path, bases["own"])
    before = contents(tmp_path / "corpus")
    (tmp_path / "general.jsonl").write_text('{"text": "a"}\n{"text": \n', encoding="utf8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        main(bases["own"], tmp_path / "corpus")
    assert left.value.code == 1
    assert "general.jsonl:2" in capsys.readouterr().out
    assert contents(tmp_path / "corpus") == before
    assert {path.name for path in tmp_path.iterdir()} == {
        "corpus",
        "data",
        "general.jsonl",
        "params.yaml",
    }
