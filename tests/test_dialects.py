"""Whatever form known spans are written in, they come back exactly, or the run refuses."""

import shutil
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from scripts.exceptions import DataError, UnusableError
from scripts.intake.records import check_record
from scripts.intake.splits import find_sources
from scripts.params import Data
from tests.conftest import world_values
from tests.corpus import content
from tests.dialects import FILES, Content, Drawn, Folder, folders
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


def outcome_of_folder(drawn: Folder, folder: Path) -> str:
    """Write a folder of splits and read it: `read`, `refused`, or in what way it is neither."""
    shutil.rmtree(folder)
    for name, raw in drawn.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(raw)
    found: dict[str, Content] = {}
    try:
        data = Data.model_validate(world_values(folder)["data"] | {"source": str(folder)})
        for file, _, part in find_sources(data)[0]:
            found.setdefault(part or "train", []).extend(content(read(file)))
    except (DataError, UnusableError):
        return "refused"
    wanted = {p: [(x, sorted(spans)) for x, spans in own] for p, own in drawn.expected.items()}
    return "read" if found == wanted else f"{found} for {wanted}"


def try_folders(folder: Path, draws: int) -> None:
    """Draw folders: each is read exactly or refused, and where a file is of no split, refused."""
    outcomes: Counter[tuple[bool, str]] = Counter()
    folder.mkdir()

    @settings(max_examples=draws, deadline=None, suppress_health_check=list(HealthCheck),
              phases=[Phase.generate, Phase.shrink], database=None)  # fmt: skip
    @given(folders())
    def attempt(drawn: Folder) -> None:
        came = outcome_of_folder(drawn, folder)
        outcomes[drawn.is_clear, came] += 1
        assert came in (("read", "refused") if drawn.is_clear else ("refused",)), drawn.said

    attempt()
    assert outcomes[True, "read"] > 0.7 * (outcomes[True, "read"] + outcomes[True, "refused"])


def test_spans_come_back_or_the_run_refuses(tmp_path: Path) -> None:
    try_many(tmp_path, 100)


@pytest.mark.slow
def test_spans_come_back_or_the_run_refuses_ten_thousand_times(tmp_path: Path) -> None:
    try_many(tmp_path, 10_000)


def test_every_split_comes_back_or_the_run_refuses(tmp_path: Path) -> None:
    try_folders(tmp_path / "data", 40)


@pytest.mark.slow
def test_every_split_comes_back_or_the_run_refuses_two_thousand_times(tmp_path: Path) -> None:
    try_folders(tmp_path / "data", 2_000)
