"""Every command of the workflow and of the hooks is run, as GitHub and git would run it.

What is not real: GitHub itself (expressions, caches and artifacts are imitated here in a few
lines), `gh`, which only writes down how it was called, a remote and secrets that a team has put in,
and two commands that would take too long: `make test` is run with --dry-run, because it is what
runs this file, and `make setup` finds a .venv that is there already.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import srsly

from tests.test_end_to_end import ROOT, commit, copy_project, sh, stages_run

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
HOOKS = ROOT / ".pre-commit-config.yaml"
JOBS = {name: job for path in WORKFLOWS for name, job in srsly.read_yaml(path)["jobs"].items()}
COMMANDS = {step["run"] for job in JOBS.values() for step in job["steps"] if "run" in step}
REMOTE = {"REMOTE": ".dvc/tmp/remote"}
INSTEAD = {"make test": "make --dry-run test"}
GH = """#!/bin/sh
folder=$(dirname "$0")
printf '%s\\n' "$GH_REPO" "$GH_TOKEN" "$@" > "$folder/called"
for last; do :; done
cp "$last" "$folder/body"
"""


class Values(dict):
    """A context of GitHub's expressions: what is not there is empty."""

    def __getattr__(self, name: str) -> Any:
        value = self.get(name, {})
        return Values(value) if isinstance(value, dict) else value

    def __str__(self) -> str:
        return ""


def evaluate(expression: str, contexts: dict[str, Any]) -> Any:
    """What an expression of GitHub's comes to; its operators are written otherwise in Python."""
    python = expression.replace("&&", " and ").replace("||", " or ")
    python = re.sub(r"!(?!=)", " not ", python).strip()
    return eval(python, {"__builtins__": {}, "cancelled": lambda: False}, contexts)


def fill(text: Any, contexts: dict[str, Any]) -> str:
    """A text with its expressions put in."""
    return re.sub(r"\$\{\{(.+?)\}\}", lambda m: str(evaluate(m[1], contexts)), str(text))


def is_wanted(item: dict[str, Any], contexts: dict[str, Any], failed: bool) -> bool:
    """Whether a job or step runs: after a failure only if its condition asks for that."""
    condition = re.sub(r"^\$\{\{|\}\}$", "", item.get("if", "True").strip())
    return (not failed or "cancelled()" in condition) and bool(evaluate(condition, contexts))


@dataclass
class Run:
    """What came of a run of the workflow."""

    failed: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)
    commands: set[str] = field(default_factory=set)
    output: str = ""
    summary: str = ""
    artifacts: dict[str, Path] = field(default_factory=dict)
    called: list[str] = field(default_factory=list)
    comment: str = ""


class GitHub:
    """The repository `team/model` and what is kept between runs; runs the workflow."""

    def __init__(self, folder: Path, origin: Path) -> None:
        self.folder, self.origin = folder, origin
        self.caches: dict[str, Path] = {}
        self.runs = 0

    def push(self) -> Run:
        """Something was pushed to main."""
        return self.run("main", {"event_name": "push", "ref_name": "main", "base_ref": ""})

    def pull_request(self, branch: str, number: int) -> Run:
        """A branch is to go into main."""
        names = {"event_name": "pull_request", "ref_name": f"{number}/merge", "base_ref": "main"}
        pull = {"number": number, "head": {"repo": {"full_name": "team/model"}}}
        return self.run(branch, names | {"event": {"pull_request": pull}})

    def run(self, branch: str, github: dict[str, Any]) -> Run:
        """Every job of the workflow that is wanted, in order."""
        self.runs += 1
        github |= {"repository": "team/model", "token": "a token", "run_id": self.runs}
        run, needs = Run(), Values()
        for name, job in JOBS.items():
            contexts = {"github": Values(github | {"run_attempt": 1}), "needs": needs}
            contexts["secrets"] = Values()
            if is_wanted(job, contexts, job.get("needs") in run.failed):
                needs[name] = {"outputs": Job(self, name, branch, contexts, run).execute()}
            else:
                run.skipped.add(name)
        return run


class Job:
    """A job on a machine of its own; the actions are methods."""

    def __init__(
        self, hub: GitHub, name: str, branch: str, contexts: dict[str, Any], run: Run
    ) -> None:
        self.hub, self.name, self.branch, self.run = hub, name, branch, run
        self.definition = JOBS[name]
        self.steps = Values()
        self.contexts = contexts | {"steps": self.steps}
        self.folder = hub.folder / f"{hub.runs}-{name}"
        self.workspace = self.folder / "workspace"
        self.workspace.mkdir(parents=True)
        self.path = self.folder / "path"
        self.path.write_text(f"{self.folder}\n")
        (self.folder / "gh").write_text(GH)
        (self.folder / "gh").chmod(0o755)

    def execute(self) -> dict[str, str]:
        """Run every step that is wanted; the job's outputs."""
        for step in self.definition["steps"]:
            outcome = "skipped"
            if is_wanted(step, self.contexts, self.name in self.run.failed):
                outcome = "success" if self.step(step) else "failure"
            if outcome == "failure":
                self.run.failed.add(self.name)
            self.steps[step.get("id", "")] = {"outcome": outcome}
        outputs = self.definition.get("outputs", {})
        return {key: fill(value, self.contexts) for key, value in outputs.items()}

    def step(self, step: dict[str, Any]) -> bool:
        """Run a step; whether it succeeded."""
        if "run" in step:
            return self.shell(step["run"], self.definition.get("env", {}) | step.get("env", {}))
        action = re.sub(r"\W", "_", step["uses"].split("@")[0].removeprefix("actions/"))
        given = {key.replace("-", "_"): value for key, value in step.get("with", {}).items()}
        getattr(self, action)(**{key: fill(value, self.contexts) for key, value in given.items()})
        return True

    def shell(self, command: str, given: dict[str, Any]) -> bool:
        """Run a command as GitHub runs one in bash; note what it left."""
        self.run.commands.add(command)
        done = subprocess.run(
            [
                "bash",
                "--noprofile",
                "--norc",
                "-eo",
                "pipefail",
                "-c",
                INSTEAD.get(command, command),
            ],
            cwd=self.workspace,
            env=self.environment(given),
            capture_output=True,
            text=True,
        )
        self.run.output += f"{command}\n{done.stdout}{done.stderr}"
        if (summary := self.folder / "summary").exists():
            self.run.summary = summary.read_text()
        if (called := self.folder / "called").exists():
            self.run.called = called.read_text().splitlines()
            self.run.comment = (self.folder / "body").read_text()
        return done.returncode == 0

    def environment(self, given: dict[str, Any]) -> dict[str, str]:
        """What a command finds: nothing of this test's own environment is on the path."""
        own = str(Path(sys.executable).parent)
        path = [x for x in os.environ["PATH"].split(os.pathsep) if x != own]
        return {key: fill(value, self.contexts) for key, value in given.items()} | {
            "CI": "true",
            "GITHUB_BASE_REF": self.contexts["github"].base_ref,
            "GITHUB_PATH": str(self.path),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            "HOME": str(self.folder),
            "PATH": os.pathsep.join([*reversed(self.path.read_text().splitlines()), *path]),
            **(REMOTE if "REMOTE" in given else {}),
        }

    def checkout(self, fetch_depth: str = "1", persist_credentials: str = "") -> None:
        """The last commit of one branch or, with depth 0, everything."""
        some = [] if fetch_depth == "0" else ["--depth", fetch_depth, "--branch", self.branch]
        sh(self.folder, "git", "clone", "-q", *some, self.hub.origin.as_uri(), str(self.workspace))
        sh(self.workspace, "git", "checkout", "-q", "--detach", f"origin/{self.branch}")

    def setup_python(self, **_: str) -> None:
        link_venv(self.workspace)

    def cache_restore(self, path: str, key: str, restore_keys: str) -> None:
        """The newest of what was kept under a key that begins like one of these."""
        for start in (key, *restore_keys.splitlines()):
            if found := [kept for name, kept in self.hub.caches.items() if name.startswith(start)]:
                shutil.copytree(found[-1], self.workspace / path, dirs_exist_ok=True)
                return

    def cache_save(self, path: str, key: str) -> None:
        assert key not in self.hub.caches, "GitHub never changes what it keeps"
        self.hub.caches[key] = self.folder / "kept"
        shutil.copytree(self.workspace / path, self.folder / "kept")

    def upload_artifact(self, name: str, path: str) -> None:
        """Keep what is there of the paths."""
        target = self.run.artifacts[name] = self.folder / "artifacts" / name
        for each in path.split():
            files = [self.workspace / each, *(self.workspace / each).rglob("*")]
            for file in (x for x in files if x.is_file()):
                copy = target / file.relative_to(self.workspace)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)

    def download_artifact(self, name: str) -> None:
        shutil.copytree(self.run.artifacts[name], self.workspace, dirs_exist_ok=True)


def link_venv(folder: Path) -> None:
    """The environment of this test as a folder's .venv, so that nothing is installed."""
    (folder / ".venv").mkdir()
    for path in Path(sys.prefix).iterdir():
        if path.name != "ready":
            (folder / ".venv" / path.name).symlink_to(path)
    (folder / ".venv/ready").touch()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> GitHub:
    """A project that nobody has run yet, on GitHub."""
    folder = tmp_path_factory.mktemp("teams")
    first = copy_project(folder / "first")
    sh(first, "git", "branch", "-M", "main")
    sh(folder, "git", "clone", "-q", "--bare", str(first), str(folder / "origin.git"))
    return GitHub(folder / "runs", folder / "origin.git")


def name_user(folder: Path) -> None:
    sh(folder, "git", "config", "user.name", "Test")
    sh(folder, "git", "config", "user.email", "test@localhost")


def check_out(hub: GitHub, folder: Path) -> Path:
    """A user's clone of main, set up."""
    sh(hub.origin, "git", "clone", "-q", str(hub.origin), str(folder))
    name_user(folder)
    link_venv(folder)
    return folder


def change_params(folder: Path, section: str, **values: Any) -> None:
    params = srsly.read_yaml(folder / "params.yaml")
    params[section] |= values
    srsly.write_yaml(folder / "params.yaml", params)


def push_branch(folder: Path, branch: str) -> None:
    commit(folder)
    sh(folder, "git", "push", "-q", "origin", f"HEAD:refs/heads/{branch}")


@pytest.fixture(scope="module")
def runs(hub: GitHub) -> dict[str, Run]:
    """The first days of a team; the tests below say what each run is."""
    runs = {"new": hub.push()}
    made = hub.folder / "1-repro/workspace"
    name_user(made)
    push_branch(made, "results")
    runs["results"] = hub.pull_request("results", 1)
    sh(hub.origin, "git", "branch", "-f", "main", "results")
    change = check_out(hub, hub.folder / "change")
    # What practises on nothing forgets, and here nothing may be forgotten.
    change_params(change, "training", strategy="update")
    change_params(change, "rehearsal", ratio=0.0)
    change_params(change, "evaluate", min_retention=1.0)
    push_branch(change, "change")
    runs["change"] = hub.pull_request("change", 2)
    return runs


def test_a_push_runs_what_was_never_run_and_offers_report_and_packages(
    runs: dict[str, Run],
) -> None:
    run = runs["new"]
    assert run.failed == set(), run.output
    assert run.skipped == {"comment"}
    assert stages_run(run.output) == list(srsly.read_yaml(ROOT / "dvc.yaml")["stages"])
    assert "ruff check" in run.output and "mypy" in run.output and "-m pytest" in run.output
    assert list(run.artifacts) == ["model"]
    assert (run.artifacts["model"] / "metrics/report.html").is_file()
    assert list((run.artifacts["model"] / "packages").glob("*.whl"))


def test_results_that_are_committed_run_nothing_and_have_nothing_to_be_compared_with(
    runs: dict[str, Run],
) -> None:
    run = runs["results"]
    assert run.failed == run.skipped == set(), run.output
    assert stages_run(run.output) == []
    assert run.comment.startswith(
        "There is no comparison: `origin/main has no metrics/predictions.jsonl"
    )
    assert list((run.artifacts["model"] / "packages").glob("*.whl"))


def test_a_pull_request_gets_one_comment_also_if_its_model_forgot_too_much(
    runs: dict[str, Run],
) -> None:
    run = runs["change"]
    assert run.failed == {"repro"} and run.skipped == set(), run.output
    ran = stages_run(run.output)
    assert "train" in ran and ran[-1] == "package" and "fetch" not in ran
    assert "below evaluate.min_retention" in " ".join(run.output.split())
    assert "| F of | origin/main | workspace | change |" in run.comment
    assert "| all (new) |" in run.comment and "rehearsal.ratio: 0.5 → 0.0" in run.comment
    assert run.summary == run.comment
    called = ["team/model", "a token", "pr", "comment", "2", "--edit-last", "--create-if-none"]
    assert run.called == [*called, "--body-file", "comparison.md"]
    assert (run.artifacts["model"] / "metrics/report.html").is_file()
    assert not (run.artifacts["model"] / "packages").exists()


def test_what_a_run_made_is_kept_also_if_it_failed(hub: GitHub, runs: dict[str, Run]) -> None:
    assert [key.rsplit("-", 2)[0] for key in hub.caches] == [
        "dvc-main",
        "dvc-1/merge",
        "dvc-2/merge",
    ]
    first, *_, last = hub.caches.values()
    old, new = ({x.name for x in kept.rglob("*") if x.is_file()} for kept in (first, last))
    # What main has made was there, and the new model has come to it.
    assert old < new


def test_commands_are_called_as_here_and_without_values_of_events_in_them() -> None:
    for path in WORKFLOWS:
        assert srsly.read_yaml(path)["defaults"] == {"run": {"shell": "bash"}}
    assert not any("${{" in command for command in COMMANDS)


def test_every_command_was_run(runs: dict[str, Run]) -> None:
    assert set().union(*(run.commands for run in runs.values())) == COMMANDS


@pytest.mark.parametrize(
    ("owner", "compared", "wanted"),
    [("team", "success", True), ("stranger", "success", False), ("team", "skipped", False)],
)
def test_no_comment_is_tried_where_it_may_not_be_written(
    owner: str, compared: str, wanted: bool
) -> None:
    pull = {"head": {"repo": {"full_name": f"{owner}/model"}}}
    contexts = {
        "github": Values(repository="team/model", event={"pull_request": pull}),
        "needs": Values(repro={"outputs": {"compared": compared}}),
    }
    for failed in (False, True):
        assert is_wanted(JOBS["comment"], contexts, failed) == wanted


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


@pytest.fixture
def clone(hub: GitHub, runs: dict[str, Run], tmp_path: Path) -> Path:
    """A clone of main, where the results are committed; none of the data is there."""
    return check_out(hub, tmp_path / "clone")


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


def test_git_runs_the_hooks_and_a_push_takes_the_data_along(
    hub: GitHub, clone: Path, tmp_path: Path
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
    add_remote("kept", next(iter(hub.caches.values())))
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
