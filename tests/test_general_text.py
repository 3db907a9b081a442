"""Which general text is measured on, what its gold counts for, and what is said of it early."""

import json
from pathlib import Path
from typing import Any

import pytest
import spacy
import srsly

from scripts.exceptions import DataError
from scripts.keeping import general_text
from scripts.keeping.corpus import check_data, preprocess
from scripts.keeping.general_text import HELD_OUT, look_at_general
from scripts.params import Params
from scripts.storage.docbins import read_docs
from tests.conftest import PEOPLE, PLACES, general_records, label, write_world

RAW = [f"{name} went to {place} ." for name in PEOPLE for place in PLACES]


def run(folder: Path, base: Path, records: list[dict[str, Any]], **changes: Any) -> Params:
    """Make the corpus of a world whose general text is `records`."""
    params = write_world(folder, **changes)
    srsly.write_jsonl(Path(params.evaluate.general), records)
    preprocess(params=params, base=base, output=folder / "corpus")
    return params


def texts(folder: Path, *parts: str) -> list[str]:
    vocab = spacy.blank("en").vocab
    return [doc.text for part in parts for doc in read_docs(folder / "corpus" / part, vocab)]


def data_of(folder: Path) -> dict[str, Any]:
    return srsly.read_json(folder / "corpus/data.json")


def practised(folder: Path) -> set[str]:
    """The texts of RAW that are practised on, or that the model is chosen by."""
    return set(texts(folder, "rehearsal", "dev")) & set(RAW)


def test_of_raw_text_that_is_practised_on_a_share_is_held_out(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    run(tmp_path / "a", bases["own"], [{"text": text} for text in RAW])
    measured = set(texts(tmp_path / "a", "general"))
    assert len(measured) == -(-len(RAW) // HELD_OUT)
    assert practised(tmp_path / "a") == set(RAW) - measured
    assert data_of(tmp_path / "a")["texts"]["general"] == len(measured)
    assert data_of(tmp_path / "a")["general_is_gold"] is False
    # More text moves hardly any of them, and another order none.
    more = [f"{name} is in {place} ." for name in PEOPLE for place in PLACES][: len(RAW) // 5]
    run(tmp_path / "b", bases["own"], [{"text": text} for text in [*more, *reversed(RAW)]])
    both = measured & set(texts(tmp_path / "b", "general"))
    assert len(both) >= len(measured) - len(more)


def test_a_single_raw_text_is_measured_on(bases: dict[str, Path], tmp_path: Path) -> None:
    run(tmp_path, bases["own"], [{"text": RAW[0]}])
    assert texts(tmp_path, "general") == [RAW[0]] and not practised(tmp_path)


def test_of_a_file_with_gold_that_is_practised_on_raw_texts_are_not_measured(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    run(tmp_path, bases["own"], general_records() + [{"text": text} for text in RAW])
    assert set(texts(tmp_path, "general")) == {x["text"] for x in general_records()}
    assert practised(tmp_path) == set(RAW)


def test_of_a_file_of_its_own_all_texts_are_measured_and_none_is_practised(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    own = str(tmp_path / "own.jsonl")
    gold, raw = general_records()[:3], RAW[:7]
    params = write_world(tmp_path, evaluate__general=own)
    srsly.write_jsonl(own, gold + [{"text": text} for text in raw])
    srsly.write_jsonl(tmp_path / "general.jsonl", [{"text": text} for text in RAW])
    preprocess(params=params, base=bases["own"], output=tmp_path / "corpus")
    assert sorted(texts(tmp_path, "general")) == sorted([*(x["text"] for x in gold), *raw])
    assert practised(tmp_path) == set(RAW[7:])
    data = data_of(tmp_path)
    assert data["general_is_gold"] is True and data["texts"]["general"] == 10
    # What nobody has labelled stays open, and its document has a name.
    docs = list(read_docs(tmp_path / "corpus/general", spacy.blank("en").vocab))
    assert [doc.has_annotation("ENT_IOB") for doc in docs] == [True] * 3 + [False] * 7
    assert len({doc.user_data["doc"] for doc in docs}) == len(docs)


# What it is good for


def renamed(records: list[dict[str, Any]], names: dict[str, str]) -> list[dict[str, Any]]:
    """The records with other names for labels."""
    copies = json.loads(json.dumps(records))
    for record in copies:
        for span in record["spans"]:
            span["label"] = names.get(span["label"], span["label"])
    return copies


def test_gold_that_means_something_else_is_said_with_the_line_that_mends_it(
    bases: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = renamed(general_records(), {"LOC": "GPE", "PERSON": "LOC"})
    params = run(tmp_path, bases["own"], records)
    seen = data_of(tmp_path)["general"]
    assert list(seen["not_counted"]) == ["GPE", "LOC"]
    assert max(seen["not_counted"]["LOC"]) == "PERSON" and "LOC" in seen["not_counted"]["GPE"]
    capsys.readouterr()
    check_data(params=params, base=bases["own"], output=tmp_path / "check")
    printed = " ".join(capsys.readouterr().out.split())
    assert "Gold of evaluate.general does not count: GPE (to the base" in printed
    assert "evaluate.rename: {GPE: LOC, LOC: PERSON}, if they mean the same" in printed


def test_labels_of_gold_are_renamed(bases: dict[str, Path], tmp_path: Path) -> None:
    records = renamed(general_records(), {"LOC": "place"})
    run(tmp_path, bases["own"], records, evaluate__rename={"place": "LOC"})
    vocab = spacy.blank("en").vocab
    docs = read_docs(tmp_path / "corpus/general", vocab)
    assert {ent.label_ for doc in docs for ent in doc.ents} == {"LOC", "PERSON"}
    assert data_of(tmp_path)["general"]["not_counted"] == {}


def test_a_name_that_no_gold_label_has_is_an_error(bases: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"evaluate.rename: no span has the label place; .* LOC"):
        run(tmp_path, bases["own"], general_records(), evaluate__rename={"place": "LOC"})


def test_labels_that_are_too_rare_to_measure_are_named(
    bases: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    params = run(tmp_path, bases["own"], general_records())
    seen = data_of(tmp_path)["general"]
    nlp = spacy.load(bases["own"])
    found = [ent.label_ for x in general_records() for ent in nlp(x["text"]).ents]
    assert seen["found"] == {name: found.count(name) for name in ("LOC", "PERSON")}
    assert seen["texts"] == 10 and seen["is_all"] is True
    capsys.readouterr()
    check_data(params=params, base=bases["own"], output=tmp_path / "check")
    said = "Too rare in evaluate.general to say whether they are kept: "
    assert said in " ".join(capsys.readouterr().out.split())
    enough = [
        label(f"{i} {x['text']}") | {"spans": []} for i in range(8) for x in general_records()
    ]
    params = run(tmp_path / "b", bases["own"], enough)
    capsys.readouterr()
    check_data(params=params, base=bases["own"], output=tmp_path / "check")
    assert "Too rare" not in capsys.readouterr().out


def test_where_the_base_is_given_up_nothing_is_asked(
    bases: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    params = run(tmp_path, bases["own"], general_records(), training__strategy="replace")
    check_data(params=params, base=bases["own"], output=tmp_path / "check")
    assert "Too rare" not in capsys.readouterr().out


def test_of_much_text_the_beginning_is_looked_at(
    bases: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(tmp_path, bases["own"], general_records())
    monkeypatch.setattr(general_text, "LOOKED_AT", 9)
    seen = look_at_general(spacy.load(bases["own"]), tmp_path / "corpus/general", [])
    assert seen["texts"] == 9 and seen["is_all"] is False
    capsys.readouterr()
    general_text.warn_of_general(seen)
    printed = " ".join(capsys.readouterr().out.split())
    assert "in the first 9 texts of evaluate.general" in printed
