"""The values of params.yaml, typed and checked before any work is done."""

from pathlib import Path
from reprlib import Repr
from typing import Annotated, Any, Literal, NoReturn

import srsly
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scripts.exceptions import ParamsError

PARAMS = Path("params.yaml")

Share = Annotated[float, Field(ge=0, le=1)]
# One line of text that can stand in a file name of any system.
Text = Annotated[str, Field(min_length=1, pattern=r"^[^\r\n]+$")]
# The same, or nothing.
Line = Annotated[str, Field(pattern=r"^[^\r\n]*$")]
# Shortens a wrong value in a message: references in YAML can make a small file's values endless.
SHORT = Repr()
SHORT.maxlevel, SHORT.maxstring = 2, 200
NUMBER = r"(0|[1-9][0-9]*)"
# What labelled texts come in (scripts/intake/readers.py); auto looks at the file.
Format = Literal[
    "auto",
    "prodigy",
    "doccano",
    "label-studio",
    "spacy-json",
    "docbin",
    "columns",
    "iob",
    "brat",
    "csv",
    "text",
]


class Section(BaseModel):
    """A section of params.yaml: unknown keys and values of another type are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Base(Section):
    model: Text
    component: Annotated[str, Field(pattern=r"^\w+$")]


class Data(Section):
    source: Text
    format: Format
    alignment: Literal["strict", "contract", "expand"]
    max_rejected: Annotated[int, Field(ge=0)]
    rename: dict[Text, Text]
    train_share: Annotated[float, Field(gt=0, le=1)]
    unlabelled: Literal["base", "missing", "outside"]
    dev: Annotated[float, Field(gt=0, lt=0.5)]
    test: Annotated[float, Field(gt=0, lt=0.5)]
    seed: int


class Rehearsal(Section):
    text: Text
    ratio: Annotated[float, Field(ge=0)]


class Training(Section):
    strategy: Literal["update", "extend", "replace"]
    max_epochs: Annotated[int, Field(ge=1)]
    min_steps: Annotated[int, Field(ge=0)]
    patience: Annotated[int, Field(ge=1)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    learn_rate: Annotated[float, Field(gt=0)]
    batch_size: Annotated[int, Field(ge=1)]
    seed: Annotated[int, Field(ge=0)]
    gpu_id: Annotated[int, Field(ge=-1)]


class Evaluate(Section):
    general: Text
    min_retention: Share


class Package(Section):
    # What spacy package and PEP 440 accept, as they write it, so that a wrong name is refused
    # before training.
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")]
    version: Annotated[str, Field(pattern=rf"^{NUMBER}\.{NUMBER}\.{NUMBER}((a|b|rc){NUMBER})?$")]
    author: Line
    license: Text
    description: Line


class Params(Section):
    """All of params.yaml."""

    base: Base
    data: Data
    rehearsal: Rehearsal
    training: Training
    evaluate: Evaluate
    package: Package


def refuse(path: Path, error: ValidationError) -> NoReturn:
    """Raise ParamsError with every wrong key of a file, a line each.

    path: the file, or whatever else the values come from.
    error: what is wrong with them.
    """
    lines = []
    for problem in error.errors():
        key = ".".join(map(str, problem["loc"])) or "the file"
        lines.append(f"{path}: {key}: {problem['msg']} (found: {SHORT.repr(problem['input'])})")
    raise ParamsError("\n".join(lines)) from error


def read_yaml(path: Path) -> Any:
    """The values of a YAML file; raises ParamsError if it is missing or is not YAML."""
    if not path.is_file():
        raise ParamsError(f"{path} is not here: run the command from the project's folder.")
    try:
        return srsly.read_yaml(path)
    except Exception as error:  # the YAML reader's own errors have no common class
        raise ParamsError(f"{path} is not YAML: {error}") from error


def load_params(path: Path = PARAMS) -> Params:
    """Read and check params.yaml; raises ParamsError, which names every wrong key."""
    values = read_yaml(path)
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        refuse(path, error)


def with_values(params: Params, changes: dict[str, Any]) -> Params:
    """The params with some values changed, and checked again; raises ValidationError.

    changes: keys with a dot, such as training.dropout, and their new values.
    """
    values = params.model_dump()
    for key, value in changes.items():
        section, _, name = key.partition(".")
        values.setdefault(section, {})[name] = value
    return Params.model_validate(values)


def value_of(params: Params, key: str) -> Any:
    """The value of a key with a dot, such as training.dropout."""
    section, _, name = key.partition(".")
    return getattr(getattr(params, section), name)
