"""A model is traced to the commits that made it; a changed one, or a stranger's, is told."""

import io
import json
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import srsly
from dvc.utils.serialize import dump_yaml

from scripts.exceptions import RevisionError
from scripts.lineage import main
from scripts.provenance.describe import describe, hide_folders
from scripts.provenance.origins import find_commits, inputs_of
from scripts.provenance.packaged import read_model
from scripts.provenance.revisions import Revision, facts
from scripts.settings.yaml_file import read_yaml
from scripts.storage.dvc import hash_files, hash_path

WEIGHTS = {"config.cfg": "[nlp]", "ner/model": "1 2 3", "meta.json": "{}"}


def git(*command: str) -> str:
    """Run git in the current folder, as nobody in particular."""
    who = ["-c", "user.name=Test", "-c", "user.email=test@localhost"]
    return subprocess.run(
        ["git", *who, *command], check=True, capture_output=True, text=True
    ).stdout.strip()


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def commit(
    model: Path,
    data: str = "one",
    dropout: float = 0.1,
    packaged: bool = True,
    path: str = "data",
    more: dict[str, float] | None = None,
    files: int = 4,
) -> str:
    """Commit a dvc.lock, as DVC writes it, that says that this model was made and packaged.

    more: values of `training` besides the dropout. files: how many the package has.
    """
    md5, _ = hash_path(model)
    stages: dict[str, Any] = {"assemble": {"outs": [{"path": "training/model", "md5": md5}]}}
    if packaged:
        deps = [("training/model", md5), (path, hash_data(data)), ("scripts/package.py", "00")]
        deps.append(("training/verdict.json", "01"))
        stages["package"] = {
            "outs": [{"path": "packages", "md5": "02.dir", "nfiles": files}],
            "deps": [{"path": dep, "md5": value} for dep, value in deps],
            "params": {"params.yaml": {"training": {"dropout": dropout} | (more or {})}},
        }
    dump_yaml("dvc.lock", {"schema": "2.0", "stages": stages})
    git("add", "dvc.lock")
    git("commit", "--quiet", "--allow-empty", "--message", f"{data} {dropout}")
    return git("rev-parse", "HEAD")


def hash_data(text: str) -> str:
    Path("data").write_text(text)
    return hash_path(Path("data"))[0]


def make_package(
    model: Path,
    target: Path,
    data: str = "one",
    dropout: float = 0.1,
    path: Path = Path("data"),
    more: dict[str, float] | None = None,
) -> Path:
    """A folder like an installed package: the model with its lineage."""
    hash_data(data)
    lineage = describe(
        model=model,
        inputs=[path],
        params={"training": {"dropout": dropout} | (more or {})},
        environment={},
        scores={},
    )
    files = WEIGHTS | {"meta.json": "{1}", "lineage.json": json.dumps(lineage)}
    return write(target / "en_x/en_x-1.0.0", files).parents[1]


def as_wheel(folder: Path) -> Path:
    path = folder.with_suffix(".whl")
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.rglob("*"):
            archive.write(file, file.relative_to(folder))
    return path


def as_sdist(folder: Path) -> Path:
    path = folder.with_suffix(".tar.gz")
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, "en_x-1.0.0")
    return path


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a model, in a repository without a commit."""
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet", ".")
    return write(tmp_path / "training/model", WEIGHTS).relative_to(tmp_path)


def ask(*paths: Path) -> int:
    with pytest.raises(SystemExit) as left:
        main(*paths)
    return int(left.value.code or 0)


def test_hashes_are_those_of_dvc(model: Path) -> None:
    md5, files = hash_path(model)
    # What `dvc add` of DVC 3.67 wrote of this folder.
    assert md5 == "cda194a0347c0568f9b0419d841cf7c1.dir" == hash_files(files)
    assert set(files) == set(WEIGHTS)


@pytest.mark.parametrize(
    ("value", "shown"),
    [("/home/ada/own", "own"), (r"C:\Users\ada\own", "own"), ("../own/x", "../own/x"), (0.5, 0.5)],
)
def test_folders_of_the_machine_stay_there(value: Any, shown: Any) -> None:
    assert hide_folders({"data": {"source": value}}) == {"data": {"source": shown}}


def test_a_package_tells_no_folder_and_is_known_all_the_same(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    commit(model, path=str(data))
    package = make_package(model, tmp_path / "package", path=data)
    text = next(package.rglob("lineage.json")).read_text()
    assert str(tmp_path) not in text and hash_path(data)[0] in text
    assert ask(package) == 0
    assert "made this package" in capsys.readouterr().out


def test_the_commits_that_made_a_model_are_found_on_all_branches(model: Path) -> None:
    first = commit(model)
    other = write(Path("other"), WEIGHTS | {"ner/model": "4 5 6"})
    commit(other)
    git("checkout", "--quiet", "-b", "side", first)
    side = commit(model, dropout=0.2)
    git("checkout", "--quiet", "-")
    git("checkout", "--quiet", "--detach", "HEAD")
    md5, _ = hash_path(model)
    assert {found.name for found in find_commits(md5)} == {first, side}
    assert len(find_commits(hash_path(other)[0])) == 1


@pytest.mark.parametrize("form", [lambda folder: folder, as_wheel, as_sdist])
def test_a_package_in_every_form_names_its_commit(
    model: Path,
    tmp_path: Path,
    form: Callable[[Path], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = commit(model)
    assert ask(form(make_package(model, tmp_path / "package"))) == 0
    output = capsys.readouterr().out
    assert name[:7] in output and "made this package" in output


def test_the_pipelines_own_folder_is_known_too(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(model)
    assert ask(model) == 0
    assert "made this pipeline" in capsys.readouterr().out


def test_what_was_packaged_otherwise_is_told_apart(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(model, dropout=0.3)
    commit(model, packaged=False)
    assert ask(make_package(model, tmp_path / "package")) == 0
    output = capsys.readouterr().out
    assert "packaged it otherwise: training.dropout" in output
    assert "did not package it" in output


def test_an_experiment_that_left_packages_empty_did_not_package_it(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(model, files=0)
    assert ask(make_package(model, tmp_path / "package")) == 0
    assert "made this pipeline, and did not package it" in capsys.readouterr().out


def test_every_digit_of_a_value_is_the_same_in_package_and_commit(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = [number / 100 for number in range(100)]
    values += [1e-5, 2.5e-7, 1.5e-12, 1e22, 1 / 3, 0.1 + 0.2]
    numbers = {f"number_{place}": value for place, value in enumerate(values)}
    lines = [f"  {name}: {value!r}\n" for name, value in numbers.items()]
    Path("params.yaml").write_text(f"training:\n{''.join(lines)}", encoding="utf8")
    git("add", "params.yaml")
    commit(model, more=numbers)
    read = read_yaml(Path("params.yaml"))["training"]
    assert read == numbers
    assert ask(make_package(model, tmp_path / "package", more=read)) == 0
    assert "made this package" in capsys.readouterr().out
    wanted = {f"training.{name}": value for name, value in numbers.items()}
    assert Revision("HEAD").params() == Revision("workspace").params() == facts("HEAD") == wanted


def test_a_package_is_found_where_packages_are(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(model)
    package = as_wheel(make_package(model, Path("built")))
    wheel = Path("packages/en_x-1.0.0+0ab1cd23-py3-none-any.whl")
    wheel.parent.mkdir()
    package.rename(wheel)
    assert ask(Path(wheel.name)) == 0
    assert str(wheel) in capsys.readouterr().out
    assert ask(Path(wheel.name.replace("0ab1cd23", "31f1c006"))) == 1
    assert f"Did you mean {wheel}?" in " ".join(capsys.readouterr().out.split())
    assert ask(Path("zzz")) == 1
    assert "There is no zzz" in capsys.readouterr().out


def test_a_strangers_model_is_told(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = make_package(model, tmp_path / "package")
    assert ask(package) == 1
    commit(write(Path("other"), WEIGHTS | {"ner/model": "4"}))
    assert ask(package) == 1
    assert "No commit in this repository made it" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text"),
    [("ner/model", "1 2 4"), ("ner/more", "!"), ("config.cfg", "[nlp]\n")],
)
def test_a_package_that_was_changed_is_refused(
    model: Path, tmp_path: Path, name: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(model)
    package = make_package(model, tmp_path / "package")
    write(package / "en_x/en_x-1.0.0", {name: text})
    assert ask(package) == 1
    assert f"changed after it was packaged: {name}" in " ".join(capsys.readouterr().out.split())


def test_a_package_that_lost_a_file_or_lies_is_refused(model: Path, tmp_path: Path) -> None:
    package = make_package(model, tmp_path / "package")
    path = package / "en_x/en_x-1.0.0/lineage.json"
    lineage = srsly.read_json(path)
    (path.parent / "ner/model").unlink()
    with pytest.raises(RevisionError, match="ner/model"):
        read_model(package)
    del lineage["model"]["files"]["ner/model"]
    srsly.write_json(path, lineage)
    with pytest.raises(RevisionError, match=r"lineage\.json"):
        read_model(package)


def test_what_differs_between_two_models_is_shown(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(model)
    commit(model, data="two", dropout=0.2)
    one = make_package(model, tmp_path / "one")
    two = as_wheel(make_package(model, tmp_path / "two", data="two", dropout=0.2))
    assert ask(one, two) == 0
    table = capsys.readouterr().out.split("What differs")[1]
    assert "data" in table and "training.dropout" in table and "0.2" in table
    assert "training/model" not in table
    assert ask(one, one) == 0
    assert "both were made of the same" in capsys.readouterr().out


def test_inputs_of_a_folder_are_those_of_its_last_commit(model: Path) -> None:
    commit(model, dropout=0.1)
    commit(model, dropout=0.2)
    found = read_model(model)
    assert inputs_of(found, find_commits(found.md5))["training.dropout"] == 0.2


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 broken", b"text"])
def test_what_is_no_model_is_said_to_be_none(
    model: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path("strange.whl")
    if content is not None:
        path.write_bytes(content)
    assert ask(path) == 1
    what = "no wheel, no sdist and no folder" if content is not None else "There is no strange.whl"
    assert what in " ".join(capsys.readouterr().out.split())


def test_nothing_is_unpacked(model: Path, tmp_path: Path) -> None:
    commit(model)
    package = as_sdist(make_package(model, tmp_path / "package"))
    evil = tmp_path / "evil.tar.gz"
    with tarfile.open(package) as old, tarfile.open(evil, "w:gz") as new:
        for member in old:
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
        entry = tarfile.TarInfo("../../out.txt")
        entry.size = 1
        new.addfile(entry, io.BytesIO(b"x"))
    assert ask(evil) == 0
    assert not list(tmp_path.parent.glob("out.txt")) and not list(tmp_path.rglob("out.txt"))
