"""The summary says what was learned and kept in ten lines, and what to type next."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.reporting.summary import REPORT, SCORES, as_text, summary
from scripts.storage.dvc import hash_path
from scripts.summary import main
from tests.conftest import ROOT
from tests.evaluations import agreed, summary_data, summary_scores
from tests.projects import sh


def text_of(
    scores: dict[str, Any],
    data: dict[str, Any],
    comparison: dict[str, Any] | None = None,
    wheels: tuple[Path, ...] = (),
) -> str:
    return as_text(summary(scores, data, comparison, list(wheels)))


def test_what_was_learned_and_kept_with_intervals() -> None:
    text = text_of(summary_scores(), summary_data())
    assert "F 0.125 → 0.750 (0.700 to 0.800) on 70 entities in 38 documents" in text
    assert "GEAR 0.40, BAND 0.30; found of names in train 0.91, of others 0.48" in text
    assert "F 0.875 → 0.840 (0.790 to 0.890) on general text" in text
    assert "retention 0.960 (0.940 to 0.980) by gold, agreement with the base 0.910" in text


def test_of_many_labels_the_best_and_the_worst_are_named() -> None:
    assert "LINK 0.80, CELL 0.70, ..., GEAR 0.40, BAND 0.30" in text_of(
        summary_scores(labels=6), summary_data()
    )


def test_it_is_ten_lines() -> None:
    row = {"label": "all", "difference": 0.01, "p": 0.2}
    rows = [row | {"measured": key} for key in ("new", "kept")]
    comparison = {"rows": rows, "better": [{}] * 3, "worse": [{}]}
    wheel = Path("packages/en_telecom-1.0.0-py3-none-any.whl")
    text = text_of(summary_scores(in_domain=True), summary_data(), comparison, (wheel,))
    assert len(text.splitlines()) <= 10
    assert "new F +0.010 (p 0.200), kept F +0.010 (p 0.200); 3 texts better, 1 worse" in text
    assert "Since HEAD" not in text_of(summary_scores(), summary_data())


def test_labels_that_rival_the_base_are_named() -> None:
    rivals = summary_data() | {"rivals": {"person": {"ORG": 0.25, "PERSON": 0.5}}}
    assert "person is often the base's ORG, PERSON" in text_of(summary_scores(), rivals)


def test_labels_that_were_given_up_are_named() -> None:
    dropped = summary_data() | {"dropped_labels": ["LOC", "ORG"]}
    assert "no longer finds LOC, ORG" in text_of(summary_scores(), dropped)
    assert "no longer" not in text_of(summary_scores(), summary_data())


def test_kept_labels_on_the_test_texts_have_a_line_where_they_were_measured() -> None:
    line = "F 0.500 → 0.440 (0.390 to 0.490) of the base's labels in your test texts"
    assert line in text_of(summary_scores(in_domain=True), summary_data())
    assert "in your test texts" not in text_of(summary_scores(), summary_data())


def test_retention_says_what_it_is_of() -> None:
    """Where gold covers few labels of the base, it is agreement, and gold stands beside it."""
    scores = summary_scores() | {"retention_by": "agreement"}
    text = text_of(scores, summary_data())
    assert "retention 0.960 (0.940 to 0.980): agreement with the base on general text" in text
    assert "F 0.875 → 0.840 (0.790 to 0.890) by gold, on LOC, ORG" in text
    assert "by gold" not in text_of(scores | {"gold": None}, summary_data())
    unknown = text_of(scores | {"retention": None}, summary_data())
    assert "retention unknown: the base finds nothing" in unknown


def test_what_became_of_the_base_in_the_test_texts_has_a_line_where_much_did() -> None:
    def said(f: float | None, **data: Any) -> str:
        more = {"agreement_in_domain": agreed(f, ["LOC", "ORG"])}
        return text_of(summary_scores() | more, summary_data() | data)

    line = (
        "agreement with the base in your test texts 0.949: of 40 entities 4 lost, 3 relabelled, "
        "5 gained, 2 moved; least: LOC 0.95, ORG 0.95"
    )
    assert line in said(0.949)
    assert "in your test texts" not in said(0.95) + said(None)
    assert "in your test texts" not in said(0.1, dropped_labels=["LOC"])


def test_what_the_general_text_cannot_say_stands_in_the_verdict() -> None:
    scores = summary_scores()
    scores["agreement"]["per_label"]["LAW"] = agreed(None, [], true_positives=0, misses=0)
    scores["gold"]["not_counted"] = {"LOC": {"GPE": 0.374}}
    text = text_of(scores, summary_data())
    assert "too rare in evaluate.general to say whether they are kept: LAW (0)" in text
    assert "evaluate.rename: {LOC: GPE}, if they mean the same" in text
    given_up = text_of(scores, summary_data() | {"dropped_labels": ["LAW"]})
    assert "too rare" not in given_up and "evaluate.rename" not in given_up


def test_findings_are_counted_with_the_file_that_lists_them() -> None:
    text = text_of(summary_scores(), summary_data(findings={"overlap": 2, "off-boundary": 3}))
    assert "5 findings (overlap, off-boundary): corpus/findings.html" in text
    assert "findings.html" not in text_of(summary_scores(), summary_data())


def test_says_what_to_type() -> None:
    wheel = Path("packages/en_telecom-1.0.0+31f1c006-py3-none-any.whl")
    text = text_of(summary_scores(), summary_data(), None, (wheel,))
    assert f"pip install {wheel}" in text
    # Without a mark of its content, pip would take it for the one that is installed.
    unmarked = Path("packages/en_telecom-1.0.0-py3-none-any.whl")
    text_without = text_of(summary_scores(), summary_data(), None, (unmarked,))
    assert f"pip install --force-reinstall --no-deps {unmarked}" in text_without
    assert 'spacy.load("en_telecom")' in text
    assert "dvc exp run -S training.max_epochs=" in text
    assert "weasel run compare" in text and str(REPORT) in text
    assert "pip install" not in text_of(summary_scores(), summary_data())


def write(folder: Path, name: str, value: Any) -> None:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf8")


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the results of a run, and with no commit, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    sh(tmp_path, "git", "init", "--quiet")
    sh(tmp_path, "dvc", "init", "--quiet")
    write(tmp_path, "metrics/scores.json", summary_scores())
    write(tmp_path, "corpus/data.json", summary_data())
    return tmp_path


def test_the_command_prints_what_lies_in_the_folder(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (results / "packages").mkdir()
    (results / "packages" / "en_tiny-1.0.0-py3-none-any.whl").touch()
    main()
    printed = capsys.readouterr().out
    assert "Learned" in printed and 'spacy.load("en_tiny")' in printed
    assert "Not compared with the last commit" in printed


def test_a_page_of_other_scores_is_not_passed_off_as_theirs(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main()
    assert "report.html is not there, or shows another" in capsys.readouterr().out
    md5 = hash_path(SCORES)[0]
    REPORT.write_text(f"<code>{md5}</code>", encoding="utf8")
    main()
    assert "shows another" not in capsys.readouterr().out
    write(results, "metrics/scores.json", summary_scores(labels=3))
    main()
    printed = " ".join(capsys.readouterr().out.split())
    assert "shows another evaluation: dvc repro report" in printed


def test_only_what_is_newer_than_the_last_look_is_looked_at(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main()
    assert "Not compared" in capsys.readouterr().out
    # From now on, dvc.lock says that something else was made.
    entry = {"cmd": "x", "outs": [{"path": "metrics/scores.json", "hash": "md5", "md5": "0" * 32}]}
    write(results, "dvc.lock", {"schema": "2.0", "stages": {"evaluate": entry}})
    main()
    assert "Not compared" not in capsys.readouterr().out
    later = SCORES.stat().st_mtime + 5
    os.utime(SCORES, (later, later))
    with pytest.raises(SystemExit):
        main()
    printed = " ".join(capsys.readouterr().out.split())
    assert "metrics/scores.json is not what dvc.lock says: weasel run all makes it" in printed
    assert "python -m scripts.mend lists what is damaged" in printed


@pytest.mark.parametrize("missing", ["metrics/scores.json", "corpus/data.json"])
def test_without_results_it_fails_and_says_how_to_get_them(
    missing: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "metrics/scores.json", summary_scores())
    write(tmp_path, "corpus/data.json", summary_data())
    (tmp_path / missing).unlink()
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 1
    printed = capsys.readouterr().out
    assert missing in printed
    assert "make run" in printed


def test_it_starts_without_what_only_a_new_result_needs() -> None:
    heavy = "dvc numpy spacy srsly"
    code = f"import sys, scripts.summary; print(*set('{heavy}'.split()) & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert done.stdout.split() == []
