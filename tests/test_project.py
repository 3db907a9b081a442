"""The two doors say the same, and what stands in two places agrees."""

import ast
import re
from pathlib import Path

import pytest
import srsly

from scripts.params import Params
from tests.projects import check_commands

ROOT = Path(__file__).parent.parent
DVC = srsly.read_yaml(ROOT / "dvc.yaml")
PROJECT = srsly.read_yaml(ROOT / "project.yml")
STAGES = DVC["stages"]
COMMANDS = {command["name"]: command for command in PROJECT["commands"]}


def keys(params: dict) -> set[str]:
    """The dotted names of all values."""
    return {f"{section}.{key}" for section, values in params.items() for key in values}


def test_every_stage_is_a_command_with_the_same_help_in_the_same_order() -> None:
    assert [name for name in COMMANDS if name in STAGES] == list(STAGES)
    for name, stage in STAGES.items():
        assert COMMANDS[name]["help"] == stage["desc"]
        assert COMMANDS[name]["script"] == [f"python -m dvc repro {name}"]


def test_weasel_accepts_the_project_and_its_commands_name_modules_that_exist() -> None:
    check_commands(ROOT)


def test_every_variable_is_shown_with_the_dot_that_weasel_asks_for() -> None:
    """Without it, weasel takes the first flag for the project's folder."""
    shown = {name: x["help"] for name, x in COMMANDS.items() if "--vars" in x["help"]}
    assert {"compare", "lineage", "annotate"} <= set(shown)
    for name, text in shown.items():
        assert f"(weasel run {name} . --vars." in text


def test_a_file_directly_in_scripts_is_a_door_or_ground() -> None:
    ground = {"__init__", "exceptions", "functions", "params", "words"}
    places = ["dvc.yaml", "project.yml", "Makefile", ".github/workflows/model.yml"]
    text = "\n".join((ROOT / place).read_text(encoding="utf8") for place in places)
    doors = set(re.findall(r"python -m scripts\.(\w+)", text))
    assert {path.stem for path in (ROOT / "scripts").glob("*.py")} <= doors | ground


def test_every_room_says_in_a_line_what_it_knows() -> None:
    rooms = {path.parent for path in (ROOT / "scripts").glob("*/*.py")}
    for room in rooms:
        says = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf8")))
        assert says and "\n" not in says, room


def test_params_yaml_has_exactly_the_keys_of_the_model() -> None:
    sections = {
        name: list(field.annotation.model_fields)  # type: ignore[union-attr]
        for name, field in Params.model_fields.items()
    }
    assert keys(srsly.read_yaml(ROOT / "params.yaml")) == keys(sections)


def test_every_param_is_used_by_a_stage_and_every_used_one_exists() -> None:
    params = srsly.read_yaml(ROOT / "params.yaml")
    used: set[str] = set()
    for stage in STAGES.values():
        for key in stage.get("params", []):
            used |= {f"{key}.{name}" for name in params[key]} if key in params else {key}
    assert used == keys(params)


def commands(name: str) -> str:
    """The command line of a stage, or all of them."""
    cmd = STAGES[name]["cmd"]
    return cmd if isinstance(cmd, str) else "\n".join(cmd)


def imports(path: Path) -> set[Path]:
    """A file and all files of the project that it loads, directly or not."""
    found = {path}
    waiting = [path]
    while waiting:
        for node in ast.walk(ast.parse(waiting.pop().read_text(encoding="utf8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("scripts"):
                module = ROOT / str(node.module).replace(".", "/")
                names = [module / f"{alias.name}.py" for alias in node.names]
                files = {name if name.exists() else module.with_suffix(".py") for name in names}
                new = {file if file.exists() else module / "__init__.py" for file in files} - found
                found |= new
                waiting += new
    return found


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_declares_the_scripts_and_params_that_it_reads(name: str) -> None:
    stage = STAGES[name]
    run = re.findall(r"scripts[./][\w./]+", commands(name))
    doors = {ROOT / (script.removesuffix(".py").replace(".", "/") + ".py") for script in run}
    # What these change is what is refused, and how that is said, not what is made.
    ground = {ROOT / f"scripts/{name}.py" for name in ("params", "exceptions", "words")}
    ground |= {*(ROOT / "scripts/settings").glob("*.py")}
    declared = stage.get("params", [])
    for file in set().union(*map(imports, doors)) - ground:
        places = {place.relative_to(ROOT).as_posix() for place in (file, file.parent)}
        assert places & set(stage["deps"]), f"{name} reads {file}"
        for section, key in re.findall(r"params\.(\w+)\.(\w+)", file.read_text(encoding="utf8")):
            assert section in declared or f"{section}.{key}" in declared, f"{file}: {section}.{key}"


def test_training_is_spacy_train() -> None:
    assert " spacy train training/config.cfg " in commands("train")


def test_values_stand_in_params_alone() -> None:
    for name in STAGES:
        placeholders = re.findall(r"\$\{(.+?)\}", commands(name))
        assert set(placeholders) <= {"training.gpu_id"}, "text must never reach a shell"


def test_dvc_waits_on_no_network() -> None:
    config = (ROOT / ".dvc/config").read_text(encoding="utf8")
    assert "analytics = false" in config and "check_update = false" in config
