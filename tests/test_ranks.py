"""Shares that hold where documents are few, and folds in which each document is tested once."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import spacy
import srsly
from hypothesis import given
from hypothesis import strategies as st

from scripts.exceptions import DataError
from scripts.intake.gather import take_labelled
from scripts.intake.ranks import (
    FEW_DOCUMENTS,
    cut_groups,
    find_lone_document,
    rank_documents,
    sizes_of,
)
from scripts.intake.records import name_text
from scripts.intake.splits import choose_split, find_sources
from scripts.keeping.corpus import check_data
from scripts.params import Data
from tests.conftest import write_world

SHARES = {"test": 0.2, "dev": 0.1}


def text_of(number: int, spans: bool = True) -> dict[str, Any]:
    """A text that is a document of its own."""
    text = f"n78 is on at mast {number} ."
    return {"text": text, "spans": [{"start": 0, "end": 3, "label": "BAND"}] if spans else []}


def data_in(folder: Path, records: list[dict[str, Any]], **changes: Any) -> Data:
    """Write records as train.jsonl into a new folder; return the section data that reads them.

    changes: other values of the section.
    """
    (folder / "own").mkdir(parents=True)
    srsly.write_jsonl(folder / "own/train.jsonl", records)
    values = {"source": str(folder / "own"), "dev": 0.1, "test": 0.2} | changes
    return write_world(folder, **{f"data__{key}": value for key, value in values.items()}).data


def parts_of(data: Data) -> dict[str, str]:
    """The part of each document, all of which are few."""
    sources, shares = find_sources(data)
    ranked = rank_documents(sources, shares, data, find_lone_document(sources, data.unlabelled))
    assert ranked is not None
    return ranked


def test_forty_texts_are_split_as_asked(tmp_path: Path) -> None:
    parts = parts_of(data_in(tmp_path, [text_of(i) for i in range(40)]))
    assert Counter(parts.values()) == {"train": 28, "dev": 4, "test": 8}


def test_of_the_few_texts_with_spans_every_split_gets_its_share(tmp_path: Path) -> None:
    records = [text_of(i, spans=i % 4 == 0) for i in range(40)]
    params = write_world(tmp_path / "w", data__source=str(tmp_path / "own"), data__dev=0.1)
    data = data_in(tmp_path, records)
    parts = parts_of(data)
    assert Counter(parts.values()) == {"train": 28, "dev": 4, "test": 8}
    spacy.blank("en").to_disk(tmp_path / "base")
    (tmp_path / "corpus").mkdir()
    total = take_labelled(params, tmp_path / "base", tmp_path / "corpus", 1)
    spans = {part: len(names) for (part, _), names in total.mentions.items()}
    assert total.split == "rank" and spans == {"train": 7, "dev": 1, "test": 2}
    assert not total.found["no-spans"]


@given(st.integers(3, FEW_DOCUMENTS), st.floats(0.01, 0.49), st.floats(0.01, 0.49))
def test_each_split_has_one_and_the_nearest_number(number: int, test: float, dev: float) -> None:
    sizes = sizes_of(number, {"test": test, "dev": dev})
    assert min(sizes.values()) >= 1 and sum(sizes.values()) < number
    if number > 200:
        assert abs(sizes["test"] - number * test) <= 1 and abs(sizes["dev"] - number * dev) <= 1


@pytest.mark.parametrize("dev", [0.1, 0.2])
def test_a_new_document_moves_at_most_one_of_each_kind_across_each_border(
    tmp_path: Path, dev: float
) -> None:
    records = [text_of(i, spans=i % 4 == 0) for i in range(90)]
    random.Random(0).shuffle(records)
    order = ["test", "dev", "train"]
    kinds = {name_text(record["text"]): bool(record["spans"]) for record in records}
    before = parts_of(data_in(tmp_path / "40", records[:40], dev=dev))
    moves = 0
    for number in range(41, 90):
        after = parts_of(data_in(tmp_path / str(number), records[:number], dev=dev))
        moved = [(kinds[x], before[x], after[x]) for x in before if before[x] != after[x]]
        assert all(abs(order.index(a) - order.index(b)) == 1 for _, a, b in moved)
        borders = [(kind, frozenset((a, b))) for kind, a, b in moved]
        assert len(set(borders)) == len(borders)
        before, moves = after, moves + len(moved)
    assert moves


def test_order_of_records_moves_nothing(tmp_path: Path) -> None:
    records = [text_of(i) for i in range(40)]
    before = parts_of(data_in(tmp_path / "a", records))
    random.Random(0).shuffle(records)
    assert parts_of(data_in(tmp_path / "b", records)) == before


def test_rejected_records_take_no_place(tmp_path: Path) -> None:
    wrong = [{"text": " " * i} for i in range(1, 30)]
    parts = parts_of(data_in(tmp_path, [text_of(i) for i in range(10)] + wrong))
    assert Counter(parts.values()) == {"train": 7, "dev": 1, "test": 2}


def test_from_a_thousand_documents_on_the_hash_alone_decides(tmp_path: Path) -> None:
    records = [text_of(i) for i in range(FEW_DOCUMENTS)]
    few = data_in(tmp_path / "few", records[:-1])
    many = data_in(tmp_path / "many", records)
    assert rank_documents(*find_sources(many), many, "") is None
    parts = parts_of(few)
    same = sum(choose_split(doc, SHARES, few.seed) == part for doc, part in parts.items())
    # So few move when the data grows over the border.
    assert same / len(parts) > 0.95


def test_where_every_split_has_its_file_nothing_is_read_twice(tmp_path: Path) -> None:
    data = write_world(tmp_path).data
    assert rank_documents(*find_sources(data), data, "") is None


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_a_share_of_train_holds_too_and_is_a_part_of_any_larger_one(
    tmp_path: Path, share: float
) -> None:
    records = [text_of(i, spans=i % 4 == 0) for i in range(40)]
    whole = parts_of(data_in(tmp_path / "whole", records))
    parts = parts_of(data_in(tmp_path / "part", records, train_share=share))
    larger = parts_of(data_in(tmp_path / "larger", records, train_share=share + 0.1))
    learned, more = ({x for x in p if p[x] == "train"} for p in (parts, larger))
    assert len(learned) == pytest.approx(28 * share, abs=1) and learned < more
    assert {x: "train" if part == "spare" else part for x, part in parts.items()} == whole


def test_check_prints_the_split_and_what_moves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own").mkdir()
    srsly.write_jsonl(tmp_path / "own/train.jsonl", [text_of(i) for i in range(40)])
    spacy.blank("en").to_disk(tmp_path / "base")
    params = write_world(tmp_path, data__source=str(tmp_path / "own"), data__dev=0.1)
    (tmp_path / "check").mkdir()
    check_data(params=params, base=tmp_path / "base", output=tmp_path / "check")
    printed = " ".join(capsys.readouterr().out.split())
    assert "28 train, 4 dev, 8 test" in printed and "can move others between splits" in printed
    params = write_world(tmp_path / "files")
    check_data(params=params, base=tmp_path / "base", output=tmp_path / "check")
    assert "can move others" not in capsys.readouterr().out


# Folds


@pytest.mark.parametrize(("number", "folds"), [(4, 2), (5, 5), (40, 5), (41, 3), (999, 10)])
def test_every_document_is_tested_on_in_one_fold(number: int, folds: int, tmp_path: Path) -> None:
    records = [text_of(i, spans=i % 4 == 0 or number < 40) for i in range(number)]
    tested: Counter[str] = Counter()
    for fold in range(1, folds + 1):
        data = data_in(tmp_path / str(fold), records, fold=f"{fold}/{folds}")
        parts = parts_of(data)
        counts = Counter(parts.values())
        assert len(parts) == number and counts["train"] and counts["dev"]
        assert counts["test"] == pytest.approx(number / folds, abs=2)
        tested.update(doc for doc, part in parts.items() if part == "test")
    assert len(tested) == number and set(tested.values()) == {1}


def test_of_many_documents_too_each_is_tested_on_once() -> None:
    names = [f"{random.Random(i).getrandbits(60):x}-a" for i in range(3_000)]
    shares = {"test": 1 / 3, "dev": 0.1}
    splits = [[choose_split(name, shares, 0, (fold, 3)) for fold in (1, 2, 3)] for name in names]
    assert all(own.count("test") == 1 for own in splits)
    for fold in range(3):
        counts = Counter(own[fold] for own in splits)
        assert counts["test"] == pytest.approx(1_000, abs=90)
        assert counts["dev"] == pytest.approx(300, abs=60)


def test_a_given_dev_stays_dev_and_a_given_test_takes_no_part(tmp_path: Path) -> None:
    data = write_world(tmp_path, data__fold="1/5").data
    sources, shares = find_sources(data)
    assert [(path.name, part) for path, _, part in sources] == [
        ("train.jsonl", None),
        ("dev.jsonl", "dev"),
    ]
    assert shares == {"test": 0.2}
    assert Counter(parts_of(data).values()) == {"train": 4, "test": 1}


def test_too_few_documents_for_the_folds_are_refused(tmp_path: Path) -> None:
    data = data_in(tmp_path, [text_of(i, spans=i < 4) for i in range(40)], fold="1/5")
    with pytest.raises(DataError, match=r"5 folds need as many documents with spans.*there are 4"):
        parts_of(data)


def test_cuts_of_both_groups_together_hold_the_shares() -> None:
    groups = [[f"a{i}" for i in range(9)], [f"b{i}" for i in range(31)]]
    assert Counter(cut_groups(groups, SHARES, None).values()) == {"train": 28, "dev": 4, "test": 8}
