"""The pictures and tables that the README shows are those of what this commit holds."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas
import pytest
import srsly

from scripts.experiments.arguments import parse_setting
from scripts.experiments.charts import plot_frontier, plot_parameters
from scripts.experiments.declaration import Sweep, load_sweep
from scripts.experiments.ingredients import hash_of, ingredients_here
from scripts.experiments.presentation import DECLARED, PICTURES, TABLE, pictures_in
from scripts.params import load_params
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def shipped_sweep() -> Sweep:
    return load_sweep(DECLARED, load_params())


def varied(name: str) -> Iterable[str]:
    """The keys that the experiments of a table vary."""
    if name == "sweep":
        return shipped_sweep().keys
    if name == "seeds":
        setting = srsly.read_yaml("project.yml")["vars"]["setting"]
        return {*parse_setting(setting), "training.seed"}
    return ["data.train_share"]


def test_the_summary_has_every_figure_and_interval_of_the_last_run() -> None:
    scores = srsly.read_json("metrics/scores.json")
    picture = Path("docs/summary.svg").read_text(encoding="utf8").replace("&#160;", " ")
    figures = [scores["retention"], scores["retention_low"], scores["retention_high"]]
    for block in scores["tuned"].values():
        figures += [block[key] for key in ("ents_f", "ents_f_low", "ents_f_high")]
    figures += [block["ents_f"] for block in scores["base"].values()]
    for figure in figures:
        assert f"{figure:.3f}" in picture, "make document"


def test_the_comparison_in_the_readme_has_the_figures_of_the_last_run() -> None:
    new = srsly.read_json("metrics/scores.json")["tuned"]["new"]
    readme = Path("README.md").read_text(encoding="utf8")
    shown = dict(re.findall(r"^(\w+) \(new\) +(\d\.\d+) +\d", readme, re.MULTILINE))
    figures = {"all": new, **new["per_label"]}
    assert "all" in shown
    assert shown == {label: f"{figures[label]['ents_f']:.3f}" for label in shown}, (
        "python -m scripts.compare HEAD, and the name of the experiment with half of train"
    )


def test_the_photograph_is_that_of_the_page_in_dvc_lock() -> None:
    (page,) = srsly.read_yaml("dvc.lock")["stages"]["report"]["outs"]
    noted = re.search(rb"tEXtpage\0([0-9a-f]{32})", Path("docs/report.png").read_bytes())
    assert noted and noted[1].decode() == page["md5"], "make document"


@pytest.mark.parametrize(
    "name", [x for x in ("sweep", "seeds", "learning") if (ROOT / f"metrics/{x}.csv").exists()]
)
def test_a_table_of_experiments_was_made_of_what_is_here(name: str) -> None:
    rows: list[dict[str, Any]] = pandas.read_csv(f"metrics/{name}.csv").to_dict("records")
    made_of = hash_of(ingredients_here(), varied(name))
    assert {row.get("made_of") for row in rows} == {made_of}, f"weasel run {name}"


def test_the_pictures_of_the_sweep_are_those_of_its_table() -> None:
    if not TABLE.exists():
        assert not any(path.exists() for path in pictures_in(PICTURES))
        return
    sweep = shipped_sweep()
    rows: list[dict[str, Any]] = pandas.read_csv(TABLE, keep_default_na=False).to_dict("records")
    drawn = plot_frontier(rows, sweep.keys), plot_parameters(rows, sweep, {})
    kept = tuple(path.read_text(encoding="utf8") for path in pictures_in(PICTURES))
    assert kept == drawn, "weasel run trials"
