"""A model that forgot too much is not packaged; the wheel is the same every time, and it works."""

import json
import os
import zipfile
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.tokens import DocBin

from scripts import package as stage
from scripts.package import PackageError, build_wheel, check_retention, installed_entities
from scripts.params import PARAMS, load_params

TEXTS = ["Zoë retuned n78 in Århus.", "", "Nothing here.", "n78, then LTE"]
ENTITIES = [[[12, 15, "BAND"]], [], [], [[0, 3, "BAND"], [10, 13, "STANDARD"]]]


def scores(retention: float) -> dict:
    """What of scores.json the gate and the wheel's meta.json are made of."""

    def block(f: float) -> dict:
        figures = {"ents_p": f, "ents_r": f, "ents_f": f}
        return figures | {"per_label": {"ORG": figures, "LOC": figures}}

    return {
        "base": {"new": block(0.0), "kept": block(0.8)},
        "tuned": {"new": block(0.7), "kept": block(0.61)},
        "retention": retention,
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
    meta = srsly.read_json(model / "meta.json") | {"description": "Tiny"}
    return build_wheel(model=model, name="tiny", version="1.2.3", meta=meta, output=output)


@pytest.fixture(scope="module")
def wheel(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    # An isolated build would have to download setuptools first.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        return build(model, tmp_path_factory.mktemp("built") / "new")


# The gate


@pytest.mark.parametrize("retention", [0.95, 0.9501, 1.0, 1.1])
def test_enough_retention_passes(retention: float) -> None:
    check_retention(scores(retention), 0.95)


@pytest.mark.parametrize("retention", [0.0, 0.9499])
def test_too_little_retention_is_refused(retention: float) -> None:
    with pytest.raises(PackageError, match=rf"Retention {retention:.3f} is below"):
        check_retention(scores(retention), 0.95)


def test_refusal_says_what_was_lost_and_how_to_go_on() -> None:
    with pytest.raises(PackageError) as refused:
        check_retention(scores(0.76), 0.95)
    message = str(refused.value)
    assert "ORG 0.80 → 0.61, LOC 0.80 → 0.61" in message
    for way in ("rehearsal.ratio", "rehearsal.text", "training.strategy: extend"):
        assert way in message
    assert "lower evaluate.min_retention" in message


def test_command_leaves_with_1_and_packages_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "params.yaml").write_bytes(PARAMS.read_bytes())
    monkeypatch.chdir(tmp_path)
    srsly.write_json("scores.json", scores(0.5))
    with pytest.raises(SystemExit) as left:
        stage.main(Path("model"), Path("corpus"), Path("scores.json"), Path("packages"))
    assert left.value.code == 1
    assert "Retention 0.500 is below" in " ".join(capsys.readouterr().out.split())
    assert not Path("packages").exists()


# The wheel


def test_wheel_is_named_and_described_as_asked(wheel: Path) -> None:
    assert wheel.name == "en_tiny-1.2.3-py3-none-any.whl"
    assert [path.name for path in wheel.parent.iterdir()] == [wheel.name]
    with zipfile.ZipFile(wheel) as archive:
        meta = json.loads(archive.read("en_tiny/en_tiny-1.2.3/meta.json"))
    assert (meta["name"], meta["version"], meta["description"]) == ("tiny", "1.2.3", "Tiny")


def test_same_model_gives_the_same_bytes(
    model: Path, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert build(model, tmp_path).read_bytes() == wheel.read_bytes()


def test_file_modes_of_the_builder_make_no_difference(
    model: Path, wheel: Path, tmp_path: Path
) -> None:
    before = os.umask(0o077)
    try:
        again = build(model, tmp_path)
    finally:
        os.umask(before)
    assert again.read_bytes() == wheel.read_bytes()


def test_installed_wheel_finds_what_the_model_finds(model: Path, wheel: Path) -> None:
    nlp = spacy.load(model)
    found = [[[e.start_char, e.end_char, e.label_] for e in d.ents] for d in nlp.pipe(TEXTS)]
    assert found == ENTITIES
    assert installed_entities(wheel, TEXTS) == ENTITIES


def test_wheel_that_cannot_be_installed_is_an_error(tmp_path: Path) -> None:
    broken = tmp_path / "en_tiny-1.2.3-py3-none-any.whl"
    broken.write_bytes(b"no zip")
    with pytest.raises(PackageError, match="does not work"):
        installed_entities(broken, TEXTS)


# Both together, with the slow halves replaced


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    nlp = spacy.blank("en")
    (tmp_path / "test").mkdir()
    docs = [nlp.make_doc(text) for text in TEXTS]
    DocBin(docs=docs).to_disk(tmp_path / "test" / "test-00000.spacy")
    srsly.write_json(tmp_path / "data.json", {"dropped_labels": []})
    return tmp_path


def package_with(
    found: list | PackageError,
    model: Path,
    corpus: Path,
    monkeypatch: pytest.MonkeyPatch,
    strategy: str = "extend",
    retention: float = 0.97,
) -> dict:
    """Package as if the installed wheel found `found`; return what would have been built from."""
    params = load_params()
    training = params.training.model_copy(update={"strategy": strategy})
    built: dict = {}

    def fake_build(*, output: Path, **given: object) -> Path:
        built.update(given)
        output.mkdir()
        (output / "tiny.whl").write_bytes(b"wheel")
        return output / "tiny.whl"

    def fake_run(wheel: Path, texts: list[str]) -> list:
        assert texts == TEXTS
        if isinstance(found, PackageError):
            raise found
        return found

    monkeypatch.setattr(stage, "build_wheel", fake_build)
    monkeypatch.setattr(stage, "installed_entities", fake_run)
    stage.package(
        model=model,
        corpus=corpus,
        scores=scores(retention),
        params=params.model_copy(update={"training": training}),
        output=corpus / "packages",
    )
    return built


def test_wheel_carries_its_scores_and_what_it_was_taught(
    model: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = package_with(ENTITIES, model, corpus, monkeypatch)
    params = load_params()
    assert (built["name"], built["version"]) == (params.package.name, params.package.version)
    assert "taught ORG, LOC" in built["meta"]["description"]
    performance = built["meta"]["performance"]
    assert (performance["ents_f"], performance["kept_ents_f"]) == (0.7, 0.61)
    assert performance["retention"] == 0.97
    assert performance["ents_per_type"]["ORG"] == {"p": 0.7, "r": 0.7, "f": 0.7}
    assert (corpus / "packages" / "tiny.whl").exists()


def test_what_was_given_up_on_purpose_passes_the_gate_and_is_in_the_model_card(
    model: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    srsly.write_json(corpus / "data.json", {"dropped_labels": ["DATE", "PERSON"]})
    built = package_with(ENTITIES, model, corpus, monkeypatch, strategy="replace", retention=0.0)
    assert "in place of DATE, PERSON, which it no longer finds" in built["meta"]["description"]


@pytest.mark.parametrize(
    "found",
    [
        [[], [], [], []],
        PackageError("The installed package does not work"),
    ],
)
def test_wheel_that_fails_its_check_is_taken_away(
    found: list | PackageError, model: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PackageError, match="installed package"):
        package_with(found, model, corpus, monkeypatch)
    assert list((corpus / "packages").iterdir()) == []
