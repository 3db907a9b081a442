"""A model that forgot too much is not packaged; a package says what it is, and works."""

import json
from pathlib import Path
from typing import Any

import pytest
import spacy
import srsly
from spacy.tokens import DocBin

from scripts import package as stage
from scripts.exceptions import BuildError, PackageError
from scripts.keeping.gate import check_retention
from scripts.params import PARAMS, Params, load_params

TEXTS = ["Zoë retuned n78 in Århus.", "", "Nothing here.", "n78, then LTE"]


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
        stage.main(Path("training"), Path("corpus"), Path("scores.json"), Path("packages"))
    assert left.value.code == 1
    assert "Retention 0.500 is below" in " ".join(capsys.readouterr().out.split())
    assert not Path("packages").exists()


# What is packaged; the slow half and the card are replaced


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the stage reads, in a folder of its own, with a pipeline that finds two words."""
    monkeypatch.chdir(tmp_path)
    Path("training").mkdir()
    nlp = spacy.blank("en")
    patterns = [{"label": "BAND", "pattern": "n78"}, {"label": "STANDARD", "pattern": "LTE"}]
    nlp.add_pipe("entity_ruler").add_patterns(patterns)  # type: ignore[attr-defined]
    for name in ("base", "model"):
        nlp.to_disk(f"training/{name}")
    for part in ("train", "test", "general"):
        (tmp_path / "corpus" / part).mkdir(parents=True)
        docs = [nlp.make_doc(text) for text in TEXTS]
        DocBin(docs=docs).to_disk(f"corpus/{part}/{part}-00000.spacy")
    srsly.write_json("corpus/data.json", {"labels": ["ORG", "LOC"], "dropped_labels": []})
    srsly.write_json("training/environment.json", {"python": "3.11"})
    srsly.write_yaml("project.yml", {"assets": [{"dest": "data", "license": "CC0"}]})
    for name in ("training/config.cfg", "requirements.txt", "data"):
        Path(name).write_text(name)
    monkeypatch.setattr(stage, "make_card", lambda **given: json.dumps(sorted(given)))
    return tmp_path


def change(**values: dict[str, Any]) -> Params:
    """The project's params, with the world's data, and sections with other values."""
    params = load_params(Path(__file__).parents[1] / "params.yaml").model_dump()
    params["data"]["source"] = params["evaluate"]["general"] = "data"
    params["rehearsal"]["text"] = "data"
    for section, changed in values.items():
        params[section] |= changed
    return Params.model_validate(params)


def package(
    monkeypatch: pytest.MonkeyPatch,
    params: Params,
    retention: float = 0.97,
    said: list[dict] | BuildError | None = None,
) -> dict[str, Any]:
    """Package as if the installed wheel had `said` something; return what would be built."""
    built: dict[str, Any] = {}
    nlp = spacy.load("training/model")

    def fake_build(*, output: Path, **given: Any) -> Path:
        built.update(given)
        output.mkdir()
        (output / "tiny.whl").write_bytes(b"wheel")
        return output / "tiny.whl"

    def fake_run(wheel: Path, texts: list[str]) -> list[dict]:
        assert wheel.read_bytes() == b"wheel"
        if isinstance(said, BuildError):
            raise said
        return [doc.to_json() for doc in nlp.pipe(texts)] if said is None else said

    monkeypatch.setattr(stage, "build_package", fake_build)
    monkeypatch.setattr(stage, "run_installed", fake_run)
    srsly.write_json("scores.json", scores(retention))
    stage.package(
        training=Path("training"),
        corpus=Path("corpus"),
        scores=Path("scores.json"),
        params=params,
        output=Path("packages"),
    )
    return built


def test_package_says_what_params_yaml_says_and_carries_its_scores(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {"name": "x_y", "version": "2.0.0rc1", "author": "Us", "license": "MIT"}
    meta = package(monkeypatch, change(package=own))["meta"]
    assert {key: meta[key] for key in own} == own
    assert meta["description"].endswith("taught ORG, LOC.")
    performance = meta["performance"]
    assert (performance["ents_f"], performance["kept_ents_f"]) == pytest.approx((0.7, 0.61))
    assert performance["retention"] == pytest.approx(0.97)
    assert performance["ents_per_type"]["ORG"] == pytest.approx({"p": 0.7, "r": 0.7, "f": 0.7})
    assert sorted(path.name for path in Path("packages").iterdir()) == ["README.md", "tiny.whl"]


def test_a_description_of_ones_own_stays(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = change(package={"description": "Words of radio."})
    assert package(monkeypatch, params)["meta"]["description"] == "Words of radio."


def test_lineage_names_all_that_the_package_was_made_of(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = change()
    lineage = json.loads(package(monkeypatch, params)["files"]["lineage.json"])
    stages = srsly.read_yaml(Path(__file__).parents[1] / "dvc.yaml")["stages"]
    declared = {dep for dep in stages["package"]["deps"] if not dep.startswith("scripts/")}
    sources = {"${data.source}", "${evaluate.general}", "${rehearsal.text}"}
    named = set(lineage["inputs"]) | {lineage["model"]["path"]} | sources
    assert named - {"data", "scores.json"} == declared - {"metrics/scores.json"}
    assert lineage["params"] == params.model_dump()
    assert lineage["scores"]["new"]["ents_f"] == pytest.approx(0.7)
    assert lineage["environment"] == {"python": "3.11"}


def test_licences_are_carried_over(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("training/base/LICENSE").write_text("Base's own terms.\n")
    text = package(monkeypatch, change())["files"]["LICENSES_SOURCES"]
    assert "data: CC0" in text and "Base's own terms." in text


def test_what_was_given_up_on_purpose_passes_the_gate_and_is_said(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = {"labels": ["ORG", "LOC"], "dropped_labels": ["DATE", "PERSON"]}
    srsly.write_json("corpus/data.json", data)
    built = package(monkeypatch, change(training={"strategy": "replace"}), retention=0.0)
    assert "in place of DATE, PERSON, which it no longer finds" in built["meta"]["description"]


@pytest.mark.parametrize("said", [[], [{}] * 8, BuildError("The installed package is broken")])
def test_a_package_that_fails_its_check_is_not_there_and_the_old_one_stays(
    said: list | BuildError, world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("packages").mkdir()
    Path("packages/old.whl").touch()
    with pytest.raises(BuildError, match="installed package"):
        package(monkeypatch, change(), said=said)
    assert [path.name for path in Path("packages").iterdir()] == ["old.whl"]
    assert not list(world.glob(".package-*"))
