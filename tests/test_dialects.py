"""Whatever form known spans are written in, they come back exactly, or the run refuses."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from scripts.exceptions import DataError, UnusableError
from scripts.intake.records import check_record
from tests.corpus import content
from tests.dialects import FILES, Drawn
from tests.reading import read


def outcome(drawn: Drawn, folder: Path) -> str:
    """Write a corpus and read it: `read`, `refused`, or in what way it is neither."""
    for path in folder.iterdir():
        path.unlink()
    for name, raw in drawn.files.items():
        (folder / name).write_bytes(raw)
    try:
        records = read(folder)
        for record in records:
            check_record(record)
    except (DataError, UnusableError):
        return "refused"
    wanted = [(text, sorted(spans)) for text, spans in drawn.expected]
    return "read" if content(records) == wanted else f"{content(records)} for {wanted}"


def try_many(folder: Path, draws: int) -> None:
    """Draw corpora, and demand that each is read exactly or refused, and four of five are read."""
    outcomes: Counter[tuple[str, str]] = Counter()

    @settings(max_examples=draws, deadline=None, suppress_health_check=list(HealthCheck),
              phases=[Phase.generate, Phase.shrink], database=None)  # fmt: skip
    @given(FILES)
    def attempt(drawn: Drawn) -> None:
        came = outcome(drawn, folder)
        outcomes[drawn.form, came] += 1
        assert came in ("read", "refused"), drawn.said

    attempt()
    for form in {form for form, _ in outcomes}:
        share = outcomes[form, "read"] / (outcomes[form, "read"] + outcomes[form, "refused"])
        assert share > (0.6 if form == "columns" else 0.9), outcomes


def test_spans_come_back_or_the_run_refuses(tmp_path: Path) -> None:
    try_many(tmp_path, 100)


@pytest.mark.slow
def test_spans_come_back_or_the_run_refuses_ten_thousand_times(tmp_path: Path) -> None:
    try_many(tmp_path, 10_000)
