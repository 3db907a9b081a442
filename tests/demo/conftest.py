"""What is tested here holds for the demo: it is left out where the data are a user's own."""

from pathlib import Path

import pytest

from scripts.exceptions import ParamsError
from scripts.params import load_params
from tests.conftest import ROOT

DEMO = "assets/telecom"


def has_demo() -> bool:
    """Whether the project learns from the demo's data."""
    try:
        return load_params(ROOT / "params.yaml").data.source == DEMO
    except ParamsError:  # tests/test_params.py says what is wrong
        return False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if has_demo():
        return
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=f"data.source is not {DEMO}"))
