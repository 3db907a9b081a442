"""Folds: every text is tested once, and what all folds found is measured together."""

import csv
import sys
from pathlib import Path
from typing import Any

import pytest
import srsly

from scripts.exceptions import DataError
from scripts.experiments.folds import (
    conclude,
    experiments_of,
    own_result,
    pool,
    refuse_few,
    table_of,
)
from scripts.scoring.base_and_tuned import score_all
from scripts.scoring.rows import Row
from tests.conftest import write_world
from tests.standin import make_project, save, sh

# The stage of a project whose model finds n78 wherever it stands in a text with an even number. The
# split, and the scores, are the real ones.
STAGE = """
import json, pathlib
import srsly
from scripts.intake.ranks import rank_documents
from scripts.intake.splits import find_sources
from scripts.params import load_params
from scripts.scoring.base_and_tuned import score_all
data = load_params().data
parts = rank_documents(*find_sources(data), data, "")
rows = []
for record in srsly.read_jsonl("data/train.jsonl"):
    doc = record["meta"]["doc"]
    gold = [[s["start"], s["end"], s["label"]] for s in record["spans"]]
    row = {"doc": doc, "text": record["text"], "gold": gold, "unknown": [], "base": []}
    if parts[doc] == "test":
        rows.append({"part": "test", **row, "tuned": gold if int(doc) % 2 == 0 else []})
known = [[0, 3, "ORG"]]
rows.append({"part": "general", "doc": "news", "text": "IBM", "gold": known, "unknown": [],
             "base": known, "tuned": known})
about = {"labels": ["BAND"], "base_labels": ["ORG"], "spans": {"test": {"BAND": 1}}}
about["general_is_gold"] = True
pathlib.Path("metrics").mkdir(exist_ok=True)
with open("metrics/predictions.jsonl", "w") as file:
    file.writelines(json.dumps(row) + "\\n" for row in rows)
srsly.write_json("metrics/scores.json", score_all(rows, about, set()))
"""
GOLD = [[0, 3, "BAND"]]


def row(part: str, doc: str, gold: list, tuned: list, base: list | None = None) -> Row:
    return {
        "part": part,
        "doc": doc,
        "text": "n78 on",
        "gold": gold,
        "unknown": [],
        "base": base or [],
        "tuned": tuned,
    }


def fold_of(rows: list[Row], labels: list[str]) -> tuple[dict[str, Any], list[Row]]:
    """A fold with these rows, and its scores; labels: those that its model learned."""
    about: dict[str, Any] = {"labels": labels, "base_labels": ["ORG"], "spans": {"test": {}}}
    about["general_is_gold"] = True
    return score_all(rows, about, set()), rows


@pytest.fixture
def folds() -> list[tuple[dict[str, Any], list[Row]]]:
    """Two folds; one learned GEAR besides, and forgot a name of the base's."""
    known = [[0, 3, "ORG"]]
    first = [row("test", f"a{i}", GOLD, GOLD) for i in range(30)]
    second = [row("test", f"b{i}", GOLD, []) for i in range(10)]
    second += [row("test", "c", [[0, 3, "GEAR"]], [[0, 3, "GEAR"]])]
    return [
        fold_of([*first, row("general", "news", known, known, known)], ["BAND"]),
        fold_of([*second, row("general", "news", known, [], known)], ["BAND", "GEAR"]),
    ]


def test_folds_are_measured_together(folds: list) -> None:
    everything = pool(folds)
    assert everything.documents == 41
    counts = {key: everything.new[key] for key in ("true_positives", "false_positives", "misses")}
    assert counts == {"true_positives": 31, "false_positives": 0, "misses": 10}
    assert everything.new["ents_f"] == round(62 / 72, 4)
    assert everything.new["ents_f_low"] < 62 / 72 < everything.new["ents_f_high"]
    assert set(everything.new["per_label"]) == {"BAND", "GEAR"}
    # Half of the names that the base finds, in both folds together: F is 2/3.
    assert everything.kept["retention"] == pytest.approx(0.6667)


def test_table_has_each_fold_then_all_then_each_label(folds: list) -> None:
    own = [own_result(f"{i}/2", scores) for i, (scores, _) in enumerate(folds, 1)]
    rows = table_of(own, pool(folds))
    names = [(x["fold"], x["label"], x["documents"], x["entities"]) for x in rows]
    assert names == [
        ("1/2", "all", 30, 30),
        ("2/2", "all", 11, 11),
        ("all", "all", 41, 41),
        ("all", "BAND", 41, 40),
        ("all", "GEAR", 41, 1),
    ]
    assert [x["retention"] for x in rows] == [1.0, 0.0, pytest.approx(0.6667), "", ""]
    assert [x["retention_by"] for x in rows] == ["gold", "gold", "gold", "", ""]


def test_conclusion_says_when_little_was_learned_or_even_all_texts_are_too_few(folds: list) -> None:
    everything = pool(folds)
    assert "0.861" in conclude(everything) and conclude(everything).endswith("learn from it.")
    wide = everything.new | {"ents_f_low": 0.6, "ents_f_high": 0.9}
    assert "Even all texts are too few" in conclude(everything._replace(new=wide))
    little = everything.new | {"ents_f": 0.1}
    assert "Little learned" in conclude(everything._replace(new=little))


def write_texts(project: Path, number: int) -> None:
    """Replace the project's data by so many labelled texts, each a document."""
    span = {"start": 0, "end": 3, "label": "BAND"}
    records = [
        {"text": f"n78 at mast {i}", "spans": [span], "meta": {"doc": str(i)}}
        for i in range(number)
    ]
    (project / "data/texts").unlink()
    srsly.write_jsonl(project / "data/train.jsonl", records)
    (project / "standin.py").write_text(STAGE, encoding="utf8")
    sh(project, sys.executable, "-m", "dvc", "add", "--quiet", "data")
    save(project, "")


FOLDS = (sys.executable, "-m", "scripts.folds", "metrics/folds.csv")


@pytest.mark.slow
def test_the_command_tests_every_text_once(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    write_texts(project, 40)
    printed = sh(project, *FOLDS, "--folds", "2")
    assert "F of the new labels 0.667" in printed
    with (project / "metrics/folds.csv").open(encoding="utf8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(x["fold"], x["label"], x["documents"]) for x in rows] == [
        ("1/2", "all", "20"),
        ("2/2", "all", "20"),
        ("all", "all", "40"),
        ("all", "BAND", "40"),
    ]
    assert len({x["made_of"] for x in rows}) == 1
    # Its own table does not keep it from running again, and nothing is run twice.
    before = sh(project, "git", "for-each-ref", "refs/exps")
    sh(project, *FOLDS, "--folds", "2")
    assert sh(project, "git", "for-each-ref", "refs/exps") == before


def test_too_few_documents_are_refused(tmp_path: Path) -> None:
    params = write_world(tmp_path)
    refuse_few(params, 5)
    with pytest.raises(DataError, match="6 folds need as many documents"):
        refuse_few(params, 6)


def test_each_fold_is_an_experiment_of_the_commit() -> None:
    assert experiments_of("abc1234", 2) == {
        "folds-abc1234-1of2": {"data.fold": "1/2"},
        "folds-abc1234-2of2": {"data.fold": "2/2"},
    }
