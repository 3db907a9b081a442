"""The values of params.yaml, typed and checked before any work is done."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from scripts.settings.complaints import refuse
from scripts.settings.yaml_file import parse_yaml, read_text

PARAMS = Path("params.yaml")

Share = Annotated[float, Field(ge=0, le=1)]
# One line of text that can stand in a file name of any system.
Text = Annotated[str, Field(min_length=1, pattern=r"^[^\r\n]+$")]
# The same, or nothing.
Line = Annotated[str, Field(pattern=r"^[^\r\n]*$")]
# A key, or a column by its name or its number, counted from 1; or nothing.
Column = Annotated[Line, BeforeValidator(lambda value: str(value) if type(value) is int else value)]
NUMBER = r"(0|[1-9][0-9]*)"
VERSION = rf"^{NUMBER}\.{NUMBER}\.{NUMBER}((a|b|rc){NUMBER})?$"
NAME = "lower-case letters and digits, joined by single underscores, as telecom_ner"
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


def read_fold(fold: str) -> tuple[int, int] | None:
    """The number of a fold and how many folds there are, of "2/5"; None for an empty text.

    Raises ValueError for anything else, and where there is no such fold.
    """
    if not fold:
        return None
    number, _, folds = fold.partition("/")
    if not (number.isdecimal() and folds.isdecimal() and 1 <= int(number) <= int(folds) >= 2):
        raise ValueError("a fold is written 2/5, the second of five; there are two at least")
    return int(number), int(folds)


def check_fold(fold: str) -> str:
    """Return a fold as it is written; raises ValueError where it is none."""
    read_fold(fold)
    return fold


class Section(BaseModel):
    """A section of params.yaml: unknown keys and values of another type are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Base(Section):
    model: Text
    component: Annotated[str, Field(pattern=r"^\w+$", description="a component's name, as ner")]


class Data(Section):
    source: Text
    format: Format
    columns: dict[Literal["word", "tag", "sentence", "start", "end", "label"], Column]
    text: Column
    spans: Column
    alignment: Literal["strict", "contract", "expand"]
    max_rejected: Annotated[int, Field(ge=0)]
    max_lost_spans: Share
    rename: dict[Text, Text]
    train_share: Annotated[float, Field(gt=0, le=1)]
    unlabelled: Literal["base", "missing", "outside"]
    dev: Annotated[float, Field(gt=0, lt=0.5)]
    test: Annotated[float, Field(gt=0, lt=0.5)]
    seed: int
    fold: Annotated[str, AfterValidator(check_fold)]


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
    rename: dict[Text, Text]
    min_retention: Share
    min_new_f: Share


class Package(Section):
    # What spacy package and PEP 440 accept, as they write it, so that a wrong name is refused
    # before training.
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$", description=NAME)]
    version: Annotated[str, Field(pattern=VERSION, description="a version, as 1.0.0 or 1.0.0rc1")]
    build: Literal["content", "none"]
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


def load_params(path: Path = PARAMS) -> Params:
    """Read and check params.yaml; raises ParamsError, which names every wrong key."""
    text = read_text(path)
    values = parse_yaml(text, str(path))
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        refuse(path, error, Params, text)


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
