"""The summary says what was learned and kept, and what to type next."""

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.summary import main, summary


def figures(ents_f: float, right: int = 3, misses: int = 1, **per_label: Any) -> dict[str, Any]:
    counts = {"true_positives": right, "false_positives": 0, "misses": misses}
    return {"ents_p": ents_f, "ents_r": ents_f, "ents_f": ents_f, **counts, "per_label": per_label}


def scores(in_domain: bool = False) -> dict[str, Any]:
    base = {
        "new": figures(0.125, BAND=figures(0.0)),
        "kept": figures(0.875, LOC=figures(0.8), DATE=figures(0.0, 0, 0)),
    }
    tuned = {
        "new": figures(0.75, BAND=figures(0.625, 5, 2)),
        "kept": figures(0.84, 10, 7, LOC=figures(0.7), DATE=figures(0.0, 0, 0)),
    }
    if in_domain:
        base["kept_in_domain"], tuned["kept_in_domain"] = figures(0.5), figures(0.4375)
    return {"base": base, "tuned": tuned, "retention": 0.96}


def data(gold: bool = True, findings: dict[str, int] | None = None) -> dict[str, Any]:
    known = {"general_is_gold": gold, "findings": findings or {}}
    return known | {"dropped_labels": [], "rivals": {}}


def cells(text: str, start: str) -> list[str]:
    """What stands after `start` in the row that begins so."""
    (row,) = [line for line in text.splitlines() if line.startswith(start)]
    return row.removeprefix(start).split()


def test_rows_of_learned_and_kept_labels() -> None:
    text = summary(scores(), data(), [])
    assert cells(text, "Learned: all new labels") == ["0.125", "0.750", "+0.625", "4"]
    assert cells(text, "  BAND") == ["0.000", "0.625", "+0.625", "7"]
    assert cells(text, "Kept: the base's labels, general text") == [
        "0.875",
        "0.840",
        "-0.035",
        "17",
    ]
    assert cells(text, "  LOC") == ["0.800", "0.700", "-0.100", "4"]
    assert "Retention 0.960" in text


def test_labels_that_rival_the_base_are_named() -> None:
    rivals = data() | {"rivals": {"person": {"ORG": 0.25, "PERSON": 0.5}}}
    assert "person is often the base's ORG, PERSON" in summary(scores(), rivals, [])


def test_labels_that_were_given_up_are_named() -> None:
    dropped = data() | {"dropped_labels": ["LOC", "ORG"]}
    assert "no longer finds LOC, ORG" in summary(scores(), dropped, [])
    assert "no longer" not in summary(scores(), data(), [])


def test_a_kept_label_that_the_general_text_never_has_gets_no_row() -> None:
    assert "DATE" not in summary(scores(), data(), [])


def test_kept_labels_on_the_test_texts_have_a_row_where_they_were_measured() -> None:
    name = "Kept: the base's labels, your test texts"
    assert cells(summary(scores(in_domain=True), data(), []), name)[:2] == ["0.500", "0.438"]
    assert name not in summary(scores(), data(), [])


def test_agreement_is_not_called_a_score() -> None:
    assert "agreement" in summary(scores(), data(gold=False), [])
    assert "agreement" not in summary(scores(), data(gold=True), [])


def test_findings_are_counted_with_the_file_that_lists_them() -> None:
    text = summary(scores(), data(findings={"overlap": 2, "off-boundary": 3}), [])
    assert "5 findings in the data (overlap, off-boundary): corpus/findings.html" in text
    assert "findings.html" not in summary(scores(), data(), [])


def test_says_what_to_type() -> None:
    wheel = Path("packages/en_telecom-1.0.0-py3-none-any.whl")
    text = summary(scores(), data(), [wheel])
    assert f"pip install {wheel}" in text
    assert 'spacy.load("en_telecom")' in text
    assert "dvc exp run -S training.max_epochs=" in text
    assert "dvc metrics diff" in text
    assert "pip install" not in summary(scores(), data(), [])


def write(folder: Path, name: str, value: dict[str, Any]) -> None:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf8")


def test_the_command_prints_what_lies_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "metrics/scores.json", scores())
    write(tmp_path, "corpus/data.json", data())
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "en_tiny-1.0.0-py3-none-any.whl").touch()
    main()
    printed = capsys.readouterr().out
    assert "Learned: all new labels" in printed
    assert 'spacy.load("en_tiny")' in printed


@pytest.mark.parametrize("missing", ["metrics/scores.json", "corpus/data.json"])
def test_without_results_it_fails_and_says_how_to_get_them(
    missing: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "metrics/scores.json", scores())
    write(tmp_path, "corpus/data.json", data())
    (tmp_path / missing).unlink()
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 1
    printed = capsys.readouterr().out
    assert missing in printed
    assert "make run" in printed
