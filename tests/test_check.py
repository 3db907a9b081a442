"""What `check` says first: what the data is, and whether there is enough of each label."""

from pathlib import Path
from typing import Any

import pytest
import srsly

from scripts.intake.gather import take_labelled
from scripts.intake.lost_spans import FEW
from scripts.keeping.corpus import check_data
from scripts.reporting.overview import ENOUGH, ENOUGH_TO_TEST, FEW_TO_TEST, judge
from scripts.scoring.verdict import LEAST_SPANS
from tests.conftest import general_records, label, write_world

RECORDS: dict[str, list[dict[str, Any]]] = {
    "train": [
        *(label(f"The router {i} is on n18 .", ("n18", "BAND")) for i in range(FEW)),
        label("Nothing here ."),
        {"text": "Nobody has looked at this text of nine words ."},
    ],
    "dev": [label("It is on n18 .", ("n18", "BAND"))],
    "test": [
        *(label(f"Site {i} is on N18 .", ("N18", "BAND")) for i in range(FEW_TO_TEST - 1)),
        label("Another is on n28 .", ("n28", "BAND")),
        label("Alice met \x1b[2J Bob .", ("Alice", "PERSON"), ("Bob", "VERY_LONG_NAME_OF_A_LABEL")),
    ],
}


@pytest.fixture
def printed(
    bases: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    """The lines that a check of RECORDS prints."""
    params = write_world(tmp_path)
    for part, records in RECORDS.items():
        rows = [x | {"meta": {"doc": f"{part}-{i // 2}"}} for i, x in enumerate(records)]
        srsly.write_jsonl(tmp_path / "data" / f"{part}.jsonl", rows)
    check_data(params=params, base=bases["own"], output=tmp_path / "check")
    return capsys.readouterr().out.splitlines()


def cells(lines: list[str], name: str) -> list[str]:
    """The cells of the first row of that name, without the name."""
    row = next(line for line in lines if line.strip().startswith(name))
    return row.replace(name, "", 1).split()


def test_the_splits_are_described_before_anything_else(printed: list[str]) -> None:
    assert cells(printed, "train")[:2] == ["dev", "test"]
    wanted = {
        "documents": ["6", "1", "16"],
        "texts": ["11", "1", "31"],
        "without a span": ["9%", "0%", "0%"],
        "tokens": ["73", "5", "184"],
        "in a text, median": ["7", "5", "6"],
        "in the longest": ["7", "5", "6"],
        "spans": ["10", "1", "32"],
        # N18 of test is n18 of train: case does not count, as in data.json.
        "seen in train": ["100%", "91%"],
    }
    assert {name: cells(printed, name) for name in wanted} == wanted
    overview = next(i for i, line in enumerate(printed) if "seen in train" in line)
    records = next(i for i, line in enumerate(printed) if "records read" in line)
    assert overview < records


def test_each_label_has_a_verdict(printed: list[str]) -> None:
    assert cells(printed, "BAND") == ["10", "1", "30", "97%", "little", "little"]
    # The base knows it: nothing need be learned of it.
    assert cells(printed, "PERSON") == ["0", "0", "1", "the", "base's", "too", "few"]
    assert cells(printed, "VERY_LONG_NAME_OF_A…") == [
        "0",
        "0",
        "1",
        "0%",
        "too",
        "few",
        "too",
        "few",
    ]
    text = "\n".join(printed)
    assert "Too few spans to learn: VERY_LONG_NAME_OF_A…" in text
    assert "Too few spans to test: PERSON, VERY_LONG_NAME_OF_A…" in text
    assert "Every label" not in text


def test_it_fits_a_terminal_and_no_text_commands_it(printed: list[str], tmp_path: Path) -> None:
    # A path is never broken, and that of these files can be long.
    lines = [line.replace(str(tmp_path), "") for line in printed]
    assert max(map(len, lines)) <= 80 + len("\x1b[38;5;3m\x1b[0m")
    assert not any("\x1b[2J" in line for line in printed)


def test_general_text_that_is_rehearsed_is_read_once(
    bases: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = [*general_records(), {"text": "no", "spans": [{"start": 0, "end": 9, "label": "LOC"}]}]
    params = write_world(tmp_path, data__max_rejected=1)
    srsly.write_jsonl(tmp_path / "general.jsonl", broken)
    check_data(params=params, base=bases["own"], output=tmp_path / "check")
    assert len(list(srsly.read_jsonl(tmp_path / "check/rejected.jsonl"))) == 1
    assert "40 used, 1 rejected" in capsys.readouterr().out


def test_verdicts_begin_where_they_say() -> None:
    assert [judge(n, FEW, ENOUGH) for n in (0, FEW - 1, FEW, ENOUGH - 1, ENOUGH)] == [
        "too few",
        "too few",
        "little",
        "little",
        "enough",
    ]
    assert FEW_TO_TEST == LEAST_SPANS < ENOUGH_TO_TEST


def test_a_log_gets_no_progress_bars(
    bases: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check_data(params=write_world(tmp_path), base=bases["own"], output=tmp_path / "check")
    assert capsys.readouterr().err == ""


def test_what_was_understood_of_each_file_is_shown(printed: list[str]) -> None:
    text = " ".join(" ".join(printed).split())
    _, _, rest = text.partition("in 'spans'; texts: 11 train, of 6 ")
    assert rest.startswith("documents") and "The router 0 is on [n18](BAND) ." in rest
    assert text.index("in a text, median") < text.index("31 test, of 16 documents")


def test_every_span_is_accounted_for_by_label_and_reason(
    bases: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    params = write_world(tmp_path)
    (tmp_path / "data/README.md").touch()
    gear = [label(f"A router {i} .", ("router", "GEAR")) for i in range(FEW)]
    train = [*RECORDS["train"], *gear, label("Two routers up .", ("router", "GEAR"))]
    srsly.write_jsonl(tmp_path / "data/train.jsonl", train)
    check_data(params=params, base=bases["own"], output=tmp_path / "check")
    found = srsly.read_json(tmp_path / "check/findings.json")
    spans = found["spans"]
    # Half of the ten texts each of dev and test have a GEAR.
    left_out = {"off-boundary": 1}
    assert spans["labels"]["GEAR"] == {"read": 21, "used": 20, "left_out": left_out}
    assert spans["left_out"] == left_out and spans["read"] == spans["used"] + 1
    assert spans["read"] == sum(row["read"] for row in spans["labels"].values())
    printed = " ".join(capsys.readouterr().out.split())
    assert (
        f"{spans['read']} spans read: {spans['used']} used, 1 left out (off-boundary 1)" in printed
    )
    assert "No data, and passed over:" in printed
    assert found["passed_over"] == [str(tmp_path / "data/README.md")]
    page = (tmp_path / "check/findings.html").read_text(encoding="utf8")
    assert "What became of the spans" in page and "<td>off-boundary 1</td>" in page
    assert "[n18](BAND)" in page


def test_many_files_are_shown_by_folder(bases: dict[str, Path], tmp_path: Path) -> None:
    params = write_world(tmp_path)
    (tmp_path / "data/train.jsonl").unlink()
    (tmp_path / "data/train").mkdir()
    for i in range(12):
        record = label(f"The router {i} is on n18 .", ("n18", "BAND"))
        srsly.write_jsonl(tmp_path / f"data/train/{i}.jsonl", [record])
    (tmp_path / "out").mkdir()
    total = take_labelled(params, bases["own"], tmp_path / "out", 1)
    rows = {x.files.removeprefix(str(tmp_path)): (x.splits, x.first) for x in total.understood}
    wanted = ({"train": 12}, "The router 0 is on [n18](BAND) .")
    assert rows["/data/train (12 files)"] == wanted and len(rows) == 3
