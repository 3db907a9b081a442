"""What this project ships besides code agrees: results, pictures, pages, assets, the sweep."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import srsly
from weasel.util.hashing import get_checksum

from scripts.experiments.declaration import load_sweep
from scripts.experiments.naming import name_of
from scripts.experiments.presentation import DECLARED
from scripts.founding.rewrite import open_yaml, write_yaml
from scripts.params import load_params
from scripts.storage.dvc import hash_files, hash_path
from tests.conftest import ROOT
from tests.projects import check_commands

STAGES = srsly.read_yaml(ROOT / "dvc.yaml")["stages"]


@pytest.mark.parametrize("folder", ["base_model", "benchmarks"])
def test_weasel_accepts_the_smaller_projects(folder: str) -> None:
    check_commands(ROOT / folder)


@pytest.mark.parametrize("folder", ["base_model", "benchmarks"])
def test_assets_of_the_smaller_projects_stay_out_of_git(folder: str) -> None:
    for asset in srsly.read_yaml(ROOT / folder / "project.yml")["assets"]:
        assert {"dest", "description", "license"} <= set(asset)
        command = ["git", "check-ignore", "--quiet", f"{folder}/{asset['dest']}"]
        assert subprocess.run(command, cwd=ROOT).returncode == 0


def test_assets_are_the_files_that_project_yml_names() -> None:
    for asset in srsly.read_yaml(ROOT / "project.yml")["assets"]:
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


def test_the_picture_shows_the_figures_of_the_last_run() -> None:
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

    def lines(cmd: str | list[str]) -> list[str]:
        return (cmd if isinstance(cmd, str) else " ".join(cmd)).split()

    stage = STAGES[name]
    again = "`dvc repro`, and commit dvc.lock with the rest"
    assert lines(lock["cmd"]) == [fill(word) for word in lines(stage["cmd"])], again
    assert {dep["path"] for dep in lock["deps"]} == set(map(fill, stage["deps"])), again
    recorded = lock.get("params", {}).get("params.yaml", {})
    assert recorded == {key: value_of(params, key) for key in stage.get("params", [])}, again
    for entry in lock["deps"] + lock["outs"]:
        found = hash_tracked(entry["path"])
        assert found in (None, entry["md5"]), f"{entry['path']} is not what {name} had: {again}"


def test_dvc_lock_has_every_stage_and_no_other() -> None:
    assert set(srsly.read_yaml(ROOT / "dvc.lock")["stages"]) == set(STAGES)


def test_the_sweep_is_every_strategy_with_five_amounts() -> None:
    points = load_sweep(ROOT / DECLARED, load_params(ROOT / "params.yaml")).points()
    assert len(points) == 10
    assert [p["rehearsal.ratio"] for p in points[:5]] == [0.0, 0.25, 0.5, 1.0, 2.0]
    assert [p["training.strategy"] for p in points[::5]] == ["extend", "update"]
    assert len({name_of("sweep", "abc1234", point) for point in points}) == 10


@pytest.mark.parametrize("name", ["params.yaml", "project.yml"])
def test_a_file_of_values_is_written_as_it_was_read(name: str, tmp_path: Path) -> None:
    write_yaml(tmp_path / name, open_yaml().load(ROOT / name))
    assert (tmp_path / name).read_bytes() == (ROOT / name).read_bytes()
