"""Read commands out of the pages, and let the program of each say whether it understands them."""

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import gto.cli
import spacy.cli
import srsly
import typer
import weasel.cli.main as weasel
from dvc.cli.parser import DvcParser, get_main_parser
from pip._internal.commands import create_command

from tests.conftest import ROOT

PAGES = [
    ROOT / "README.md",
    *sorted(x for x in (ROOT / "docs").glob("*.md") if x.name != "commands.md"),
    ROOT / "base_model/README.md",
    ROOT / "benchmarks/README.md",
    ROOT / "scripts/founding/readme.md",
]
"""Where commands stand. docs/commands.md is written by weasel itself."""
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


class Command(NamedTuple):
    """A command as it stands on a page.

    block: whether it is an own line of a block, to be typed as it is. All others are mentioned in
        the text, perhaps without what has to follow.
    """

    page: str
    text: str
    block: bool


def read_commands(page: Path) -> Iterator[Command]:
    """Yield every command of a page, in its order; first those of the blocks."""
    name = page.relative_to(ROOT).as_posix()
    # In a template, a dollar sign is written twice.
    text = page.read_text(encoding="utf8").replace("$$", "$")
    for language, lines in FENCE.findall(text):
        if language in ("console", "bash"):
            prompt = "$ " if language == "console" else ""
            typed = [x.strip() for x in lines.splitlines() if x.strip().startswith(prompt)]
            for line in typed:
                yield Command(name, re.sub(r"\s+# .*", "", line.removeprefix(prompt)), True)
    for code in re.findall(r"`([^`]+)`", FENCE.sub("", text)):
        words = [word for word in code.split() if "=" not in word or word[0] == "-"]
        if len(words) > 1 and words[0] in CHECKS and not {"…", "..."} & set(words):
            yield Command(name, " ".join(code.split()), False)


def understand(line: str) -> None:
    """Raise an error unless every program in a line of shell knows the command that it gets.

    Names and options are looked up by each program's own parser. Nothing is run.
    """
    for part in line.split(" && "):
        words = shlex.split(re.sub(r"<[^>]+>", "x", part))
        while words[0] == "env" or "=" in words[0]:
            words.pop(0)
        CHECKS[words[0]](words[1:])


def parse_click(command: Any, words: list[str]) -> None:
    """Parse with a command of click's, or of typer's own copy of click.

    Raises the error of click for what is wrong, but not for what is yet to follow.
    """
    try:
        context = command.make_context(command.name, list(words))
    except Exception as error:
        if type(error).__name__ not in ("MissingParameter", "NoArgsIsHelpError"):
            raise
        return
    if hasattr(command, "resolve_command"):
        _, sub, rest = command.resolve_command(context, context._protected_args + context.args)
        parse_click(sub, rest)


def check_python(words: list[str]) -> None:
    """Parse `-m MODULE ...`: a program that has a check, or a module of this project."""
    assert words[0] == "-m", words
    if words[1] in CHECKS:
        CHECKS[words[1]](words[2:])
        return
    app = typer.Typer(add_completion=False)
    app.command()(import_module(words[1]).main)
    parse_click(typer.main.get_command(app), words[2:])


def check_weasel(words: list[str]) -> None:
    """Parse as weasel does, and what it would run; it takes any variable, known or not."""
    number = next((i for i, word in enumerate(words) if word.startswith("--vars.")), len(words))
    own = dict(zip(words[number::2], words[number + 1 :: 2], strict=True))
    parse_click(typer.main.get_command(weasel.app), words[:number])
    if words[0] != "run" or number < 2:
        return
    assert not own or number == 3, "weasel takes --vars only after a folder: put a `.` there"
    project = srsly.read_yaml(ROOT / Path(*words[2:number]) / "project.yml")
    values = {f"--vars.{name}": value for name, value in project.get("vars", {}).items()}
    assert set(own) <= set(values), own
    scripts = {command["name"]: command["script"] for command in project["commands"]}
    for name in project.get("workflows", {}).get(words[1], [words[1]]):
        for line in scripts[name]:
            filled = re.sub(r"\$\{(vars\.\w+)\}", lambda x: str((values | own)[f"--{x[1]}"]), line)
            understand(filled)


def check_dvc(words: list[str]) -> None:
    def refuse(parser: DvcParser, message: str, *_: object) -> None:
        raise ValueError(message)

    try:
        with patch.object(DvcParser, "error", refuse):
            get_main_parser().parse_args(words)
    except ValueError as error:
        if "arguments are required" not in str(error):
            raise


def check_git(words: list[str]) -> None:
    # Git explains any command that it has, with this exit status.
    done = subprocess.run(["git", words[0], "-h"], cwd=ROOT, capture_output=True)
    assert done.returncode == 129, words


def check_gto(words: list[str]) -> None:
    parse_click(gto.cli.app, words)


def check_make(words: list[str]) -> None:
    done = subprocess.run(["make", "--dry-run", *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def check_pip(words: list[str]) -> None:
    create_command(words[0]).parse_args(words[1:])


def check_pytest(words: list[str]) -> None:
    assert all((ROOT / word).exists() for word in words if word[0] != "-")


def check_ray(words: list[str]) -> None:
    # It is there after `make ray`.
    if find_spec("ray"):
        parse_click(import_module("ray.scripts.scripts").cli, words)


def check_spacy(words: list[str]) -> None:
    assert words[0] in typer.main.get_command(spacy.cli.app).commands  # type: ignore[attr-defined]


def check_pre_commit(words: list[str]) -> None:
    done = subprocess.run(["pre-commit", *words, "--help"], cwd=ROOT, capture_output=True)
    assert done.returncode == 0, words


def check_path(words: list[str]) -> None:
    """A folder or file that is made later, too: there is nothing to look up."""


CHECKS: dict[str, Callable[[list[str]], None]] = {
    "cd": check_path,
    "dvc": check_dvc,
    "git": check_git,
    "gto": check_gto,
    "make": check_make,
    "pip": check_pip,
    "pre-commit": check_pre_commit,
    "pytest": check_pytest,
    "python": check_python,
    "ray": check_ray,
    "source": check_path,
    "spacy": check_spacy,
    "weasel": check_weasel,
}
"""What looks at the words after a program's name. A new program in the pages needs a line here."""
