"""A sweep marks the points that no other one beats, and draws them as DVC does."""

import json

import pytest

from scripts.charts import TEMPLATE, TITLE, draw
from scripts.trials import mark_best
from tests.conftest import ROOT

KEYS = ["training.strategy", "rehearsal.ratio"]


def point(new_f: float, retention: float) -> dict:
    return {"strategy": "extend", "ratio": 0.5, "new_f": new_f, "retention": retention}


def best(*points: dict) -> list[bool]:
    return [bool(row["best"]) for row in mark_best(list(points))]


def test_what_is_beaten_in_both_is_not_among_the_best() -> None:
    assert best(point(0.6, 0.9), point(0.5, 0.8)) == [True, False]


def test_what_wins_in_one_measure_is_among_the_best() -> None:
    assert best(point(0.6, 0.8), point(0.5, 0.9)) == [True, True]


def test_a_draw_in_one_measure_is_decided_by_the_other() -> None:
    assert best(point(0.6, 0.8), point(0.6, 0.9)) == [False, True]
    assert best(point(0.6, 0.9), point(0.5, 0.9)) == [True, False]


def test_equal_points_are_all_among_the_best() -> None:
    assert best(point(0.6, 0.9), point(0.6, 0.9)) == [True, True]


def test_picture_has_a_mark_and_an_amount_for_each_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    rows = mark_best([point(0.6, 0.8) | {"ratio": 0.25}, point(0.5, 0.9) | {"ratio": 7.5}])
    svg = draw(rows, KEYS)
    for text in (TITLE, ">0.25<", ">7.5<", "extend"):
        assert text in svg
    assert draw(rows, KEYS) == svg


def test_plots_of_dvc_have_what_the_picture_has() -> None:
    text = (ROOT / TEMPLATE).read_text(encoding="utf8")
    assert json.loads(text)["data"] == {"values": "<DVC_METRIC_DATA>"}
    assert f"title: {TITLE}\n" in (ROOT / "dvc.yaml").read_text(encoding="utf8")
