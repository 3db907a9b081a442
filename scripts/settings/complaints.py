"""Say in plain words what pydantic finds wrong with settings: which key, in which line, and why."""

import re
from pathlib import Path
from reprlib import Repr
from typing import Any, NoReturn

from pydantic import BaseModel, ValidationError

from scripts.exceptions import ParamsError
from scripts.settings.yaml_file import Key, line_of
from scripts.words import did_you_mean

# Shortens a wrong value in a message: references in YAML can make a small file's values endless.
SHORT = Repr()
SHORT.maxlevel, SHORT.maxstring = 2, 200
# What pydantic's errors mean; in braces, its own names for what is wanted.
MEANING = {
    "missing": "is missing",
    "extra_forbidden": "not a parameter",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must be one line of text",
    "list_type": "must be a list",
    "dict_type": "must be a section of keys and values",
    "model_type": "must be a section of keys and values",
    "literal_error": "must be {expected}",
    "finite_number": "must be a finite number",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be {le} or less",
}


def refuse(
    name: Path | str, error: ValidationError, model: type[BaseModel], text: str = ""
) -> NoReturn:
    """Raise ParamsError with every wrong key, a line each, in the order of the file.

    name: the file, or whatever else the values come from.
    error: what is wrong with them.
    model: what they should be.
    text: the file's text, if there is one: it tells the lines.
    """
    problems = [*error.errors()]
    misspelt = "".join(meant(x["loc"], model) for x in problems if x["type"] == "extra_forbidden")
    complaints = []
    for problem in problems:
        key: Key = problem["loc"]
        # A key that is missing because it is misspelt is one mistake.
        if problem["type"] == "missing" and re.search(rf"\b{key[-1]}\b", misspelt):
            continue
        line = line_of(text, key) if text else 0
        place = f"{name}:{line}" if line else str(name)
        dotted = ".".join(map(str, key)) or "the file"
        complaints.append((line, f"{place}: {dotted}: {complain(problem, model)}"))
    raise ParamsError("\n".join(said for _, said in sorted(complaints))) from error


def complain(problem: Any, model: type[BaseModel]) -> str:
    """What one of pydantic's errors means, in plain words.

    problem: of `ValidationError.errors`.
    model: what the values should be.
    """
    kind, context = problem["type"], problem.get("ctx", {})
    if kind in MEANING:
        meaning = MEANING[kind].format(**context)
    else:
        meaning = problem["msg"].removeprefix("Value error, ")
    if kind == "missing":
        return meaning
    if kind == "extra_forbidden":
        return meaning + meant(problem["loc"], model)
    if wanted := description_of(model, problem["loc"]):
        meaning = f"must be {wanted}"
    choices = re.findall(r"'(.+?)'", str(context.get("expected", "")))
    near = did_you_mean(str(problem["input"]), choices)
    return f"{meaning} (found: {SHORT.repr(problem['input'])}{near})"


def fields_of(model: Any, key: Key = ()) -> dict[str, Any]:
    """The fields of a section of a model, by their names; none of what is no section."""
    for part in key:
        field = fields_of(model).get(str(part))
        model = field.annotation if field else None
    return getattr(model, "model_fields", {})


def description_of(model: type[BaseModel], key: Key) -> str:
    """What the model says in words of the value that it wants for a key; empty where nothing."""
    field = fields_of(model, key[:-1]).get(str(key[-1])) if key else None
    return (field.description or "") if field else ""


def meant(key: Key, model: type[BaseModel]) -> str:
    """`; did you mean ...?` for a key that does not exist; empty where no other is near."""
    name = str(key[-1])
    if near := did_you_mean(name, fields_of(model, key[:-1])):
        return near
    everywhere = [f"{x}.{y}" for x in fields_of(model) for y in fields_of(model, (x,))]
    same = [x for x in everywhere if x.endswith(f".{name}")]
    return f"; did you mean {' or '.join(same)}?" if same else ""
