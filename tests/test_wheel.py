"""Wheel and sdist are the same every time, say what they were told, and work with spaCy alone."""

import email
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import spacy
import srsly

from scripts.exceptions import BuildError
from scripts.release.wheel import annotate_installed, build_package, foreign_modules

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


def test_what_is_installed_says_what_the_model_says(model: Path, wheel: Path) -> None:
    said = annotate_installed(wheel, TEXTS)
    assert said == [doc.to_json() for doc in spacy.load(model).pipe(TEXTS)]
    assert [[ent["label"] for ent in doc["ents"]] for doc in said] == [
        ["BAND"],
        [],
        [],
        ["BAND", "STANDARD"],
    ]


def test_the_sdist_installs_without_a_network(wheel: Path, tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    pip += ["--no-build-isolation", "--target", str(tmp_path), str(sdist_of(wheel))]
    subprocess.run(pip, check=True)
    nlp = spacy.load(next(tmp_path.glob("en_tiny/en_tiny-*")))
    assert [ent.label_ for ent in nlp(TEXTS[0]).ents] == ["BAND"]


def test_nothing_but_spacy_is_there_when_a_package_is_tried() -> None:
    hidden = foreign_modules(["spacy>=3.8"])
    assert {"dvc", "pandas", "dvclive", "ftfy", "pytest"} <= set(hidden)
    assert not {"spacy", "thinc", "numpy", "srsly", "catalogue", "pydantic"} & set(hidden)
    assert "pandas" not in foreign_modules(["spacy>=3.8", "pandas"])


def test_a_package_that_needs_more_than_it_says_is_an_error(
    wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if it used srsly without needing it.
    monkeypatch.setattr("scripts.release.wheel.foreign_modules", lambda requirements: ["srsly"])
    with pytest.raises(BuildError, match="does not work"):
        annotate_installed(wheel, TEXTS)


def test_a_wheel_that_cannot_be_installed_is_an_error(tmp_path: Path) -> None:
    broken = tmp_path / "en_tiny-1.2.3-py3-none-any.whl"
    broken.write_bytes(b"no zip")
    with pytest.raises(BuildError, match="does not work"):
        annotate_installed(broken, TEXTS)
