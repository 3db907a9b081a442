"""A sweep: its declaration is checked before any work, its trials run once, its results shown."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pandas
import pytest
import srsly
from dvc.utils.hydra import apply_overrides
from hypothesis import given
from hypothesis import strategies as st

from scripts.exceptions import ExperimentError, ParamsError
from scripts.experiments.arguments import as_hydra
from scripts.experiments.charts import plot_frontier, plot_parameters
from scripts.experiments.declaration import Range, Sweep, load_sweep
from scripts.experiments.naming import Changes, name_of, short_names
from scripts.experiments.presentation import pictures_in, write_sweep
from scripts.experiments.repository import clean_commit, git
from scripts.experiments.results import keeps_enough, mark_best, ranked
from scripts.experiments.search import Result, open_study, search
from scripts.params import Params, value_of, with_values
from tests.conftest import world_values

KEYS = ["training.strategy", "rehearsal.ratio"]


def point(new_f: float, retention: float) -> dict:
    row = {"strategy": "extend", "ratio": 0.5, "new_f": new_f, "retention": retention}
    return row | {"name": "sweep-abc1234-0123456789"}


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


def test_picture_has_a_mark_and_an_amount_for_each_point_and_names_the_commit() -> None:
    rows = mark_best([point(0.6, 0.8) | {"ratio": 0.25}, point(0.5, 0.9) | {"ratio": 7.5}])
    svg = plot_frontier(rows, KEYS)
    for text in ("New labels against retention", "abc1234", ">0.25<", ">7.5<", "extend"):
        assert text in svg
    assert plot_frontier(rows, KEYS) == svg


# The declaration


def declare(folder: Path, values: Any) -> Path:
    path = folder / "sweep.yaml"
    srsly.write_yaml(path, values)
    return path


@pytest.fixture
def params() -> Params:
    world = Params.model_validate(world_values(Path()))
    return with_values(world, {"evaluate.min_retention": 0.95})


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"grid": {"training.droput": [0.1]}}, "training.droput"),
        ({"grid": {"trainning.dropout": [0.1]}}, "trainning"),
        ({"grid": {"training": [0.1]}}, "grid.training"),
        ({"grid": {"dropout": [0.1]}}, "a key has its section before it"),
        ({"grid": {"training.dropout": [0.1, 1.0]}}, "training.dropout: must be below 1.0"),
        ({"grid": {"training.dropout": ["0.1"]}}, "training.dropout"),
        ({"grid": {"training.max_epochs": [1.5]}}, "training.max_epochs"),
        ({"grid": {"training.dropout": []}}, "grid.training.dropout"),
        ({"grid": {"rehearsal.ratio": [0, 0.0]}}, "rehearsal.ratio: 0.0 is listed twice"),
        ({"grid": {"data.rename": [{}]}}, "data.rename"),
        ({"grid": {"training.seed": [1]}, "trials": 3}, "a grid has none"),
        ({"grid": {}}, "grid"),
        ({}, "give grid or search"),
        ({"grid": {"training.seed": [1]}, "search": {"training.seed": [1]}}, "one of the two"),
        ({"search": {"training.seed": [1]}}, "a search needs trials"),
        ({"grid": {"training.seed": [1]}, "jobs": 3}, "jobs: not a parameter"),
        ({"search": {"training.dropout": {"low": 0.3, "high": 0.1}}, "trials": 1}, "low is above"),
        (
            {"search": {"training.dropout": {"low": 0.0, "high": 1.0}}, "trials": 1},
            "must be below 1",
        ),
        ({"search": {"training.seed": {"low": 0, "high": 9.5}}, "trials": 1}, "training.seed"),
        (
            {"search": {"training.seed": {"low": 0, "high": 9, "step": 0.5}}, "trials": 1},
            "training.seed: step must be whole",
        ),
        (
            {"search": {"rehearsal.ratio": {"low": 0, "high": 1, "log": True}}, "trials": 1},
            "log needs a low above 0",
        ),
        (
            {"search": {"training.strategy": {"low": 0, "high": 1}}, "trials": 1},
            "training.strategy",
        ),
    ],
)
def test_what_is_wrong_is_named_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], params: Params, values: Any, named: str
) -> None:
    with pytest.raises((ParamsError, SystemExit)) as refused:
        load_sweep(declare(tmp_path, values), params)
    message = " ".join(f"{capsys.readouterr().out} {refused.value}".split())
    assert "sweep.yaml" in message and named in message


def test_values_get_the_type_of_their_key(tmp_path: Path, params: Params) -> None:
    ways = {"rehearsal.ratio": {"low": 0, "high": 2}, "training.batch_size": {"low": 8, "high": 32}}
    sweep = load_sweep(declare(tmp_path, {"search": ways, "trials": 3}), params)
    assert sweep.search is not None
    ratio, size = sweep.search.values()
    assert isinstance(ratio, Range) and isinstance(ratio.low, float)
    assert isinstance(size, Range) and isinstance(size.low, int)
    assert value_of(with_values(params, {"training.seed": 7}), "training.seed") == 7


# Values


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"])))
def test_any_text_comes_through_as_it_is(text: str) -> None:
    path = Path("params.yaml")
    with pytest.MonkeyPatch.context() as patch:
        written: dict[str, Any] = {}
        patch.setattr("dvc.utils.serialize.MODIFIERS", {".yaml": lambda _: Holder(written)})
        apply_overrides(path, [f"s.key={as_hydra(text)}"])
    assert written["s"]["key"] == text


class Holder:
    """Stands in for params.yaml: overrides are written to `values` and to no file."""

    def __init__(self, values: dict) -> None:
        self.values = values
        values["s"] = {"key": ""}

    def __enter__(self) -> dict:
        return self.values

    def __exit__(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    "value",
    ["null", "1e-3", "true", "a,b", "\\${x}", "${data.seed}", "it's \\' \\", 5e-05, 0, 1.0, True],
)
def test_any_value_comes_through_in_a_file(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("s:\n  key: x\n", encoding="utf8")
    apply_overrides(path, [f"s.key={as_hydra(value)}"])
    found = srsly.read_yaml(path)["s"]["key"]
    assert found == value and type(found) is type(value)


def test_a_name_is_that_of_commit_and_values() -> None:
    name = name_of("sweep", "abc1234", {"a.b": 1.0, "c.d": "x"})
    assert name == name_of("sweep", "abc1234", {"c.d": "x", "a.b": 1.0})
    others = ({"a.b": 1, "c.d": "x"}, {"a.b": 1.0}, {"a.b": "1.0", "c.d": "x"})
    assert len({name, *(name_of("sweep", "abc1234", x) for x in others)}) == 4


# The commit


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Git repository of one commit, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("a: 1\n", encoding="utf8")
    git("init", "--quiet")
    git("add", "--all")
    author = ("-c", "user.name=Test", "-c", "user.email=test@localhost")
    git(*author, "commit", "--quiet", "--message", "state")
    return tmp_path


def test_the_commit_is_that_of_head_where_nothing_differs(repository: Path) -> None:
    assert clean_commit() == git("rev-parse", "HEAD")[:7]


def test_what_the_sweep_wrote_is_no_change(repository: Path) -> None:
    (repository / "docs").mkdir()
    written = [Path("metrics.csv"), Path("docs/trials.svg")]
    for path in written:
        path.touch()
    assert clean_commit(written)
    with pytest.raises(ExperimentError, match=r"differs from it: docs/trials.svg\."):
        clean_commit(written[:1])


def test_files_that_differ_from_the_commit_are_named(repository: Path) -> None:
    (repository / "params.yaml").write_text("a: 2\n", encoding="utf8")
    (repository / "a note").touch()
    with pytest.raises(ExperimentError, match=r"differs from it: a note, params.yaml\."):
        clean_commit()
    git("mv", "--force", "params.yaml", "z.yaml")
    (repository / "b").touch()
    with pytest.raises(ExperimentError, match=r": a note, b, params.yaml and 1 more\."):
        clean_commit()


# The search


def made_up_result(setting: Changes) -> Result:
    """A made-up result: a dropout of 0.3 is best, and the strategy `update` forgets too much."""
    return 1 - abs(setting["training.dropout"] - 0.3), 0.1 * (
        setting["training.strategy"] == "update"
    )


class KilledError(Exception):
    pass


def run_search(folder: Path, jobs: int, *, trials: int = 13, kill: int = 99) -> list[Changes]:
    """The settings that a search runs, until it is killed before a batch.

    kill: so many trials are run first.
    """
    ways: dict[str, Any] = {
        "training.dropout": Range(low=0.0, high=0.9),
        "training.strategy": ["extend", "update"],
        "training.batch_size": Range(low=8, high=32, step=8),
    }
    storage = str(folder / "study.journal")
    sweep = Sweep(search=ways, trials=trials, seed=1, storage=storage)
    ran: list[Changes] = []

    def run(settings: list[Changes]) -> list[Result | None]:
        if len(ran) >= kill:
            raise KilledError
        ran.extend(settings)
        return [made_up_result(setting) for setting in settings]

    with contextlib.suppress(KilledError):
        assert search(sweep=sweep, commit="abc1234", jobs=jobs, run=run)
    return ran


def test_a_search_goes_on_where_it_died_with_the_same_trials(tmp_path: Path) -> None:
    whole = run_search(tmp_path / "whole", 3)
    assert len(whole) == 13 and len({json.dumps(x, sort_keys=True) for x in whole}) == 13
    first = run_search(tmp_path / "parts", 3, kill=6)
    assert first == whole[:6]
    assert run_search(tmp_path / "parts", 3) == whole[6:]
    assert run_search(tmp_path / "parts", 3) == []
    assert len(run_search(tmp_path / "parts", 3, trials=15)) == 2


def test_a_search_looks_where_enough_is_kept(tmp_path: Path) -> None:
    late = run_search(tmp_path, 1, trials=30)[15:]
    assert sum(x["training.strategy"] == "extend" for x in late) > len(late) / 2


def test_a_study_can_be_kept_in_a_database(tmp_path: Path) -> None:
    ways: dict[str, Any] = {"training.dropout": Range(low=0.0, high=0.9)}
    sweep = Sweep(search=ways, trials=1, storage=f"sqlite:///{tmp_path / 'study.db'}")
    search(sweep=sweep, commit="abc1234", jobs=1, run=lambda settings: [(0.5, 0.0)])
    assert [trial.value for trial in open_study(sweep, "abc1234").trials] == [0.5]


def test_a_trial_that_failed_comes_again_and_the_others_are_kept(tmp_path: Path) -> None:
    ways: dict[str, Any] = {"training.dropout": Range(low=0.0, high=0.9)}
    storage = str(tmp_path / "study.journal")
    sweep = Sweep(search=ways, trials=6, storage=storage)
    bad: list[Changes] = []

    def run(settings: list[Changes]) -> list[Result | None]:
        results: list[Result | None] = [(x["training.dropout"], 0.0) for x in settings]
        if not bad:
            bad.append(settings[1])
            results[1] = None
        return results

    assert not search(sweep=sweep, commit="abc1234", jobs=2, run=run)
    again: list[Changes] = []

    def mended(settings: list[Changes]) -> list[Result | None]:
        again.extend(settings)
        return [(x["training.dropout"], 0.0) for x in settings]

    assert search(sweep=sweep, commit="abc1234", jobs=2, run=mended)
    assert again == bad

    stopped: list[int] = []

    def broken(settings: list[Changes]) -> list[Result | None]:
        stopped.append(len(settings))
        return [None] * len(settings)

    assert not search(sweep=sweep, commit="def5678", jobs=2, run=broken)
    assert stopped == [2]


# What is shown


def trial(value: float, retention: float, kept: str, **values: Any) -> dict[str, Any]:
    row = {"new_f": value, "retention": retention, "kept": kept, "best": ""}
    return row | {"name": f"sweep-abc1234-{value}"} | values


def test_the_best_are_those_that_keep_enough() -> None:
    rows = [trial(0.9, 0.5, "no"), trial(0.7, 0.96, "yes"), trial(0.8, 0.95, "yes")]
    order = ranked(rows, Sweep(grid={"training.seed": [1]}))
    assert [row["new_f"] for row in order] == [0.8, 0.7, 0.9]


def test_what_is_kept_is_what_the_gate_lets_through(params: Params) -> None:
    def kept(gold: float | None, agreement: float | None, strategy: str = "extend") -> bool:
        found = {"gold.retention": gold, "agreement.ents_f": agreement}
        return keeps_enough(found | {"training.strategy": strategy}, params)

    assert kept(0.95, 0.95) and kept(None, 0.95) and kept(0.1, 0.1, "replace")
    assert not kept(0.9499, 0.99) and not kept(0.99, 0.9499) and not kept(None, None)
    params = with_values(params, {"evaluate.min_retention": 0.0})
    assert kept(None, None)


def test_the_table_is_enough_to_draw_the_pictures_again(tmp_path: Path) -> None:
    sweep = Sweep(grid={"training.strategy": ["extend"], "rehearsal.ratio": [0.0, 0.5]})
    rows = mark_best([point(0.6123, 0.8) | {"kept": "no"}, point(0.5, 0.9) | {"kept": "yes"}])
    write_sweep(rows, sweep, tmp_path / "sweep.csv", tmp_path)
    table: list[dict[str, Any]]
    table = pandas.read_csv(tmp_path / "sweep.csv", keep_default_na=False).to_dict("records")
    frontier, parameters = (path.read_text(encoding="utf8") for path in pictures_in(tmp_path))
    assert plot_frontier(table, sweep.keys) == frontier
    assert plot_parameters(table, sweep, {}) == parameters


def test_each_parameter_has_its_pictures() -> None:
    ways: dict[str, Any] = {
        "training.strategy": ["extend", "update"],
        "training.learn_rate": Range(low=0.0001, high=0.01, log=True),
        "data.seed": [1, 2],
        "training.seed": [1, 2],
    }
    names = short_names(list(ways))
    assert list(names.values()) == ["strategy", "learn_rate", "data.seed", "training.seed"]
    values = {"strategy": "extend", "learn_rate": 0.001, "data.seed": 1, "training.seed": 2}
    rows = [trial(0.6, 0.9, "no", **values), trial(0.5, 0.97, "yes", **values)]
    svg = plot_parameters(rows, Sweep(search=ways, trials=2), {"training.learn_rate": 0.624})
    for text in ("training.strategy", "training.learn_rate (62% of the differences)", "abc1234"):
        assert text in svg
    assert "0.001, 1, 2" in plot_frontier(rows, list(ways))
