"""Commits are compared without running anything, on the texts that they share, and as said."""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import srsly

from scripts.compare import main
from scripts.exceptions import RevisionError
from scripts.provenance.comparison import (
    compare_documents,
    compare_labels,
    compare_revisions,
    pair_rows,
)
from scripts.provenance.differences import differences, flatten
from scripts.reporting.comparison import as_markdown

STAGES = """
stages:
  evaluate:
    cmd: >-
      {python} shutil_copy.py
    deps: [source.jsonl]
    outs:
      - metrics/predictions.jsonl
"""
COPY = "import shutil; shutil.copyfile('source.jsonl', 'metrics/predictions.jsonl')"


def text_row(number: int, right: bool, part: str = "test", **changes: Any) -> dict[str, Any]:
    """A text with one entity, which the tuned model finds or not."""
    label = "BAND" if part == "test" else "LOC"
    gold = [[0, 3, label]]
    row = {"part": part, "doc": f"d{number}", "text": f"n78 is | `up` {number}", "gold": gold}
    return row | {"unknown": [], "base": [], "tuned": gold if right else []} | changes


def rows_of(found: int, texts: int = 40) -> list[dict[str, Any]]:
    """Texts of both parts; the tuned model finds the entity in the first ones of test."""
    return [text_row(i, i < found) for i in range(texts)] + [
        text_row(i, True, "general") for i in range(10)
    ]


def sh(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write_state(folder: Path, rows: list[dict[str, Any]], ratio: float) -> None:
    """A run's results, in the workspace."""
    srsly.write_jsonl(folder / "source.jsonl", rows)
    (folder / "params.yaml").write_text(f"rehearsal:\n  ratio: {ratio}\n", encoding="utf8")
    block: dict[str, Any] = {
        "new": {"per_label": {"BAND": {}}},
        "kept": {"per_label": {"LOC": {}, "ORG": {}}},
    }
    (folder / "metrics").mkdir(exist_ok=True)
    retention = {"retention": ratio} | ({"retention_by": "agreement"} if ratio == 1 else {})
    srsly.write_json(folder / "metrics/scores.json", {"tuned": block} | retention)
    sh(folder, sys.executable, "-m", "dvc", "repro", "--quiet")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two commits, the first one tagged, and a workspace that is better than both."""
    folder = tmp_path_factory.mktemp("project")
    sh(folder, "git", "init", "--quiet", "--initial-branch", "main")
    sh(folder, "git", "config", "user.name", "Test")
    sh(folder, "git", "config", "user.email", "test@localhost")
    sh(folder, sys.executable, "-m", "dvc", "init", "--quiet")
    (folder / "shutil_copy.py").write_text(COPY, encoding="utf8")
    (folder / "dvc.yaml").write_text(
        STAGES.format(python=shlex.quote(sys.executable)), encoding="utf8"
    )
    for found, ratio, tag in ((10, 0.5, "first"), (30, 1.0, "second")):
        write_state(folder, rows_of(found), ratio)
        sh(folder, "git", "add", "--all")
        sh(folder, "git", "commit", "--quiet", "--message", tag)
        sh(folder, "git", "tag", tag)
    sh(folder, "git", "update-ref", "refs/exps/ab/cdef/tired-name", "first")
    write_state(folder, [*rows_of(32)[3:], text_row(99, True)], 1.0)
    return folder


@pytest.fixture
def here(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(project)
    return project


def line_of(result: dict[str, Any], measured: str, label: str) -> dict[str, Any]:
    (row,) = [x for x in result["rows"] if (x["measured"], x["label"]) == (measured, label)]
    return row


@pytest.mark.parametrize("first", ["first", "HEAD~1", "tired-name"])
def test_two_commits(here: Path, first: str) -> None:
    result = compare_revisions(first, "second")
    assert result["notes"] == []
    row = line_of(result, "new", "all")
    assert (row["before"], row["after"]) == (0.4, 0.8571)
    assert row["difference"] == 0.4571
    assert 0 < row["low"] < 0.4571 < row["high"] and row["p"] < 0.001
    kept = line_of(result, "kept", "LOC")
    assert (kept["difference"], kept["p"]) == (0, 1)
    assert [(x["measured"], x["label"]) for x in result["rows"]] == [
        ("new", "all"),
        ("new", "BAND"),
        *(("kept", label) for label in ("all", "LOC", "ORG")),
        *(("agreement", label) for label in ("all", "LOC", "ORG")),
    ]
    assert (len(result["better"]), len(result["worse"])) == (20, 0)
    assert result["params"] == [{"key": "rehearsal.ratio", "before": 0.5, "after": 1.0}]
    # Older results do not say what retention is of.
    assert result["retention"] == {"before": "0.500", "after": "1.000 by agreement"}
    assert [x["path"] for x in result["data"]] == ["source.jsonl"]
    back = compare_revisions("second", first)
    assert line_of(back, "new", "all")["difference"] == -0.4571
    assert (len(back["better"]), len(back["worse"])) == (0, 20)


def test_the_workspace_against_the_last_commit_on_what_both_have(here: Path) -> None:
    result = compare_revisions()
    assert (result["before"], result["after"]) == ("HEAD", "workspace")
    (note,) = result["notes"]
    assert "37 are compared" in note and "40 before and 38 after" in note
    assert len(result["better"]) == 2
    assert result["params"] == []


def test_nothing_is_run_and_nothing_changed(here: Path) -> None:
    before = sh(here, "git", "status", "--porcelain")
    compare_revisions("first")
    assert sh(here, "git", "status", "--porcelain") == before


def test_what_is_not_there_is_said(here: Path, tmp_path: Path) -> None:
    with pytest.raises(
        RevisionError, match="no tag, branch, experiment or commit named nowhere here"
    ):
        compare_revisions("nowhere")
    with pytest.raises(RevisionError, match="named frist here; did you mean first"):
        compare_revisions("frist")
    cache = here / ".dvc" / "cache"
    cache.rename(tmp_path / "cache")
    try:
        with pytest.raises(
            RevisionError, match=r"first has no metrics/predictions.jsonl.*dvc fetch"
        ):
            compare_revisions("first")
    finally:
        (tmp_path / "cache").rename(cache)


def test_every_way_to_show_it(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main("first", "second", md=False, as_json=False)
    shown = capsys.readouterr().out
    assert "BAND (new)" in shown and "better" in shown and "rehearsal.ratio: 0.5 → 1.0" in shown
    assert "and 10 more" in shown
    main("first", "second", md=True, as_json=False)
    markdown = capsys.readouterr().out
    assert "| all (new) | 0.400 | 0.857 | +0.457 |" in markdown
    main("first", "second", md=False, as_json=True)
    assert json.loads(capsys.readouterr().out) == compare_revisions("first", "second")
    with pytest.raises(SystemExit) as left:
        main("nowhere", "second", md=False, as_json=False)
    assert left.value.code == 1


def test_why_there_is_no_comparison_can_be_posted(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main("now`here", "second", md=True, as_json=False)
    assert left.value.code == 1
    reason = (
        "There is no comparison: `There is no tag, branch, experiment or commit named now'here "
    )
    assert capsys.readouterr().out.startswith(reason)


def test_the_same_comparison_has_the_same_figures(here: Path) -> None:
    assert compare_revisions("first", "second") == compare_revisions("first", "second")


def test_text_is_no_markup_in_markdown() -> None:
    texts = [{"part": "test", "doc": "d", "text": "`</code>` | <b>", "change": 1}]
    result: dict[str, Any] = {"before": "a", "after": "b", "notes": [], "rows": []}
    result |= {"params": [], "data": [], "retention": {"before": "1.000", "after": "unknown"}}
    markdown = as_markdown(result | {"better": texts, "worse": []})
    assert "- `+1 test d: '</code>' | <b>`" in markdown


# Parts


def test_agreement_is_with_the_base_that_each_model_had() -> None:
    """Before, both found the name; after, another base finds it and its model does not."""
    name = [[0, 3, "LOC"]]
    before, after = (
        [text_row(i, False, "general", base=name, tuned=tuned) for i in range(20)]
        for tuned in (name, [])
    )
    rows, _ = pair_rows(before, after)
    for row in compare_labels(rows, "agreement", ["LOC"]):
        assert (row["before"], row["after"], row["difference"]) == (1, 0, -1)
    # What gold says is of no matter.
    others = [row | {"gold": [], "unknown": [[0, 9]]} for row in rows]
    assert compare_labels(others, "agreement", ["LOC"])[0]["difference"] == -1
    other, _ = pair_rows(before, [row | {"base": []} for row in after])
    (all_labels, _) = compare_labels(other, "agreement", ["LOC"])
    assert (all_labels["before"], all_labels["after"]) == (1, 0)


def test_rows_are_paired_by_text_and_gold() -> None:
    before = [text_row(0, True), text_row(1, True), text_row(2, True), *general()]
    after = [
        text_row(0, False),
        text_row(1, True, gold=[[0, 3, "GEAR"]]),
        text_row(2, False, unknown=[[0, 3]]),
        text_row(3, True),
        *general(),
    ]
    rows, notes = pair_rows(before, after)
    assert [row["text"] for row in rows if row["part"] == "test"] == [before[0]["text"]]
    assert (rows[0]["before"], rows[0]["after"]) == ([[0, 3, "BAND"]], [])
    assert len(notes) == 1


def general() -> list[dict[str, Any]]:
    return [text_row(0, True, "general")]


def test_the_same_text_twice_is_two_pairs() -> None:
    rows, notes = pair_rows(
        [text_row(0, True)] * 2 + general(), [text_row(0, False)] * 2 + general()
    )
    assert len(rows) == 3 and notes == []


def test_test_sets_without_a_common_text_are_refused() -> None:
    with pytest.raises(RevisionError, match="no text of test in common"):
        pair_rows([text_row(0, True), *general()], [text_row(1, True), *general()])


def test_revisions_without_general_text_are_compared_on_the_test_set() -> None:
    rows, notes = pair_rows([text_row(0, False)], [text_row(0, True)])
    assert len(rows) == 1 and notes == []


def test_general_text_of_one_revision_alone_cannot_be_compared() -> None:
    with pytest.raises(RevisionError, match="no text of general in common"):
        pair_rows([text_row(0, True)], [text_row(0, True), *general()])


def test_texts_get_better_or_worse_by_right_minus_wrong() -> None:
    gold = [[0, 3, "A"], [4, 7, "B"]]
    row = {"part": "test", "doc": "d", "text": "aaa bbb ccc", "gold": gold, "unknown": []}
    cases: list[tuple[list, list, int]] = [
        ([], gold, 4),
        (gold, gold[:1], -2),
        (gold, [*gold, [8, 11, "A"]], -1),
        (gold[:1], gold[1:], 0),
    ]
    for before, after, change in cases:
        found = compare_documents([row | {"before": before, "after": after}], {"A", "B"})
        changes = [x["change"] for x in (*found["better"], *found["worse"])]
        assert changes == ([change] if change else [])


def test_nested_values_are_named_with_dots() -> None:
    old, new = flatten({"a": {"b": 1, "c": {}}}), flatten({"a": {"b": 2}, "d": [1]})
    assert differences(old, new, "key") == [
        {"key": "a.b", "before": 1, "after": 2},
        {"key": "a.c", "before": {}, "after": None},
        {"key": "d", "before": None, "after": [1]},
    ]
