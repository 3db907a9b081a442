"""Damage is claimed where bytes are broken, nowhere else, and nothing is thrown away unasked."""

import sys
from pathlib import Path

import pytest

from tests import projects
from tests.standin import make_project, save, sh

PREDICTIONS = "metrics/predictions.jsonl"


def door(project: Path, *module: str) -> tuple[int, str]:
    """Run one of the project's doors without a terminal; its exit status, and what it printed."""
    command = (sys.executable, "-m", *module)
    done = projects.sh(
        project, *command, check=False, answers="", PYTHONPATH=str(projects.ROOT), COLUMNS="400"
    )
    return done.returncode, " ".join(f"{done.stdout} {done.stderr}".split())


def damage_of(project: Path) -> list[str]:
    """What is said of the outputs that lie in a project."""
    code = "from scripts.storage.damage import find_damage\nfor x in find_damage(): print(x)"
    return sh(project, sys.executable, "-c", code).split("\n")[:-1]


def set_ratio(project: Path, old: str, new: str) -> None:
    path = project / "params.yaml"
    text = path.read_text(encoding="utf8")
    assert f"ratio: {old}" in text
    path.write_text(text.replace(f"ratio: {old}", f"ratio: {new}"), encoding="utf8")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose only stage has run, and whose results are committed."""
    folder = make_project(tmp_path / "p")
    sh(folder, sys.executable, "-m", "dvc", "repro", "--quiet")
    save(folder, "grid: {rehearsal.ratio: [1.0]}\n")
    assert damage_of(folder) == []
    return folder


def test_what_belongs_to_another_commit_is_whole_and_stays(project: Path) -> None:
    set_ratio(project, "0.5", "1.0")
    sh(project, sys.executable, "-m", "dvc", "repro", "--quiet")
    made = (project / PREDICTIONS).read_bytes()
    sh(project, "git", "stash", "--quiet")
    (said,) = damage_of(project)
    assert said.startswith(f"{PREDICTIONS} belongs to another commit: dvc checkout brings back")
    status, printed = door(project, "scripts.mend", "--yes")
    assert (status, printed) == (0, "✔ All is whole.")
    assert (project / PREDICTIONS).read_bytes() == made
    lock = sh(project, "git", "status", "--porcelain", "dvc.lock")
    assert lock == "", "what belongs to another commit must not be written into this one's dvc.lock"
    sh(project, sys.executable, "-m", "dvc", "checkout")
    assert damage_of(project) == []


def test_another_commits_dvc_lock_vouches_where_the_cache_does_not(project: Path) -> None:
    sh(project, "git", "switch", "--quiet", "--create", "other")
    set_ratio(project, "0.5", "1.0")
    sh(project, sys.executable, "-m", "dvc", "repro", "--quiet")
    sh(project, "git", "commit", "--quiet", "--all", "--message", "other")
    sh(project, "git", "switch", "--quiet", "main")
    for path in (project / ".dvc/cache/files/md5").glob("??/*"):
        if b"tuned" in path.read_bytes():
            path.unlink()
    (said,) = damage_of(project)
    assert "belongs to another commit" in said
    assert door(project, "scripts.mend", "--yes")[0] == 0
    assert (project / PREDICTIONS).exists()


def test_a_stage_that_fails_for_its_own_reason_is_not_called_damage(project: Path) -> None:
    set_ratio(project, "0.5", "1.0")
    sh(project, sys.executable, "-m", "dvc", "repro", "--quiet")
    sh(project, "git", "stash", "--quiet")
    set_ratio(project, "0.5", "2.0")
    (project.parent / "runs/fail-2.0").touch()
    status, printed = door(project, "scripts.run")
    assert status == 1 and "it cannot be done" in printed and "failed to reproduce" in printed
    assert "whole" not in printed and "damage" not in printed and "mend" not in printed


def test_a_damaged_copy_is_listed_and_thrown_away_only_if_one_agrees(project: Path) -> None:
    (copy,) = [
        path
        for path in (project / ".dvc/cache/files/md5").glob("??/*")
        if path.read_bytes() == (project / PREDICTIONS).read_bytes()
    ]
    whole = copy.read_bytes()
    copy.chmod(0o644)
    copy.write_bytes(whole[:-1])
    copy.chmod(0o444)
    (project / PREDICTIONS).unlink()
    sh(project, sys.executable, "-m", "dvc", "checkout")
    assert (project / PREDICTIONS).read_bytes() == whole[:-1]
    said = damage_of(project)
    assert "a copy in DVC's cache, is damaged: python -m scripts.mend lists" in said[0]
    assert f"{PREDICTIONS} is not what dvc.lock says: weasel run all makes it anew" in said[1]
    status, printed = door(project, "scripts.mend")
    assert status == 1 and "Nothing was thrown away" in printed and "--yes" in printed
    assert str(copy) in printed and PREDICTIONS in printed
    assert copy.exists() and (project / PREDICTIONS).exists()
    status, printed = door(project, "scripts.mend", "--yes")
    assert status == 0 and "python -m dvc repro --force --downstream judge" in printed
    sh(project, sys.executable, "-m", "dvc", "repro", "--force", "--downstream", "judge")
    assert copy.read_bytes() == (project / PREDICTIONS).read_bytes() == whole


def test_an_output_that_is_not_in_the_cache_is_put_there(project: Path) -> None:
    for path in (project / ".dvc/cache/files/md5").glob("??/*"):
        if path.read_bytes() == (project / PREDICTIONS).read_bytes():
            path.unlink()
    (said,) = damage_of(project)
    assert said == f"{PREDICTIONS} is not in DVC's cache: python -m scripts.mend puts it there"
    status, printed = door(project, "scripts.mend")
    assert status == 0 and "was not in DVC's cache: now it is" in printed
    assert damage_of(project) == []


def test_a_merge_in_dvc_lock_is_no_half_written_file(project: Path) -> None:
    lock = project / "dvc.lock"
    text = lock.read_text(encoding="utf8")
    lock.write_text(f"<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> other\n", encoding="utf8")
    status, printed = door(project, "scripts.run")
    assert status == 1 and "dvc.lock has the marks of a merge: git checkout --theirs" in printed
    assert "<<<<<<< HEAD" in lock.read_text(encoding="utf8")


def test_half_a_dvc_lock_is_thrown_away_by_a_run(project: Path) -> None:
    lock = project / "dvc.lock"
    lock.write_bytes(lock.read_bytes()[:-40] + b"\n  x: [")
    _, printed = door(project, "scripts.run", "judge")
    assert "corrupted" in printed or "lock" in printed
    _, printed = door(project, "scripts.run")
    assert "dvc.lock was half-written, by a run that was killed: thrown away" in printed
    assert lock.exists()


def test_nothing_is_said_that_is_no_news(project: Path) -> None:
    (project / "data/texts").write_text("", encoding="utf8")
    sh(project, sys.executable, "-m", "dvc", "add", "--quiet", "data")
    _, printed = door(project, "scripts.run")
    assert "Running stage 'judge'" in printed
    assert (project / PREDICTIONS).read_bytes() == b""
    assert "is empty" not in printed and "dvc push" not in printed
