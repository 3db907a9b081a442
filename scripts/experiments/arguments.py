"""The arguments of `dvc exp run`: values are written to them, and read, in Hydra's syntax."""

import re
import sys
from typing import Any

import typer
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString
from hydra.errors import HydraException

from scripts.experiments.naming import Changes

DVC = [sys.executable, "-m", "dvc"]
# The last stages that an experiment runs: `dvc exp apply` brings its figures and its page.
# `package` has nothing to do in one.
TARGETS = ("judge", "report")


def as_hydra(value: Any) -> str:
    """A value as `dvc exp run --set-param` reads it (Hydra's syntax), whatever is in it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {as_hydra(x)}" for key, x in value.items()) + "}"
    if not isinstance(value, str):
        return repr(value)
    # ${ would be filled in by OmegaConf, and a quote would end Hydra's string: both are escaped.
    # Backslashes before them, and at the end of the text, have to be doubled.
    text = re.sub(r"(\\*)\$\{", r"\1\1\\${", value)
    text = re.sub(r"(\\*)'", r"\1\1\\'", text)
    return "'" + re.sub(r"(\\+)$", r"\1\1", text) + "'"


def as_arguments(changes: Changes) -> list[str]:
    """Changes as arguments of `dvc exp run`."""
    return [part for key, value in changes.items() for part in ("-S", f"{key}={as_hydra(value)}")]


def parse_setting(text: str) -> Changes:
    """The changes that a setting on the command line describes.

    text: key=value in Hydra's syntax, as `dvc exp run -S` takes it; several are separated by
    spaces. Raises typer.BadParameter where it cannot be read.
    """
    changes: Changes = {}
    for part in text.split():
        key, equals, value = part.partition("=")
        if not (key and equals and value):
            raise typer.BadParameter(f"{part}: a setting is key=value, as training.dropout=0.3")
        try:
            found = OverridesParser.create().parse_override(part).value()
        except HydraException as error:
            raise typer.BadParameter(f"{part}: {error}") from None
        changes[key] = found.text if isinstance(found, QuotedString) else found
    return changes
