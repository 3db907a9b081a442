"""Change values in the files of a new project; comments and order stay as they are."""

from io import StringIO
from pathlib import Path
from typing import Any

import tomlkit
from ruamel.yaml import YAML

from scripts.storage.atomic import write_text


def open_yaml() -> YAML:
    """A reader and writer that leaves a file of this project as it is, but for what is changed."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1000
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def write_yaml(path: Path, values: Any) -> None:
    """Write values that were read by `open_yaml`."""
    text = StringIO()
    open_yaml().dump(values, text)
    write_text(path, text.getvalue())


def rewrite_params(path: Path, changes: dict[str, Any]) -> None:
    """Write other values into params.yaml; the keys have dots."""
    values = open_yaml().load(path)
    for key, value in changes.items():
        section, name = key.split(".")
        values[section][name] = value
    write_yaml(path, values)


def rewrite_project(path: Path, name: str, demo: str) -> None:
    """Give project.yml a title, and take the demo's data out of its assets."""
    values = open_yaml().load(path)
    values["title"] = name
    for asset in [asset for asset in values["assets"] if asset["dest"] == demo]:
        values["assets"].remove(asset)
    write_yaml(path, values)


def rewrite_settings(path: Path, name: str, left: tuple[str, ...]) -> None:
    """Give pyproject.toml a name, and take out the packages that were left behind.

    left: their names, and perhaps other ones.
    """
    settings: Any = tomlkit.parse(path.read_text(encoding="utf8"))
    settings["project"]["name"] = name.replace("_", "-")
    linter = settings["tool"]["importlinter"]
    lists = [settings["tool"]["mypy"]["files"], linter["root_packages"]]
    lists += [contract["layers"] for contract in linter["contracts"] if "layers" in contract]
    for names in lists:
        # A layer names one package, or several that are side by side.
        for entry in [x for x in names if set(x.split(" | ")) <= set(left)]:
            names.remove(entry)
    write_text(path, tomlkit.dumps(settings))
