"""Before any work: the paths that params.yaml names are there, and so is the GPU."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import srsly
from dvc.utils.hydra import apply_overrides

from scripts.exceptions import ParamsError
from scripts.runtime.gpu import refuse_missing_gpu
from scripts.storage.paths import refuse_missing_paths
from scripts.words import amount, did_you_mean, what_is_near
from tests.conftest import ROOT, write_world
from tests.projects import sh


def refusal(folder: Path, **changes: str) -> str:
    """What is said of a world whose params.yaml has other values."""
    with pytest.raises(ParamsError) as refused:
        refuse_missing_paths(write_world(folder / "w", **changes))
    return str(refused.value)


def in_world(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "w").mkdir()
    monkeypatch.chdir(folder / "w")


def test_a_path_that_is_not_there_is_named_with_what_is_near(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_world(tmp_path, monkeypatch)
    said = refusal(tmp_path, data__source="dat", rehearsal__text="data/trian.jsonl")
    source, text = said.splitlines()
    assert source == "params.yaml:1: data.source: there is no dat; did you mean data?"
    assert text.startswith("params.yaml:1: rehearsal.text: there is no data/trian.jsonl; did you ")
    assert "data/train.jsonl" in text


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("data/*.jsonl", "data/*.jsonl is a pattern: name the folder"),
        ("data/train.jsonl?", "is a pattern"),
        (".", ". is the project's own folder, or above it"),
        ("..", ".. is the project's own folder, or above it"),
        ("./", "./ is the project's own folder"),
    ],
)
def test_what_is_no_path_of_data_is_refused(
    source: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_world(tmp_path, monkeypatch)
    line = refusal(tmp_path, data__source=source)
    assert line.startswith("params.yaml:1: data.source: ") and said in line


def test_the_home_folder_is_written_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_world(tmp_path, monkeypatch)
    monkeypatch.setenv("HOME", str(tmp_path))
    line = refusal(tmp_path, data__source="~/texts")
    assert line.endswith(f"~/texts: ~ is not understood here: write {tmp_path}/texts")


def test_renaming_for_one_experiment_is_written_as_params_yaml_says(tmp_path: Path) -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf8")
    (override,) = re.findall(r"exp run -S '(.+)'", text)
    path = tmp_path / "params.yaml"
    path.write_text("data:\n  rename: {}\n", encoding="utf8")
    apply_overrides(path, [override])
    assert srsly.read_yaml(path) == {"data": {"rename": {"person": "PERSON"}}}


def test_all_paths_that_are_there_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_world(tmp_path, monkeypatch)
    refuse_missing_paths(write_world(tmp_path / "w"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("texts.dvc", "outs: []"),
        ("dvc.yaml", "stages: {make: {cmd: x, outs: [texts]}}"),
        ("dvc.yaml", "stages: {make: {cmd: x, outs: [{texts: {cache: false}}]}}"),
    ],
)
def test_what_dvc_brings_or_makes_may_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    in_world(tmp_path, monkeypatch)
    (tmp_path / "w/dvc.yaml").write_text("stages: {}")
    (tmp_path / "w" / name).write_text(text, encoding="utf8")
    refuse_missing_paths(write_world(tmp_path / "w", data__source="texts/first"))


def test_near_is_what_lies_in_the_last_folder_that_exists(tmp_path: Path) -> None:
    assert what_is_near(tmp_path / "a/b") == ""
    for name in ("telecom", "general.jsonl", ".hidden"):
        (tmp_path / name).touch()
    near = what_is_near(tmp_path / "telekom/train.jsonl")
    assert near == f"; did you mean {tmp_path.as_posix()}/telecom?"
    assert what_is_near(tmp_path / "x") == f"; in {tmp_path} there are: general.jsonl, telecom"


def test_amounts_and_what_was_meant_are_words() -> None:
    assert [amount(number, "text") for number in (0, 1, 2000)] == [
        "0 texts",
        "1 text",
        "2,000 texts",
    ]
    assert amount(2, "story", "stories") == "2 stories"
    assert did_you_mean("updat", ["extend", "update"]) == "; did you mean update?"
    assert did_you_mean("zebra", ["extend", "update"]) == ""


def test_the_cpu_is_always_there() -> None:
    refuse_missing_gpu(-1)


def without_cupy(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a door where Python finds no CuPy, whatever is installed."""
    code = f"import sys; sys.modules['cupy'] = None; sys.argv[1:] = {command[1:]!r}; import runpy; "
    code += f"runpy.run_module({command[0]!r}, run_name='__main__')"
    python = (sys.executable, "-c", code)
    return sh(folder, *python, check=False, PYTHONPATH=str(ROOT), COLUMNS="400")


@pytest.mark.skipif(sys.platform == "darwin", reason="there a GPU needs no CuPy")
@pytest.mark.parametrize(
    "command",
    [("scripts.run",), ("scripts.runtime.environment", "environment.json")],
    ids=lambda command: command[0],
)
def test_a_gpu_without_cupy_says_what_to_install(command: tuple[str, ...], tmp_path: Path) -> None:
    write_world(tmp_path / "w", training__gpu_id=0)
    done = without_cupy(*command, folder=tmp_path / "w")
    said = " ".join(done.stdout.split())
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert "training.gpu_id is 0, but CuPy" in said
    assert "pip install 'spacy[cuda12x]'" in said and "set it to -1" in said
    assert not (tmp_path / "w/environment.json").exists()
