"""The two doors say the same, and what stands in two places agrees."""

import ast
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import srsly
from weasel.util.config import load_project_config
from weasel.util.hashing import get_checksum

from scripts.params import Params
from scripts.storage.dvc import hash_files, hash_path

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


@pytest.mark.parametrize("folder", [".", "base_model", "benchmarks"])
def test_weasel_accepts_each_project_and_its_commands_name_modules_that_exist(folder: str) -> None:
    # weasel checks the schema, and that workflows name commands that exist; it exits if not.
    project = load_project_config(ROOT / folder)
    for command in project["commands"]:
        for line in command["script"]:
            (module,) = re.findall(r"python -m ([\w.]+)", line)
            name = module.replace(".", "/")
            assert (ROOT / f"{name}.py").is_file() or find_spec(module), line
            assert not re.search(r"[|*$]|&&", line), "weasel runs commands without a shell"


def test_every_variable_is_shown_with_the_dot_that_weasel_asks_for() -> None:
    """Without it, weasel takes the first flag for the project's folder."""
    pages = [path for path in ROOT.glob("docs/*.md") if path.name != "commands.md"]
    texts = [(ROOT / "README.md").read_text(), *(path.read_text() for path in pages)]
    shown = [line for text in texts for line in text.splitlines() if "--vars" in line]
    for name, command in COMMANDS.items():
        if "--vars" in command["help"]:
            assert f"(weasel run {name} . --vars." in command["help"]
            shown.append(command["help"])
    assert len(shown) > 8
    for line in shown:
        assert re.search(r"weasel run \w+ \. --vars\.\w+ \S", line), line


@pytest.mark.parametrize("folder", ["base_model", "benchmarks"])
def test_assets_of_the_smaller_projects_stay_out_of_git(folder: str) -> None:
    for asset in srsly.read_yaml(ROOT / folder / "project.yml")["assets"]:
        assert {"dest", "description", "license"} <= set(asset)
        command = ["git", "check-ignore", "--quiet", f"{folder}/{asset['dest']}"]
        assert subprocess.run(command, cwd=ROOT).returncode == 0


def test_a_file_directly_in_scripts_is_a_door_or_ground() -> None:
    ground = {"__init__", "exceptions", "functions", "params"}
    places = ["dvc.yaml", "project.yml", "Makefile", ".github/workflows/model.yml"]
    text = "\n".join((ROOT / place).read_text(encoding="utf8") for place in places)
    doors = set(re.findall(r"python -m scripts\.(\w+)", text))
    # `run` makes the report itself, and it can be made by hand, too.
    doors.add("report")
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
    # What these two change is what is refused, and how that is said, not what is made.
    ground = {ROOT / "scripts/params.py", ROOT / "scripts/exceptions.py"}
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


def test_assets_are_the_files_that_project_yml_names() -> None:
    for asset in PROJECT["assets"]:
        assert {"dest", "description", "license"} <= set(asset)
        if not asset.get("extra"):
            assert get_checksum(ROOT / asset["dest"]) == asset["checksum"]
        elif asset["dest"].endswith(".whl"):
            assert re.search(r"#sha256=[0-9a-f]{64}$", asset["url"])


def test_the_commands_page_is_what_weasel_document_writes(tmp_path: Path) -> None:
    written = tmp_path / "commands.md"
    command = [sys.executable, "-m", "weasel", "document", str(ROOT), "--output", str(written)]
    subprocess.run(command, check=True, capture_output=True)
    # Its links are those of a page beside project.yml.
    page = re.sub(r"\]\((?=project\.yml|assets/)", "](../", written.read_text(encoding="utf8"))
    assert (ROOT / "docs/commands.md").read_text(encoding="utf8") == page, "make document"


def test_the_readme_shows_the_figures_of_the_last_run() -> None:
    scores = srsly.read_json(ROOT / "metrics/scores.json")
    picture = (ROOT / "docs/summary.svg").read_text(encoding="utf8")
    figures = [scores["tuned"][part]["ents_f"] for part in ("new", "kept", "kept_in_domain")]
    for figure in (scores["retention"], *figures):
        assert f"{figure:.3f}" in picture, "make document"


def hash_tracked(path: str) -> str | None:
    """The MD5 of a file, or of a folder's files, that git tracks; None where it tracks none."""
    command = ["git", "ls-files", "-z", "--", path]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    files = {name: hash_path(ROOT / name)[0] for name in listed.split("\0")[:-1]}
    if path in files:
        return files[path]
    within = {name.removeprefix(f"{path}/"): md5 for name, md5 in files.items()}
    return hash_files(within) if within else None


def value_of(params: dict, key: str) -> Any:
    """The value, or the section, with a dotted name."""
    for part in key.split("."):
        params = params[part]
    return params


@pytest.mark.parametrize("name", STAGES)
def test_dvc_lock_is_current(name: str) -> None:
    lock = srsly.read_yaml(ROOT / "dvc.lock")["stages"][name]
    params = srsly.read_yaml(ROOT / "params.yaml")

    def fill(text: str) -> str:
        return re.sub(r"\$\{(.+?)\}", lambda found: str(value_of(params, found[1])), text)

    stage = STAGES[name]
    again = "`dvc repro`, and commit dvc.lock with the rest"
    assert "\n".join(lock["cmd"] if isinstance(lock["cmd"], list) else [lock["cmd"]]).split() == (
        fill(commands(name)).split()
    ), again
    assert {dep["path"] for dep in lock["deps"]} == set(map(fill, stage["deps"])), again
    recorded = lock.get("params", {}).get("params.yaml", {})
    assert recorded == {key: value_of(params, key) for key in stage.get("params", [])}, again
    for entry in lock["deps"] + lock["outs"]:
        found = hash_tracked(entry["path"])
        assert found in (None, entry["md5"]), f"{entry['path']} is not what {name} had: {again}"


def test_dvc_lock_has_every_stage_and_no_other() -> None:
    assert set(srsly.read_yaml(ROOT / "dvc.lock")["stages"]) == set(STAGES)


def test_dvc_waits_on_no_network() -> None:
    config = (ROOT / ".dvc/config").read_text(encoding="utf8")
    assert "analytics = false" in config and "check_update = false" in config
