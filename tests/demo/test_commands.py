"""Every command of the pages is understood, and those of their blocks are run as they stand there.

A command that is new on a page is run, too, after those before it on the page. What cannot be run
in a test has a line in NOT_RUN, with the reason.
"""

import re
import shutil
from pathlib import Path

import pytest
import srsly

from tests.demo.commands import PAGES, Command, read_commands, understand
from tests.projects import commit, copy_project, sh

COMMANDS = [command for page in PAGES for command in read_commands(page)]
SWEEP = "trains many times; tests/test_experiments.py and tests/test_end_to_end.py run it small"
MANY = "trains many times"
SETS_UP = "makes an environment"
HOURS = "takes hours, and downloads what it needs"
RAY = "needs a cluster; tests/test_ray.py starts one"
NOT_RUN = {
    r"git clone <": "has no address yet",
    r"make (run|test|transformers)$": SETS_UP,
    r"weasel run reproduce": f"{SETS_UP}; tests/test_end_to_end.py runs it with --here",
    r"pip install": "changes the environment of the tests; `package` itself installs the wheel",
    r"python -m scripts.annotate en_telecom_ner": "needs the package installed",
    r"weasel run (seeds|learning|folds)\b": MANY,
    r"weasel run (sweep|trials)$": SWEEP,
    r"python -m scripts.sweep --(jobs|trials)": SWEEP,
    r"dvc exp apply (sweep-|NAME)": "takes an experiment that the reader chooses",
    r"dvc queue start": "goes on in the background; tests/test_end_to_end.py waits for it",
    r"ray start|python -m scripts.(sweep|annotate) .*--engine ray": RAY,
    r"python -m weasel (assets|run \w+) (base_model|benchmarks)": HOURS,
}
"""What is not run, as patterns, and why."""
GIVEN = {"/mnt/share/models": "../models"}
"""What a page writes for a place of the reader's own, and what is typed for it here."""


def not_run(command: Command) -> bool:
    return any(re.match(pattern, command.text) for pattern in NOT_RUN)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: f"{command[0]}: {command[1]}")
def test_a_command_is_understood(command: Command) -> None:
    understand(command.text)


@pytest.mark.parametrize(
    "line",
    [
        "dvc exp run --nothing",
        "dvc nothing",
        "git nothing",
        "gto show --nothing",
        "make nothing",
        "pip install --nothing",
        "pre-commit nothing",
        "pytest tests/test_nothing.py",
        "python -m scripts.sweep --nothing",
        "spacy nothing",
        "unknown",
        "weasel nothing",
        "weasel run nothing",
        "weasel run compare --vars.before X",
        "weasel run compare . --vars.nothing X",
        "weasel run compare . --vars.before",
        "weasel run all && dvc nothing",
    ],
)
def test_what_is_wrong_is_not_understood(line: str) -> None:
    with pytest.raises((Exception, SystemExit)):
        understand(line)


@pytest.mark.parametrize("pattern", NOT_RUN)
def test_what_is_not_run_is_on_a_page(pattern: str) -> None:
    assert any(re.match(pattern, x.text) for x in COMMANDS if x.block)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has run once, with the names and files that the pages speak of."""
    folder = copy_project(tmp_path_factory.mktemp("pages") / "finished")
    general = (folder / "assets/general.jsonl").read_text(encoding="utf8").splitlines(keepends=True)
    (folder / "assets/few.jsonl").write_text("".join(general[::10]), encoding="utf8")
    params = srsly.read_yaml(folder / "params.yaml")
    params["training"]["patience"] = 1
    params["rehearsal"]["text"] = params["evaluate"]["general"] = "assets/few.jsonl"
    params["package"]["name"] = "telecom_ner"
    srsly.write_yaml(folder / "params.yaml", params)
    (folder / ".git/info/exclude").write_text("/texts\n/*.whl\n/assets/tickets/\n", encoding="utf8")
    commit(folder)
    sh(folder, "dvc", "repro")
    commit(folder)
    for tag in ("v1", "v1.0", "experiment-name"):
        sh(folder, "git", "tag", tag)
    (folder / "texts").mkdir()
    (folder / "texts/notes.txt").write_text("n78 is quiet in Leipzig.\n", encoding="utf8")
    shutil.copytree(folder / "assets/small", folder / "assets/tickets")
    for name in ("OLD.whl", "NEW.whl"):
        shutil.copyfile(next((folder / "packages").glob("*.whl")), folder / name)
    return folder


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Path:
    """A copy of it with a remote of git and one of DVC, in which a file was changed."""
    folder = tmp_path / "project"
    shutil.copytree(finished, folder, symlinks=True)
    sh(tmp_path, "git", "init", "--quiet", "--bare", "origin.git")
    sh(folder, "git", "remote", "add", "origin", "../origin.git")
    sh(folder, "git", "push", "--quiet", "--set-upstream", "origin", "HEAD")
    sh(folder, "dvc", "remote", "add", "--local", "--default", "store", str(tmp_path / "store"))
    with (folder / "README.md").open("a", encoding="utf8") as readme:
        readme.write("\nA note.\n")
    return folder


def typed(page: str) -> list[str]:
    """What of a page's blocks is run, in their order, with places that are there."""
    lines = [x.text for x in COMMANDS if x.page == page and x.block and not not_run(x)]
    for written, given in GIVEN.items():
        lines = [line.replace(written, given) for line in lines]
    return lines


RUN = [page for page in dict.fromkeys(command.page for command in COMMANDS) if typed(page)]


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN)
def test_the_commands_of_a_page_run_one_after_the_other(page: str, project: Path) -> None:
    for line in typed(page):
        if "packages/" in line and not [*project.glob("packages/*.whl")]:
            # An experiment builds no package; that of the commit is brought back.
            sh(project, "git", "checkout", "--quiet", "--", ".")
            sh(project, "dvc", "checkout", "--quiet")
        sh(project, "bash", "-c", line)
