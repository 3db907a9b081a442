"""The two doors say the same, and what stands in two places agrees."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import srsly
from weasel.util.hashing import get_checksum

from scripts.params import Params

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


def test_workflows_name_commands_that_exist() -> None:
    for steps in PROJECT["workflows"].values():
        assert set(steps) <= set(COMMANDS)


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


def imports(name: str) -> set[str]:
    """A script and the modules of the project that it loads, in the end."""
    source = (ROOT / f"scripts/{name}.py").read_text(encoding="utf8")
    direct = set(re.findall(r"^from scripts\.(\w+) import", source, re.M)) - {"params"}
    return {name}.union(*map(imports, direct))


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_declares_the_scripts_and_params_that_it_reads(name: str) -> None:
    stage, script = STAGES[name], ROOT / f"scripts/{name}.py"
    if not script.exists():
        assert "spacy train" in stage["cmd"]
        return
    source = script.read_text(encoding="utf8")
    assert {f"scripts/{module}.py" for module in imports(name)} <= set(stage["deps"])
    declared = stage.get("params", [])
    for section, key in re.findall(r"params\.(\w+)\.(\w+)", source):
        assert section in declared or f"{section}.{key}" in declared


def test_values_stand_in_params_alone() -> None:
    for stage in STAGES.values():
        placeholders = re.findall(r"\$\{(.+?)\}", stage["cmd"])
        assert set(placeholders) <= {"training.gpu_id"}, "text must never reach a shell"


def test_assets_are_the_files_that_project_yml_names() -> None:
    for asset in PROJECT["assets"]:
        assert {"dest", "description", "license"} <= set(asset)
        if not asset.get("extra"):
            assert get_checksum(ROOT / asset["dest"]) == asset["checksum"]
        elif asset["dest"].endswith(".whl"):
            assert re.search(r"#sha256=[0-9a-f]{64}$", asset["url"])


def test_the_readme_has_what_weasel_document_writes(tmp_path: Path) -> None:
    copy = tmp_path / "README.md"
    copy.write_bytes((ROOT / "README.md").read_bytes())
    command = [sys.executable, "-m", "weasel", "document", str(ROOT), "--output", str(copy)]
    subprocess.run(command, check=True, capture_output=True)
    assert copy.read_bytes() == (ROOT / "README.md").read_bytes(), "make document"


def test_the_readme_shows_the_figures_of_the_last_run() -> None:
    scores = srsly.read_json(ROOT / "metrics/scores.json")
    picture = (ROOT / "docs/summary.svg").read_text(encoding="utf8")
    figures = [scores["tuned"][part]["ents_f"] for part in ("new", "kept", "kept_in_domain")]
    for figure in (scores["retention"], *figures):
        assert f"{figure:.3f}" in picture, "make document"


def test_dvc_lock_is_current() -> None:
    lock = srsly.read_yaml(ROOT / "dvc.lock")["stages"]
    params = srsly.read_yaml(ROOT / "params.yaml")
    assert list(lock) and set(lock) == set(STAGES)
    for name, stage in lock.items():
        recorded = stage.get("params", {}).get("params.yaml", {})
        for key, value in recorded.items():
            wanted = params
            for part in key.split("."):
                wanted = wanted[part]
            assert wanted == value, f"{name}: {key}; dvc repro, and commit dvc.lock"
        for dep in stage.get("deps", []):
            path = ROOT / dep["path"]
            if dep["path"].split("/")[0] in ("scripts", "configs", "requirements.txt"):
                assert get_checksum(path) == dep["md5"], f"{name}: {path}; dvc repro"


def test_dvc_waits_on_no_network() -> None:
    config = (ROOT / ".dvc/config").read_text(encoding="utf8")
    assert "analytics = false" in config and "check_update = false" in config
