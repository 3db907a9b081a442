"""Wheel and sdist have the same bytes every time, hold what was given, and need spaCy alone."""

import email
import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest
import spacy
import srsly

from scripts.exceptions import BuildError, door
from scripts.release.apart import annotate_installed, link_distributions, list_entries
from scripts.release.wheel import build_package
from tests.projects import ROOT

TEXTS = ["Zoë retuned n78 in Århus.", "", "Nothing here.", "n78, then LTE"]
META = {
    "name": "tiny",
    "version": "1.2.3",
    "author": "Zoë & Co.",
    "license": "CC BY 4.0",
    "description": "Finds <two> words.",
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline that finds two words."""
    nlp = spacy.blank("en")
    patterns = [{"label": "BAND", "pattern": "n78"}, {"label": "STANDARD", "pattern": "LTE"}]
    nlp.add_pipe("entity_ruler").add_patterns(patterns)  # type: ignore[attr-defined]
    folder = tmp_path_factory.mktemp("model") / "tiny"
    nlp.to_disk(folder)
    return folder


def build(model: Path, output: Path) -> Path:
    meta = srsly.read_json(model / "meta.json") | META
    files = {"README.md": "# Tiny\n", "lineage.json": "{}\n", "LICENSES_SOURCES": "data: CC0\n"}
    return build_package(model=model, meta=meta, output=output, files=files)


@pytest.fixture(scope="module")
def wheel(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    # An isolated build would have to download setuptools first.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        return build(model, tmp_path_factory.mktemp("built") / "new")


def sdist_of(wheel: Path) -> Path:
    return wheel.parent / "en_tiny-1.2.3.tar.gz"


def test_both_are_named_and_described_as_asked(wheel: Path) -> None:
    assert sorted(path.name for path in wheel.parent.iterdir()) == [
        "en_tiny-1.2.3-py3-none-any.whl",
        "en_tiny-1.2.3.tar.gz",
    ]
    with zipfile.ZipFile(wheel) as archive, tarfile.open(sdist_of(wheel)) as sources:
        meta = srsly.json_loads(archive.read("en_tiny/en_tiny-1.2.3/meta.json"))
        told = archive.read("en_tiny-1.2.3.dist-info/METADATA")
        said = sources.extractfile("en_tiny-1.2.3/PKG-INFO")
        assert said is not None
        for text in (told, said.read()):
            fields = email.message_from_string(text.decode())
            assert fields["Name"] == "en_tiny" and fields["Version"] == "1.2.3"
            assert fields["Author"] == "Zoë & Co." and fields["License"] == "CC BY 4.0"
            assert fields["Summary"] == "Finds <two> words."
            assert fields["Requires-Dist"].startswith("spacy")
            assert "# Tiny" in fields.get_payload()
    assert {key: meta[key] for key in META} == META


def test_both_hold_the_model_card_the_lineage_and_the_licences(wheel: Path) -> None:
    inside = {f"en_tiny/en_tiny-1.2.3/{x}" for x in ("README.md", "lineage.json", "config.cfg")}
    with zipfile.ZipFile(wheel) as archive:
        assert inside | {"en_tiny/en_tiny-1.2.3/LICENSES_SOURCES"} <= set(archive.namelist())
    with tarfile.open(sdist_of(wheel)) as sources:
        assert {f"en_tiny-1.2.3/{name}" for name in inside} <= set(sources.getnames())


def test_the_same_model_gives_the_same_bytes_whoever_builds_it(
    model: Path, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    before = os.umask(0o077)
    try:
        again = build(model, tmp_path)
    finally:
        os.umask(before)
    assert again.read_bytes() == wheel.read_bytes()
    assert sdist_of(again).read_bytes() == sdist_of(wheel).read_bytes()


# Installed apart


def test_what_is_installed_says_what_the_model_says(model: Path, wheel: Path) -> None:
    said = list(annotate_installed(wheel, TEXTS))
    assert said == [doc.to_json() for doc in spacy.load(model).pipe(TEXTS)]
    assert [[ent["label"] for ent in doc["ents"]] for doc in said] == [
        ["BAND"],
        [],
        [],
        ["BAND", "STANDARD"],
    ]


@pytest.fixture(scope="module")
def crowded(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment in which the package itself is installed, and something broken.

    All that is installed here can be imported there too.
    """
    folder = tmp_path_factory.mktemp("crowded")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "all.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf8")
    python = folder / "bin/python"
    pip = ["-m", "pip", "install", "--quiet", "--no-index", "--no-deps", str(wheel)]
    subprocess.run([python, *pip], check=True)
    # spaCy loads every entry point of this group as soon as a pipeline is made.
    broken = site / "broken-1.0.dist-info"
    broken.mkdir()
    (broken / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (broken / "entry_points.txt").write_text("[spacy_factories]\nbroken = nowhere:at_all\n")
    return python


def run_there(python: Path, code: str, *arguments: str) -> str:
    done = subprocess.run(
        [python, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, encoding="utf8"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_else_is_installed_is_not_seen(model: Path, wheel: Path, crowded: Path) -> None:
    # There it is installed, and the broken one breaks spaCy.
    assert "nowhere" in run_there(
        crowded,
        "import en_tiny\ntry: en_tiny.load()\nexcept ModuleNotFoundError as error: print(error)",
    )
    code = (
        "import json, sys; from pathlib import Path\n"
        "from scripts.release.apart import annotate_installed\n"
        "print(json.dumps([*annotate_installed(Path(sys.argv[1]), json.loads(sys.argv[2]))]))"
    )
    said = json.loads(run_there(crowded, code, str(wheel), json.dumps(TEXTS)))
    assert said == [doc.to_json() for doc in spacy.load(model).pipe(TEXTS)]


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of links to what spaCy needs."""
    folder = tmp_path_factory.mktemp("linked")
    link_distributions(["spacy>=3.8"], folder)
    return folder


def test_nothing_but_spacy_is_there_when_a_package_is_tried(linked: Path) -> None:
    found = {x.name.split("-")[0] for x in linked.iterdir()}
    assert {"spacy", "thinc", "numpy", "srsly", "catalogue", "pydantic"} <= found
    assert not {"dvc", "pandas", "dvclive", "ftfy", "pytest", "pip", "scripts"} & found
    # Compiled libraries and modules without a folder are there, too.
    assert {"numpy.libs", "typing_extensions.py"} <= {x.name for x in linked.iterdir()}


def test_a_folder_that_packages_share_is_not_taken_whole() -> None:
    files = {"shared/own/__init__.py", "shared/own/sub/__init__.py", "shared/own/data.txt"}
    files |= {"own.libs/x.so", "own-1.0.dist-info/RECORD", "own.pth", "__pycache__/x.pyc"}
    assert list_entries(files | {"../../bin/own", "shared/other.py"}) == [
        *("own-1.0.dist-info", "own.libs", "own.pth", "shared/other.py", "shared/own"),
    ]


def test_what_is_installed_for_editing_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files lie elsewhere: site-packages has a .pth file that names their folder."""
    site, source = tmp_path / "site", tmp_path / "source"
    info = site / "edited-1.0.dist-info"
    info.mkdir(parents=True)
    source.mkdir()
    (source / "edited.py").write_text("WORD = 'found'\n")
    (site / "edited.pth").write_text(f"{source}\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: edited\nVersion: 1.0\n")
    (info / "RECORD").write_text("edited.pth,,\nedited-1.0.dist-info/METADATA,,\n")
    monkeypatch.syspath_prepend(site)
    link_distributions(["edited"], tmp_path / "linked")
    code = "import site, sys; site.addsitedir(sys.argv[1]); import edited; print(edited.WORD)"
    command = [sys.executable, "-I", "-S", "-c", code, str(tmp_path / "linked")]
    assert subprocess.run(command, capture_output=True, text=True).stdout == "found\n"
    (info / "RECORD").unlink()
    with pytest.raises(BuildError, match="edited is installed without a list of its files"):
        link_distributions(["edited"], tmp_path / "again")


def test_a_package_that_needs_more_than_it_says_is_an_error_that_shows_its_cause(
    wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    needy = tmp_path / wheel.name
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(needy, "w") as new:
        for name in old.namelist():
            code = b"import pandas\n" if name == "en_tiny/__init__.py" else b""
            new.writestr(name, code + old.read(name))

    @door
    def main() -> None:
        list(annotate_installed(needy, TEXTS))

    with pytest.raises(SystemExit):
        main()
    printed = capsys.readouterr().out
    cause = "does not work where it is installed: ModuleNotFoundError: No module named 'pandas'"
    assert cause in " ".join(printed.split())
    assert "\nTraceback (most recent call last):\n  File " in printed


def test_a_wheel_that_cannot_be_installed_is_an_error(tmp_path: Path) -> None:
    broken = tmp_path / "en_tiny-1.2.3-py3-none-any.whl"
    broken.write_bytes(b"no zip")
    with pytest.raises(BuildError, match="cannot be installed"):
        list(annotate_installed(broken, TEXTS))


def test_the_sdist_installs_without_a_network(wheel: Path, tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    pip += ["--no-build-isolation", "--target", str(tmp_path), str(sdist_of(wheel))]
    subprocess.run(pip, check=True)
    nlp = spacy.load(next(tmp_path.glob("en_tiny/en_tiny-*")))
    assert [ent.label_ for ent in nlp(TEXTS[0]).ents] == ["BAND"]
