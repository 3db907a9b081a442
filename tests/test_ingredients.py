"""Results are told from those of other data, another base or other values."""

from pathlib import Path
from typing import Any

import pytest
import srsly

from scripts.exceptions import ExperimentError
from scripts.experiments.ingredients import (
    hash_of,
    ingredients_here,
    ingredients_of,
    refuse_others,
    what_differs,
)
from scripts.experiments.tables import add_origin
from scripts.storage.dvc import hash_path
from tests.conftest import write_world
from tests.projects import commit, sh

BASE = {"path": "training/base", "md5": "base-1"}


def write_lock(folder: Path, **changes: Any) -> None:
    """Write a dvc.lock that has what lies in the folder. changes: other entries of the stages."""
    params = srsly.read_yaml(folder / "params.yaml")
    deps = [{"path": x, "md5": hash_path(folder / x)[0]} for x in ("data", "general.jsonl")]
    stages = {
        "fetch": {"outs": [BASE], "params": {"params.yaml": {"base": params["base"]}}},
        "preprocess": {"deps": deps},
        # Experiments do not package: what this stage read was there before.
        "package": {"deps": [{"path": "data", "md5": "older"}]},
    }
    srsly.write_yaml(folder / "dvc.lock", {"stages": stages | changes})


@pytest.fixture
def project(here: Path) -> Path:
    """A repository of one commit, whose dvc.lock has what lies there."""
    write_world(here, data__source="data", evaluate__general="general.jsonl")
    params = srsly.read_yaml(here / "params.yaml")
    params["rehearsal"]["text"] = "general.jsonl"
    srsly.write_yaml(here / "params.yaml", params)
    write_lock(here)
    sh(here, "git", "init", "--quiet")
    for key, value in (("user.name", "Test"), ("user.email", "test@localhost")):
        sh(here, "git", "config", key, value)
    commit(here)
    return here


def differ(*keys: str) -> list[str]:
    return what_differs(ingredients_of("HEAD"), ingredients_here(), keys)


def change(project: Path, section: str, key: str, value: Any) -> None:
    params = srsly.read_yaml(project / "params.yaml")
    params[section][key] = value
    srsly.write_yaml(project / "params.yaml", params)


def test_what_a_commit_was_made_of_is_here(project: Path) -> None:
    assert differ() == []
    there, here = ingredients_of("HEAD"), ingredients_here()
    assert there == here and hash_of(there, []) == hash_of(here, [])
    assert here.content["data"] == hash_path(project / "data")[0]


def test_other_data_is_named_before_anything_was_run_with_it(project: Path) -> None:
    (project / "data/train.jsonl").unlink()
    assert differ() == ["data"]
    assert hash_of(ingredients_here(), []) != hash_of(ingredients_of("HEAD"), [])


@pytest.mark.parametrize(
    ("section", "key", "value", "named"),
    [
        ("training", "max_epochs", 3, ["training.max_epochs"]),
        ("data", "rename", {"person": "PERSON"}, ["data.rename", "data.rename.person"]),
        ("base", "model", "another", ["base.model"]),
        ("package", "version", "2.0.0", []),
        ("evaluate", "min_retention", 0.5, []),
    ],
)
def test_values_that_figures_depend_on_are_named(
    project: Path, section: str, key: str, value: Any, named: list[str]
) -> None:
    change(project, section, key, value)
    assert differ() == named
    assert differ(f"{section}.{key}") == []


def test_another_base_of_the_same_name_is_seen_when_it_was_laid_out(project: Path) -> None:
    params = {"params.yaml": {"base": srsly.read_yaml("params.yaml")["base"]}}
    other = {"outs": [BASE | {"md5": "base-2"}], "params": params}
    write_lock(project, fetch=other)
    assert differ() == ["training/base"]
    # Of a base that was never laid out here nothing is known but its name.
    (project / "dvc.lock").unlink()
    assert differ() == []


def test_the_hash_is_that_of_what_is_not_varied(project: Path) -> None:
    before = hash_of(ingredients_here(), ["training.seed"])
    change(project, "training", "seed", 7)
    assert hash_of(ingredients_here(), ["training.seed"]) == before
    assert hash_of(ingredients_here(), []) != hash_of(ingredients_of("HEAD"), [])


def test_finished_experiments_of_other_data_are_no_results(project: Path) -> None:
    sh(project, "git", "update-ref", "refs/exps/aa/bb/seeds-1", "HEAD")
    refuse_others({"seeds-1": {}}, "refs/exps/aa/bb/")
    (project / "data/train.jsonl").unlink()
    with pytest.raises(ExperimentError, match=r"than is here: data\. .*dvc exp remove seeds-1$"):
        refuse_others({"seeds-1": {}}, "refs/exps/aa/bb/")


def test_rows_of_the_same_experiment_have_the_same_origin(project: Path) -> None:
    head = sh(project, "git", "rev-parse", "HEAD").stdout.strip()
    sh(project, "git", "update-ref", f"refs/exps/{head[:2]}/{head[2:]}/seeds-1", "HEAD")
    run = ("seeds-1", {"training.seed": 0})
    first, second = add_origin([{"row": 1}, {"row": 2}], head[:7], [run, run])
    assert first["made_of"] == second["made_of"] == hash_of(ingredients_here(), ["training.seed"])
