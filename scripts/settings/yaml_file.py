"""Read YAML exactly, and say in plain words where and why it cannot be read.

What is YAML here is what DVC takes for it (version 1.2, by ruamel.yaml), so a value is the same for
a stage as in dvc.lock.
"""

import re
from pathlib import Path
from typing import Any, NoReturn

from ruamel.yaml import YAML, MappingNode, YAMLError
from ruamel.yaml.error import MarkedYAMLError

from scripts.exceptions import ParamsError

Key = tuple[int | str, ...]
# What the reader finds, and what that means.
MEANING = (
    (r"'\\t'|\btab\b", "a tab, where YAML wants spaces: replace it by spaces"),
    (r'duplicate key "(.+?)" with', "{0} stands a second time in its section: keep one of the two"),
    (r"mapping values", "this line has a colon too many, or more spaces before it than the others"),
    (r"<block end>", "this line has other spaces before it than the others of its section"),
    (r"expected ':'", "this line has no colon with a space behind it"),
    (r"unexpected end of stream", "a quote is opened here, and never closed"),
    (r"expected ',' or '(.)'", "a bracket is opened here, and not closed with {0}"),
    (r"found character '(.)'", "text that begins with {0} needs quotes around it"),
    (r"another document", "--- begins a second document here, and a file of settings is one"),
)
# Of these, the place to look at is where it began, not where it was noticed.
BEGINS = re.compile(r"expected ':'|unexpected end of stream|expected ',' or")


def read_yaml(path: Path) -> Any:
    """The values of a YAML file; raises ParamsError if it is missing or is not YAML."""
    return parse_yaml(read_text(path), str(path))


def read_text(path: Path) -> str:
    """The text of a file of settings; raises ParamsError if it is missing or is not UTF-8."""
    if not path.is_file():
        raise ParamsError(f"{path} is not here: run the command from the project's folder.")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ParamsError(f"{path}:{line}: is not YAML: not UTF-8. Save it as UTF-8.") from None


def parse_yaml(text: str, name: str) -> Any:
    """The values of a YAML text; numbers are exactly what `float` makes of them.

    name: where the text comes from, for messages, such as params.yaml or v1:params.yaml.

    Raises ParamsError, with the line, the column and what to do, if it is not YAML.
    """
    try:
        return YAML(typ="safe").load(text)
    except (YAMLError, ValueError) as error:
        refuse_text(text, name, say_more(text, error))


def say_more(text: str, error: Exception) -> Exception:
    """The error of the reader that is written in Python, which says more than the fast one's."""
    try:
        YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError) as other:
        return other
    return error


def refuse_text(text: str, name: str, error: Exception) -> NoReturn:
    """Raise ParamsError for a text that is not YAML, and show the line, if it is known."""
    problem = str(getattr(error, "problem", None) or error).splitlines()[0]
    mark = None
    if isinstance(error, MarkedYAMLError):
        mark = error.context_mark if BEGINS.search(problem) else error.problem_mark
    if not mark:
        raise ParamsError(f"{name}: is not YAML: {problem}.") from error
    line = [*text.splitlines(), "", ""][mark.line].replace("\t", "→")
    raise ParamsError(
        f"{name}:{mark.line + 1}:{mark.column + 1}: is not YAML: {explain(problem)}.\n    {line}"
    ) from error


def explain(problem: str) -> str:
    """What the YAML reader's words mean; the words themselves where that is not known."""
    for pattern, meaning in MEANING:
        if match := re.search(pattern, problem):
            return meaning.format(*match.groups())
    return problem


def line_of(text: str, key: Key) -> int:
    """The line in which a key of a YAML text stands, or else the section that lacks it.

    key: its sections and its own name. Returns 0 where not even the first section is there.
    """
    node, line = YAML().compose(text), 0
    for part in key:
        pairs = node.value if isinstance(node, MappingNode) else []
        found = [(name, value) for name, value in pairs if name.value == str(part)]
        if not found:
            break
        line, node = found[0][0].start_mark.line + 1, found[0][1]
    return line
