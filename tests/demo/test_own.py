"""The tests of the code hold in a project that is a user's own; those of the demo are skipped."""

from pathlib import Path
from typing import Any

import pytest
import srsly

from tests.projects import commit, copy_project, sh

OTHER: dict[str, dict[str, Any]] = {
    "base": {"model": "en_core_web_sm-3.8.0-py3-none-any.whl", "component": "entities"},
    "data": {
        "source": "../tickets",
        "format": "csv",
        "max_rejected": 5,
        "rename": {"person": "PERSON"},
        "unlabelled": "outside",
        "dev": 0.3,
        "test": 0.4,
    },
    "rehearsal": {"text": "../own.jsonl", "ratio": 0},
    "training": {"strategy": "update", "max_epochs": 50, "batch_size": 8, "gpu_id": 0},
    "evaluate": {"general": "../own.jsonl", "min_retention": 0},
    "package": {"name": "ticket_ner", "version": "2.1.0rc1", "author": "A. B."},
}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this project with other values all over params.yaml, and without results."""
    folder = copy_project(tmp_path_factory.mktemp("own") / "project")
    params = srsly.read_yaml(folder / "params.yaml")
    for section, values in OTHER.items():
        params[section] |= values
    srsly.write_yaml(folder / "params.yaml", params)
    sh(folder, "git", "rm", "-r", "--quiet", "metrics", "training")
    commit(folder)
    return folder


def outcome(folder: Path, *paths: str) -> str:
    """Run tests in a project, and return the last line of what pytest says."""
    done = sh(folder, "python", "-m", "pytest", "-q", "-m", "not slow", *paths)
    return done.stdout.splitlines()[-1]


def test_what_holds_for_the_demo_alone_is_skipped(own: Path) -> None:
    assert "skipped" in (said := outcome(own, "tests/demo/test_data.py")) and "passed" not in said


@pytest.mark.slow
def test_the_tests_that_read_values_pass(own: Path) -> None:
    names = ("fetch", "kernels", "package", "params", "project", "safe", "sweep", "workflows")
    assert "passed" in outcome(own, *(f"tests/test_{name}.py" for name in names))
