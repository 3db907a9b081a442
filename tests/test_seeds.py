"""Settings are compared by an exact permutation test, with the runs of one commit."""

import itertools
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from scripts.exceptions import ExperimentError
from scripts.experiments.arguments import parse_setting
from scripts.experiments.learning_curve import advice, plot_learning
from scripts.experiments.seed_comparison import judge, summarize
from scripts.experiments.tables import collect
from scripts.provenance.revisions import git
from scripts.scoring.chance import permutation_p


def test_settings_are_keys_and_values() -> None:
    assert parse_setting("") == {}
    assert parse_setting("training.dropout=0.3 data.rename={a: b}".replace(": ", ":")) == {
        "training.dropout": 0.3,
        "data.rename": {"a": "b"},
    }
    for wrong in ("training.dropout", "=3", "training.dropout=", "data.rename={"):
        with pytest.raises(typer.BadParameter):
            parse_setting(wrong)


def test_p_is_the_share_of_deals_that_are_as_extreme() -> None:
    assert permutation_p([1, 2, 3, 4], [5, 6, 7, 8]) == 2 / 70
    assert permutation_p([1, 2], [1, 2]) == 1
    assert permutation_p([0.0], [1.0]) == 1


@given(
    st.lists(st.integers(0, 5), min_size=2, max_size=3),
    st.lists(st.integers(0, 5), min_size=2, max_size=3),
)
def test_p_is_that_of_every_order_tried(first: list[int], second: list[int]) -> None:
    def gap(values: tuple[int, ...]) -> float:
        one, two = values[: len(first)], values[len(first) :]
        return abs(sum(one) / len(one) - sum(two) / len(two))

    orders = list(itertools.permutations([*first, *second]))
    expected = sum(gap(x) >= gap((*first, *second)) - 1e-12 for x in orders) / len(orders)
    assert permutation_p([*map(float, first)], [*map(float, second)]) == pytest.approx(expected)


def rows(setting: str, *values: float) -> list[dict]:
    return [
        {"setting": setting, "seed": i, "new_f": x, "kept_f": 0.5, "retention": 1.0}
        for i, x in enumerate(values)
    ]


def test_settings_that_differ_are_told_from_those_that_may_not() -> None:
    found = judge([*rows("", 0.6, 0.61, 0.62, 0.63), *rows("a=1", 0.7, 0.71, 0.72, 0.73)])
    assert found[0] == "new_f, params.yaml → a=1: +0.1000, p = 0.029: differs"
    assert found[1].endswith("p = 1.000: could be chance")
    few = judge([*rows("", 0.6, 0.61, 0.62), *rows("a=1", 0.7, 0.71, 0.72)])
    assert "3 seeds can never tell" in few[0]
    assert judge(rows("", 0.6, 0.7)) == []


def test_mean_and_spread_of_every_setting() -> None:
    lines = summarize([*rows("", 0.6, 0.8), *rows("a=1", 0.5)])
    assert lines[0][:3] == ("params.yaml", "2", "0.7000 ± 0.1414")
    assert lines[1][:3] == ("a=1", "1", "0.5000 ± 0.0000")


@pytest.mark.parametrize(
    ("difference", "p", "helps"), [(0.05, 0.01, True), (0.05, 0.2, False), (-0.05, 0.01, False)]
)
def test_more_annotation_helps_where_the_last_step_did(
    difference: float, p: float, helps: bool
) -> None:
    text = advice({"difference": difference, "p": p})
    assert ("likely to help" in text) == helps


def test_the_learning_curve_has_its_points_and_names_the_commit() -> None:
    rows = [{"share": x, "new_f": x / 2, "low": x / 3, "high": x} for x in (0.25, 1.0)]
    svg = plot_learning(rows, "abc1234")
    for text in ("experiments of abc1234", "share of train's documents", "F of the new labels"):
        assert text in svg
    assert svg.startswith("<svg") and plot_learning(rows, "abc1234") == svg


# Experiments


def save(text: str) -> str:
    """Commit metrics/scores.json with this text; return the commit's hash."""
    Path("metrics").mkdir(exist_ok=True)
    Path("metrics/scores.json").write_text(text, encoding="utf8")
    git("add", "--all")
    author = ("-c", "user.name=Test", "-c", "user.email=test@localhost")
    git(*author, "commit", "--quiet", "--message", "state")
    return git("rev-parse", "HEAD").strip()


def test_points_are_those_of_the_commit_that_they_began_with(here: Path) -> None:
    git("init", "--quiet")
    # An experiment is a commit under a name that DVC gives it.
    first, made = (save(f'{{"retention": {share}}}') for share in (0.8, 0.95))
    git("update-ref", f"refs/exps/{first[:2]}/{first[2:]}/learning-0.5", made)
    names = ["learning-0.5"]
    assert collect(first[:7], names, {"kept": "retention"}) == [{"kept": 0.95}]
    for commit, wanted in ((first[:7], [*names, "learning-1.0"]), (made[:7], [*names, "other"])):
        with pytest.raises(ExperimentError, match=r"\d of 2 points have no result: .*(1.0|other)"):
            collect(commit, wanted, {"kept": "retention"})
