"""What is tested here holds for the demo: it is left out where the data are a user's own."""

from pathlib import Path

import pytest

from scripts.params import load_params
from tests.conftest import ROOT

DEMO = "assets/telecom"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if load_params(ROOT / "params.yaml").data.source == DEMO:
        return
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=f"data.source is not {DEMO}"))
