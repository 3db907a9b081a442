"""The declaration of a sweep (configs/sweep.yaml), typed and checked before any work is done."""

import re
from itertools import product
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError, model_validator
from typing_extensions import Self

from scripts.exceptions import ParamsError
from scripts.params import Params, Section, Text, value_of, with_values
from scripts.settings.complaints import complain, refuse
from scripts.settings.yaml_file import parse_yaml, read_text


def check_key(key: str) -> str:
    """Return a key as it is written; raises ValueError where it has no section."""
    if not re.fullmatch(r"\w+\.\w+", key):
        raise ValueError("a key has its section before it, as training.dropout")
    return key


Key = Annotated[str, AfterValidator(check_key)]
Number = int | float
Choices = Annotated[list[bool | int | float | str], Field(min_length=1)]


class Range(Section):
    """Numbers from low to high; on a logarithmic scale, or in steps."""

    low: Number
    high: Number
    step: Annotated[Number, Field(gt=0)] | None = None
    log: bool = False

    @model_validator(mode="after")
    def check(self) -> Self:
        """Refuse what Optuna would refuse later, or change without saying so."""
        if self.low > self.high:
            raise ValueError("low is above high")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("log needs a low above 0, and no step")
        if self.step is not None and self.low + self.step > self.high:
            raise ValueError("step is wider than low to high")
        return self


class Sweep(Section):
    """All of configs/sweep.yaml."""

    grid: Annotated[dict[Key, Choices], Field(min_length=1)] | None = None
    search: Annotated[dict[Key, Choices | Range], Field(min_length=1)] | None = None
    trials: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=0)] = 0
    storage: Text = ".dvc/tmp/sweep.journal"
    maximize: Text = "tuned.new.ents_f"

    @model_validator(mode="after")
    def check(self) -> Self:
        """Refuse anything but either a grid or a search with its number of trials."""
        if (self.grid is None) == (self.search is None):
            raise ValueError("give grid or search, one of the two")
        if (self.search is None) != (self.trials is None):
            raise ValueError("a search needs trials, a grid has none: it says how many itself")
        return self

    @property
    def keys(self) -> list[str]:
        """The keys of the parameters that are varied."""
        return list(self.grid or self.search or {})

    def points(self) -> list[dict[str, Any]]:
        """Every combination of the grid's values; none for a search."""
        grid = self.grid or {}
        return [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]


def in_type_of_key(params: Params, key: str, value: Any) -> Any:
    """The value in the type that params.yaml has for its key (0 of a share becomes 0.0).

    Raises ValidationError where the key cannot have it.
    """
    return value_of(with_values(params, {key: value}), key)


def checked_space(params: Params, key: str, values: Choices | Range) -> Choices | Range:
    """Choices or a range in the type of their key.

    Raises ValidationError or ValueError where they do not fit the key.
    """
    if isinstance(values, list):
        choices = [in_type_of_key(params, key, value) for value in values]
        if twice := [x for number, x in enumerate(choices) if x in choices[:number]]:
            raise ValueError(f"{twice[0]} is listed twice")
        return choices
    low, high = (in_type_of_key(params, key, value) for value in (values.low, values.high))
    if not isinstance(low, Number) or isinstance(low, bool):
        raise ValueError("a range is for numbers: give a list")
    if isinstance(low, int) and not isinstance(values.step, int | None):
        raise ValueError("step must be whole")
    step = None if values.step is None else type(low)(values.step)
    return Range(low=low, high=high, step=step, log=values.log)


def load_sweep(path: Path, params: Params) -> Sweep:
    """Read and check a declaration; raises ParamsError, which names every wrong key."""
    text = read_text(path)
    try:
        sweep = Sweep.model_validate(parse_yaml(text, str(path)))
    except ValidationError as error:
        refuse(path, error, Sweep, text)
    spaces, wrong = {}, []
    for key, space in (sweep.grid or sweep.search or {}).items():
        try:
            spaces[key] = checked_space(params, key, space)
        except ValidationError as error:
            wrong += [f"{path}: {key}: {complain(problem, Params)}" for problem in error.errors()]
        except ValueError as error:
            wrong.append(f"{path}: {key}: {error}")
    if wrong:
        raise ParamsError("\n".join(wrong))
    return sweep.model_copy(update={"grid" if sweep.grid else "search": spaces})
