"""The workflow names commands that exist, git runs the hooks, and the linters find nothing."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import srsly

from tests.projects import ROOT, commit, copy_project, sh

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
HOOKS = ROOT / ".pre-commit-config.yaml"
JOBS = {name: job for path in WORKFLOWS for name, job in srsly.read_yaml(path)["jobs"].items()}
COMMANDS = [step["run"] for job in JOBS.values() for step in job["steps"] if "run" in step]


def change_params(folder: Path, section: str, **values: Any) -> None:
    params = srsly.read_yaml(folder / "params.yaml")
    params[section] |= values
    srsly.write_yaml(folder / "params.yaml", params)


def link_venv(folder: Path) -> None:
    """The environment of this test as a folder's .venv, so that nothing is installed."""
    (folder / ".venv").mkdir()
    for path in Path(sys.prefix).iterdir():
        if path.name != "ready":
            (folder / ".venv" / path.name).symlink_to(path)
    (folder / ".venv/ready").touch()


# Commands of the workflow


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_bash_and_names_what_exists(command: str) -> None:
    sh(ROOT, "bash", "-n", "-c", command)
    makefile = (ROOT / "Makefile").read_text(encoding="utf8")
    modules = re.findall(r"python -m scripts\.(\w+)", command)
    targets = re.findall(r"\bmake ([\w-]+)", command)
    subcommands = re.findall(r"\bdvc (repro|push|remote add)\b", command)
    assert modules or targets or subcommands or command.startswith("gh pr comment")
    assert len(re.findall(r"\bdvc \w", command)) == len(subcommands)
    assert all((ROOT / f"scripts/{module}.py").is_file() for module in modules)
    assert all(f"\n{target}:" in makefile for target in targets)


def test_commands_run_in_bash_and_have_no_values_of_events_in_them() -> None:
    for path in WORKFLOWS:
        assert srsly.read_yaml(path)["defaults"] == {"run": {"shell": "bash"}}
    assert not any("${{" in command for command in COMMANDS)


# Hooks


def run_hooks(folder: Path) -> dict[str, str]:
    """Run the hooks before a commit on every file; what each came to."""
    sh(folder, "git", "add", "--all")
    command = (".venv/bin/pre-commit", "run", "--all-files", "--color=never")
    done = sh(folder, *command, check=False, PRE_COMMIT_HOME=str(folder.parent / "home"))
    found = dict(re.findall(r"^(.+?)\.{3,}.*?(Passed|Failed)$", done.stdout, re.MULTILINE))
    assert (done.returncode != 0) == ("Failed" in found.values()), done.stdout
    return found | {"output": done.stdout}


def failed(found: dict[str, str]) -> list[str]:
    return [name for name, result in found.items() if result == "Failed"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project on a small corpus that has run once; its results are committed."""
    folder = copy_project(tmp_path_factory.mktemp("team") / "finished")
    sh(folder, "dvc", "repro")
    commit(folder)
    return folder


@pytest.fixture
def clone(finished: Path, tmp_path: Path) -> Path:
    """A clone of that project; what DVC keeps is not there."""
    origin, folder = tmp_path / "origin.git", tmp_path / "clone"
    sh(tmp_path, "git", "clone", "-q", "--bare", str(finished), str(origin))
    sh(tmp_path, "git", "clone", "-q", str(origin), str(folder))
    sh(folder, "git", "config", "user.name", "Test")
    sh(folder, "git", "config", "user.email", "test@localhost")
    link_venv(folder)
    return folder


@pytest.mark.slow
def test_the_hooks_pass_here_and_each_stops_what_it_is_for(clone: Path) -> None:
    hooks = srsly.read_yaml(HOOKS)["repos"][0]["hooks"]
    check, form, lock = (hook["name"] for hook in hooks if "stages" not in hook)
    found = run_hooks(clone)
    output = found.pop("output")
    assert found == dict.fromkeys((check, form, lock), "Passed"), output
    bad = clone / "scripts/bad.py"
    for text, hook in (("import os\n", check), ("x = {  'a': 1}\n", form)):
        bad.write_text(text)
        assert failed(run_hooks(clone)) == [hook]
    bad.unlink()
    change_params(clone, "training", max_epochs=3)
    found = run_hooks(clone)
    assert failed(found) == [lock] and "'configure'" in found["output"]
    sh(clone, "git", "reset", "-q", "--hard")
    (clone / "metrics/scores.json").write_text("{}")
    found = run_hooks(clone)
    assert failed(found) == [lock] and "'evaluate'" in found["output"]


@pytest.mark.slow
def test_git_runs_the_hooks_and_a_push_takes_the_data_along(
    finished: Path, clone: Path, tmp_path: Path
) -> None:
    def git(*command: str, check: bool = True) -> str:
        home = str(tmp_path / "home")
        done = sh(clone, "git", *command, check=check, PRE_COMMIT_HOME=home)
        return done.stdout + done.stderr

    def add_remote(name: str, folder: Path) -> None:
        sh(clone, "dvc", "remote", "add", "--local", "-d", name, str(folder))

    sh(clone, ".venv/bin/pre-commit", "install")
    (clone / "scripts/bad.py").write_text("import os\n")
    git("add", "--all")
    assert "F401" in git("commit", "-m", "bad", check=False)
    git("reset", "-q", "--hard", "HEAD")
    # Without a remote there is nothing to push to, and git goes on.
    git("commit", "-q", "--allow-empty", "-m", "one")
    assert "dvc push" in git("push", "origin", "HEAD:refs/heads/one")
    sh(finished, "dvc", "remote", "add", "--local", "kept", str(tmp_path / "kept"))
    sh(finished, "dvc", "push", "--remote", "kept")
    add_remote("kept", tmp_path / "kept")
    sh(clone, "dvc", "pull")
    add_remote("team", tmp_path / "store")
    git("commit", "-q", "--allow-empty", "-m", "two")
    git("push", "origin", "HEAD:refs/heads/two")
    assert list((tmp_path / "store").rglob("*.dir"))
    # A push that cannot take the data along does not happen.
    (tmp_path / "file").touch()
    add_remote("broken", tmp_path / "file/store")
    git("commit", "-q", "--allow-empty", "-m", "three")
    assert "failed to push some refs" in git("push", "origin", "HEAD:refs/heads/three", check=False)


# Linters, none of which asks the network


def lint(folder: Path) -> dict[str, str]:
    """The complaints of every linter about a folder's workflows and hooks."""
    files = [str(path) for path in (folder / ".github/workflows").glob("*.yml")]
    commands = {
        "zizmor": ("zizmor", "--offline", "--quiet", "--persona", "pedantic", *files),
        "schema": ("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files),
        "pre-commit": ("pre-commit", "validate-config", str(folder / HOOKS.name)),
    }
    done = {name: sh(folder, *command, check=False) for name, command in commands.items()}
    return {name: x.stdout + x.stderr for name, x in done.items() if x.returncode}


def test_the_linters_find_nothing() -> None:
    assert lint(ROOT) == {}


@pytest.mark.parametrize(
    ("linter", "path", "old", "new"),
    [
        ("zizmor", ".github/workflows/model.yml", "make test", "echo ${{ github.head_ref }}"),
        ("zizmor", ".github/workflows/model.yml", "contents: read", "contents: write"),
        ("schema", ".github/workflows/model.yml", "runs-on:", "runs_on:"),
        ("pre-commit", ".pre-commit-config.yaml", "language: system", "languages: system"),
    ],
)
def test_a_linter_finds_what_is_wrong(
    linter: str, path: str, old: str, new: str, tmp_path: Path
) -> None:
    for name in (".github/workflows/model.yml", ".pre-commit-config.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        text = (ROOT / name).read_text(encoding="utf8")
        (tmp_path / name).write_text(text.replace(old, new) if name == path else text)
    assert linter in lint(tmp_path)


def test_actions_are_pinned_to_one_commit_each_with_its_version() -> None:
    lines = [x for path in WORKFLOWS for x in path.read_text().splitlines() if "uses:" in x]
    pins = [re.search(r"uses: actions/([\w-]+)\S*@([0-9a-f]{40}) # (v[\d.]+)$", x) for x in lines]
    assert lines and all(pins)
    named = {pin.groups() for pin in pins if pin}
    assert len(named) == len({name for name, _, _ in named})


def test_only_the_comment_may_write() -> None:
    for path in WORKFLOWS:
        assert srsly.read_yaml(path)["permissions"] == {"contents": "read"}
    wanted = {"comment": {"pull-requests": "write"}}
    assert {
        name: job["permissions"] for name, job in JOBS.items() if "permissions" in job
    } == wanted
    assert not any("run" in step and "scripts" in step["run"] for step in JOBS["comment"]["steps"])
