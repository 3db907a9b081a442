"""What a second run gives is compared with the commit's dvc.lock, and differences are explained."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import srsly

from scripts.provenance.rerun import Output, changed_files, explain, list_outputs
from scripts.reproduce import compare, main

ENVIRONMENT = {"libc": "glibc 2.36", "versions": {"numpy": "2.4.6", "spacy": "3.8.18"}}


def lock(**outputs: str) -> dict[str, Any]:
    """A dvc.lock in which the stage s_x writes x, with these hashes."""
    return {
        "stages": {
            f"s_{path}": {"outs": [{"path": path, "md5": md5}]} for path, md5 in outputs.items()
        }
    }


def git(*command: str) -> None:
    who = ["-c", "user.name=Test", "-c", "user.email=test@localhost"]
    subprocess.run(["git", *who, *command], check=True)


@pytest.fixture
def again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a second run, beside a repository with one commit."""
    project, folder = tmp_path / "project", tmp_path / "again"
    for path in (project, folder):
        (path / "training").mkdir(parents=True)
        srsly.write_yaml(path / "dvc.lock", lock(model="1", scores="2"))
        srsly.write_json(path / "training/environment.json", ENVIRONMENT)
    monkeypatch.chdir(project)
    git("init", "--quiet", ".")
    git("add", ".")
    git("commit", "--quiet", "--message", "state")
    return folder


def test_the_same_bits_are_said_to_be_the_same(
    again: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare("HEAD", again)
    assert "All 2 outputs of HEAD are the same" in capsys.readouterr().out


def test_other_bits_are_named_with_what_may_be_why(
    again: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    srsly.write_yaml(again / "dvc.lock", lock(model="3", scores="2"))
    other = ENVIRONMENT | {"libc": "musl 1.2"}
    srsly.write_json(again / "training/environment.json", other)
    assert not compare("HEAD", again)
    output = capsys.readouterr().out
    assert "1 of 2 outputs differ, first in s_model" in output
    assert "libc: glibc 2.36 → musl 1.2" in output and "numpy" not in output


def test_a_difference_without_a_reason_is_not_given_one() -> None:
    text = json.dumps(ENVIRONMENT)
    assert explain(text, text) == [
        "The environments are the same in all that is recorded: this difference should not be."
    ]
    assert "not known" in explain(None, text)[0]
    newer = json.dumps(ENVIRONMENT | {"versions": {"numpy": "2.5.0", "spacy": "3.8.18"}})
    assert explain(text, newer) == ["versions.numpy: 2.4.6 → 2.5.0"]


def test_outputs_of_one_side_alone_differ() -> None:
    assert list_outputs(lock(a="1", b="2"), lock(b="2", c="3")) == [
        Output("s_a", "a", "1", None),
        Output("s_b", "b", "2", "2"),
        Output("s_c", "c", None, "3"),
    ]


def test_the_package_that_an_experiment_did_not_build_is_not_compared() -> None:
    made = {"stages": {"package": {"outs": [{"path": "packages", "md5": "1.dir", "nfiles": 0}]}}}
    again = {"stages": {"package": {"outs": [{"path": "packages", "md5": "2.dir", "nfiles": 4}]}}}
    assert list_outputs(made, again) == []
    assert list_outputs(again, made) == [Output("package", "packages", "2.dir", "1.dir")]


def test_files_that_differ_in_a_folder_are_named_where_the_caches_know_them(tmp_path: Path) -> None:
    for md5, model in (("ab1.dir", "1"), ("cd2.dir", "2")):
        path = tmp_path / "files/md5" / md5[:2] / md5[2:]
        path.parent.mkdir(parents=True)
        listed = [{"md5": "0", "relpath": "config.cfg"}, {"md5": model, "relpath": "ner/model"}]
        path.write_text(json.dumps(listed))
    output = Output("assemble", "training/model", "ab1.dir", "cd2.dir")
    assert changed_files(output, [tmp_path]) == ["ner/model"]
    assert changed_files(output, [tmp_path / "empty"]) == []
    assert changed_files(output._replace(before="ab"), [tmp_path]) == []


@pytest.mark.parametrize("commit", ["nothing", "HEAD~0"])
def test_a_commit_that_cannot_be_run_again_is_an_error(
    again: Path, commit: str, capsys: pytest.CaptureFixture[str]
) -> None:
    git("rm", "--quiet", "dvc.lock")
    git("commit", "--quiet", "--message", "no lock")
    with pytest.raises(SystemExit) as left:
        main(commit)
    assert left.value.code == 1
    assert commit in capsys.readouterr().out
    assert sorted(path.name for path in again.parent.iterdir()) == ["again", "project"]


def test_a_commit_that_fails_is_an_error_and_leaves_nothing(
    again: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main("HEAD", here=True)
    assert left.value.code == 1
    assert "dvc repro --force --no-run-cache failed" in " ".join(capfd.readouterr().out.split())
    assert sorted(path.name for path in again.parent.iterdir()) == ["again", "project"]
