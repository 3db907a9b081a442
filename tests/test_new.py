"""A project of one's own: the demo is left behind, nothing else changes, and what is left works."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import srsly

from tests.projects import SMALL, commit, copy_project, sh, stages_run

NEW = ("python", "-m", "scripts.new")
LEFT = ("metrics/x.json", "tests/demo/test_x.py", "docs/x.svg", "base_model/x.py", "training/x")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with all that a new one leaves behind, and with comments in params.yaml."""
    folder = copy_project(tmp_path_factory.mktemp("new") / "project")
    for name in LEFT:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    values = (folder / "params.yaml").read_text(encoding="utf8")
    (folder / "params.yaml").write_text(f"# The values.\n{values}# The end.\n", encoding="utf8")
    assets = srsly.read_yaml(folder / "project.yml")
    assets["assets"].append({"dest": "assets/small", "description": "Demo"})
    srsly.write_yaml(folder / "project.yml", assets)
    sh(folder, "git", "add", "--force", *LEFT)
    commit(folder)
    return folder


def make(project: Path, *command: str, answers: str = "", check: bool = True) -> str:
    """Run `scripts.new` in a project, answer its questions, and return what it says, in a line."""
    identity = {f"GIT_{x}_{y}": "t@t" for x in ("AUTHOR", "COMMITTER") for y in ("NAME", "EMAIL")}
    done = sh(project, *NEW, *command, answers=answers, check=check, COLUMNS="300", **identity)
    assert check or done.returncode == 1
    return " ".join((done.stdout + done.stderr).split())


def tracked(folder: Path) -> set[str]:
    return set(sh(folder, "git", "ls-files").stdout.splitlines())


def changed_lines(one: Path, other: Path) -> list[str]:
    command = ["git", "diff", "--no-index", "--unified=0", str(one), str(other)]
    text = subprocess.run(command, capture_output=True, text=True).stdout
    return [x for x in text.splitlines() if x[0] in "+-" and x[:3] not in ("+++", "---")]


@pytest.fixture(scope="module")
def mine(project: Path) -> Path:
    """A new project with data, made in one command."""
    folder = project.parent / "mine"
    said = make(project, str(folder), "--name", "ticket_ner", "--data", str(SMALL))
    assert "first commit is made" in said and f"cd {folder} && make run" in said
    return folder


def test_the_demo_is_left_behind_and_all_else_is_there(project: Path, mine: Path) -> None:
    gone = tracked(project) - tracked(mine)
    assert {*LEFT, "assets/small/train.jsonl"} <= gone
    left = ("base_model", "benchmarks", "docs", "dvc.lock", "metrics", "tests/demo", "training")
    assert all(name.startswith((*left, "assets/small/")) for name in gone)
    assert "docs/data.md" in tracked(mine)
    assert tracked(mine) - tracked(project) == {f"assets/ticket/{x.name}" for x in SMALL.iterdir()}
    assert sh(mine, "git", "status", "--porcelain").stdout == ""
    assert sh(mine, "git", "log", "--format=%D").stdout == "HEAD -> main\n"
    assert sorted(x.name for x in mine.parent.iterdir()) == ["mine", "project"]


def test_its_values_are_its_own_and_comments_stay(project: Path, mine: Path) -> None:
    lines = changed_lines(project / "params.yaml", mine / "params.yaml")
    assert [line.split(":")[1].strip() for line in lines if line[0] == "+"] == [
        "assets/ticket",
        "ticket_ner",
    ]
    assert len(lines) == 4
    values = srsly.read_yaml(mine / "project.yml")
    assert values["title"] == "ticket_ner"
    assert not any(asset["dest"] == "assets/small" for asset in values["assets"])
    assert "# ticket_ner\n" in (mine / "README.md").read_text(encoding="utf8")
    assert 'name = "ticket-ner"' in (mine / "pyproject.toml").read_text(encoding="utf8")


def test_lint_layers_and_the_collection_of_tests_pass_there(mine: Path) -> None:
    for command in (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("lint-imports",)):
        sh(mine, *command)
    sh(mine, "python", "-m", "pytest", "-q", "--collect-only", "tests")
    sh(mine, "python", "-m", "pytest", "-q", "tests/test_project.py", "tests/test_params.py")


@pytest.mark.slow
def test_it_runs_and_its_types_are_right(mine: Path) -> None:
    sh(mine, "mypy")
    assert "What was learned" in sh(mine, "python", "-m", "weasel", "run", "all").stdout
    commit_of = ("git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "run")
    sh(mine, "git", "add", "--all")
    sh(mine, *commit_of)
    assert stages_run(sh(mine, "dvc", "repro").stdout) == []
    (wheel,) = (mine / "packages").glob("*.whl")
    assert wheel.name.startswith("en_ticket_ner-")


def test_what_is_not_given_is_asked_for_and_check_asks_for_the_data(project: Path) -> None:
    folder = project.parent / "My Tickets!"
    said = make(project, answers=f"{folder}\n\n\n")
    assert "[my_tickets_ner]" in said
    assert f"Put your labelled texts into {folder}/assets/my_tickets" in said
    assert f"cd '{folder}' && make run" in said
    check = sh(folder, "python", "-m", "weasel", "run", "check", check=False)
    assert "assets/my_tickets is an empty folder" in " ".join(check.stdout.split())
    shutil.rmtree(folder)


def test_a_file_alone_is_train_and_large_data_goes_to_dvc(project: Path, tmp_path: Path) -> None:
    lines = (SMALL / "train.jsonl").read_bytes()
    (tmp_path / "all of it.jsonl").write_bytes(lines * (10_000_000 // len(lines) + 1))
    command = ("--name", "big_ner", "--data", str(tmp_path / "all of it.jsonl"))
    said = make(project, str(tmp_path / "big"), *command)
    assert "DVC keeps it, and git assets/big.dvc" in said
    folder = tmp_path / "big"
    assert (folder / "assets/big/train.jsonl").stat().st_size >= 10_000_000
    assert {x for x in tracked(folder) if "big" in x} == {"assets/big.dvc"}
    assert sh(folder, "git", "status", "--porcelain").stdout == ""
    assert "up to date" in sh(folder, "dvc", "status", "assets/big.dvc").stdout


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((), []),
        (("DIR=../my tickets", "NAME=x_ner"), ["../my tickets", "--name", "x_ner"]),
        (("DIR=../x", "DATA="), ["../x", "--data", ""]),
    ],
)
def test_make_passes_on_what_is_given(
    given: tuple[str, ...], expected: list[str], project: Path
) -> None:
    lines = sh(project, "make", "--dry-run", "new", *given).stdout.replace("\\\n", "").splitlines()
    (line,) = (line for line in lines if "scripts.new" in line)
    assert shlex.split(line) == [*NEW, *expected]


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (("--name", "ticket-ner", "--data", ""), "package.name"),
        (("--name", "ticket_ner", "--data", "nowhere"), "nowhere is not there"),
        (("--name", "ticket_ner", "--data", "empty"), "is an empty folder"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(
    command: tuple[str, ...], reason: str, project: Path, tmp_path: Path
) -> None:
    (project / "empty").mkdir(exist_ok=True)
    assert reason in make(project, str(tmp_path / "x"), *command, check=False)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_refused_before_anything_is_asked(
    project: Path, tmp_path: Path
) -> None:
    (tmp_path / "note").touch()
    said = make(project, str(tmp_path), check=False)
    assert "is there and not empty" in said and "Name of its package" not in said


def test_what_lies_beside_a_new_project_stays(project: Path) -> None:
    kept = project.parent / ".beside-server"
    kept.mkdir()
    (kept / "x").touch()
    make(project, str(project.parent / "beside"), "--name", "x_ner", "--data", "")
    assert (kept / "x").exists()


def test_what_is_not_committed_is_in_no_new_project(project: Path) -> None:
    params = project / "params.yaml"
    text = params.read_text(encoding="utf8")
    params.write_text(text.replace("max_epochs: 2", "max_epochs: 7"), encoding="utf8")
    folder = project.parent / "committed"
    make(project, str(folder), "--name", "x_ner", "--data", "")
    params.write_text(text, encoding="utf8")
    assert "max_epochs: 2" in (folder / "params.yaml").read_text(encoding="utf8")
