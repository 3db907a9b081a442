"""A model that forgot too much is not packaged; a package says what it is, and works."""

import json
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import spacy
import srsly
from packaging.version import Version
from spacy.language import Language
from spacy.tokens import Doc

from scripts.exceptions import BuildError, PackageError
from scripts.keeping.gate import check_learned, check_retention
from scripts.package import main, warn_of_little
from scripts.params import PARAMS, Params
from scripts.release.contents import mark, read_guide, write_texts
from scripts.release.publish import check_package, publish_package
from scripts.release.wheel import build_package
from scripts.scoring.base_and_tuned import evaluate
from scripts.settings.yaml_file import parse_yaml
from tests.conftest import ROOT, world_values
from tests.evaluations import agreed, gold_of

TRAINING, CORPUS, SCORES, OUTPUT = map(Path, ("training", "corpus", "scores.json", "packages"))
GUIDE = "# What is labelled\n\nBAND is a `<band>`.\n"


def change(**values: dict[str, Any]) -> Params:
    """The params of the world in this folder, with sections that have other values."""
    params = world_values(Path())
    params["package"]["version"] = "1.2.0"
    for section, changed in values.items():
        params[section] |= changed
    return Params.model_validate(params)


# The gate


def scores(retention: float | None, agreement: float | None = None) -> dict:
    """What of scores.json the gate reads; retention: by gold."""

    def kept(f: float) -> dict:
        return {"kept": {"per_label": {"ORG": {"ents_f": f}, "LOC": {"ents_f": f}}}}

    return {
        "base": kept(0.8),
        "tuned": kept(0.61),
        "retention": retention,
        "retention_by": "gold",
        "agreement": agreed(agreement, ["ORG"]) | {"per_label": agreed_by_label()},
        "gold": None if retention is None else gold_of(["ORG", "LOC"], retention=retention),
    }


def agreed_by_label() -> dict:
    """Agreement on one label that the base finds, and on one that it does not."""
    return {"ORG": agreed(0.72, []), "LAW": agreed(None, [])}


def gate(
    retention: float | None,
    minimum: float = 0.95,
    strategy: str = "extend",
    agreement: float | None = None,
) -> None:
    params = change(evaluate={"min_retention": minimum}, training={"strategy": strategy})
    check_retention(scores(retention, agreement), params)


@pytest.mark.parametrize("retention", [0.95, 0.9501, 1.0, 1.1])
def test_enough_retention_passes(retention: float) -> None:
    gate(retention)


@pytest.mark.parametrize("retention", [0.0, 0.9499])
def test_too_little_retention_is_refused(retention: float) -> None:
    with pytest.raises(PackageError, match=rf"Retention on gold {retention:.3f} is below"):
        gate(retention)


def test_gold_and_agreement_are_asked_both_and_the_one_that_failed_is_named() -> None:
    gate(0.95, agreement=0.95)
    gate(None, agreement=0.95)
    for by_gold, agreement, said in [
        (0.96, 0.9449, r"^Agreement with the base 0\.945 is below evaluate.min_retention 0\.95"),
        (0.94, 0.96, r"^Retention on gold 0\.940 is below"),
        (0.94, 0.9, r"^Retention on gold 0\.940 and Agreement with the base 0\.900 are below"),
        (None, 0.9, r"^Agreement with the base 0\.900 is below"),
    ]:
        with pytest.raises(PackageError, match=said) as refused:
            gate(by_gold, agreement=agreement)
        assert "Agreement with the base: ORG 0.72." in str(refused.value)


def test_unknown_retention_is_refused() -> None:
    with pytest.raises(PackageError, match="nothing can be said of what is kept"):
        gate(None)


@pytest.mark.parametrize("retention", [None, 0.0, 0.5])
def test_what_was_given_up_on_purpose_passes(retention: float | None) -> None:
    gate(retention, strategy="replace")
    gate(retention, minimum=0.0)


def refusal(strategy: str) -> str:
    with pytest.raises(PackageError) as refused:
        gate(0.76, strategy=strategy)
    return str(refused.value)


@pytest.mark.parametrize("strategy", ["extend", "update"])
def test_refusal_says_what_was_lost_and_how_to_go_on(strategy: str) -> None:
    message = refusal(strategy)
    assert "ORG 0.80 → 0.61, LOC 0.80 → 0.61" in message
    for way in ("rehearsal.ratio", "rehearsal.text", "lower evaluate.min_retention"):
        assert way in message


def test_refusal_names_no_strategy_that_was_taken() -> None:
    assert "training.strategy: extend" in refusal("update")
    assert "training.strategy" not in refusal("extend")


def learned(*each: float) -> dict:
    """What of scores.json the gate on learning reads: F of each label, and their mean as all."""
    counts = {"true_positives": 3, "misses": 1}
    labels = {f"L{number}": {"ents_f": f, **counts} for number, f in enumerate(each)}
    empty = {name: {"ents_f": 0.0} for name in labels}
    tuned = {"ents_f": sum(each) / len(each), "per_label": labels}
    return {"base": {"new": {"per_label": empty}}, "tuned": {"new": tuned}}


@pytest.mark.parametrize(("each", "minimum"), [((0.5, 0.5), 0.5), ((0.0, 0.0), 0.0)])
def test_enough_learned_passes(each: tuple[float, ...], minimum: float) -> None:
    check_learned(learned(*each), change(evaluate={"min_new_f": minimum}))


def test_too_little_learned_is_refused_label_by_label_with_what_to_do() -> None:
    with pytest.raises(PackageError) as refused:
        check_learned(learned(0.9, 0.05), change(evaluate={"min_new_f": 0.5}))
    message = str(refused.value)
    assert "0.475, is below evaluate.min_new_f 0.5" in message
    assert "L0 0.00 → 0.90, L1 0.00 → 0.05" in message
    assert "weasel run learning" in message and "lower evaluate.min_new_f" in message


@pytest.mark.parametrize(
    ("retention", "fold", "said"),
    [
        (0.5, "", "Retention on gold 0.500 is below"),
        (0.99, "", "0.400, is below evaluate.min_new_f 0.5"),
        (1.0, "2/5", "data.fold is 2/5"),
    ],
)
def test_command_leaves_with_1_and_packages_nothing(
    retention: float,
    fold: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    least = 0.0 if fold else 0.5
    params = change(data={"fold": fold}, evaluate={"min_new_f": least})
    srsly.write_yaml(tmp_path / PARAMS, params.model_dump())
    monkeypatch.chdir(tmp_path)
    found = scores(retention)
    for model, measured in learned(0.4, 0.4).items():
        found[model] |= measured
    srsly.write_json(SCORES, found)
    with pytest.raises(SystemExit) as left:
        main(TRAINING, CORPUS, SCORES, TRAINING / "verdict.json", OUTPUT)
    assert left.value.code == 1
    assert said in " ".join(capsys.readouterr().out.split())
    assert not OUTPUT.exists()


@pytest.mark.parametrize(
    ("f", "said"), [(0.0, "But packaged with nothing learned"), (0.2, "little learned: F 0.200")]
)
def test_a_package_that_learned_little_comes_with_a_warning(
    f: float, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    warn_of_little(learned(f))
    printed = " ".join(capsys.readouterr().out.split())
    assert said in printed and "evaluate.min_new_f" in printed


def test_a_package_that_learned_enough_comes_with_none(capsys: pytest.CaptureFixture[str]) -> None:
    warn_of_little(learned(0.7))
    assert not capsys.readouterr().out


# What is packaged


@pytest.fixture(scope="module")
def finished(
    tuned: Callable[[str, str], Path],
    bases: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A project in which everything but the package was made, from a pipeline really trained."""
    folder = tmp_path_factory.mktemp("finished") / "project"
    made = tuned("own", "update")
    shutil.copytree(made, folder, ignore=shutil.ignore_patterns("model*"))
    shutil.copytree(made / "model", folder / "training/model")
    shutil.copytree(bases["own"], folder / "training/base")
    shutil.copy(folder / "config.cfg", folder / "training")
    _, found = evaluate(base=bases["own"], tuned=made / "model", corpus=folder / CORPUS)
    srsly.write_json(folder / SCORES, found)
    srsly.write_json(folder / "training/environment.json", {"python": "3.11"})
    srsly.write_yaml(folder / "project.yml", {"assets": [{"dest": "data", "license": "CC0"}]})
    (folder / "requirements.txt").touch()
    (folder / "data/GUIDE.md").write_text(GUIDE)
    return folder


@pytest.fixture
def world(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the finished project, as the working folder."""
    folder = tmp_path / "project"
    shutil.copytree(finished, folder)
    monkeypatch.chdir(folder)
    return folder


def texts_of(params: Params) -> tuple[dict, dict]:
    return write_texts(TRAINING, CORPUS, SCORES, params)


def publish(**values: dict[str, Any]) -> tuple[Path, int]:
    """Publish the world's package, whatever was lost, unless `values` say otherwise."""
    params = change(**{"evaluate": {"min_retention": 0.0}} | values)
    return publish_package(
        training=TRAINING, corpus=CORPUS, scores=SCORES, params=params, output=OUTPUT
    )


def test_meta_says_what_params_yaml_says_and_carries_the_scores(world: Path) -> None:
    own = {"name": "x_y", "version": "2.0.0rc1", "author": "Us", "license": "MIT"}
    meta, _ = texts_of(change(package=own))
    assert {key: meta[key] for key in own} == own
    assert meta["description"].endswith("taught BAND, GEAR.")
    found = srsly.read_json(SCORES)
    new, performance = found["tuned"]["new"], meta["performance"]
    assert performance["ents_f"] == new["ents_f"] > 0
    assert performance["kept_ents_f"] == found["tuned"]["kept"]["ents_f"] > 0
    assert performance["retention"] == found["retention"]
    assert performance["retention_by"] == found["retention_by"]
    assert performance["agreement"] == found["agreement"]["ents_f"]
    band = new["per_label"]["BAND"]
    assert performance["ents_per_type"]["BAND"] == {key: band[f"ents_{key}"] for key in "prf"}


def test_a_description_of_ones_own_stays(world: Path) -> None:
    meta, _ = texts_of(change(package={"description": "Words of radio."}))
    assert meta["description"] == "Words of radio."


def test_labels_that_were_given_up_are_named(world: Path) -> None:
    data = srsly.read_json(CORPUS / "data.json")
    srsly.write_json(CORPUS / "data.json", data | {"dropped_labels": ["DATE", "PERSON"]})
    meta, _ = texts_of(change())
    assert "in place of DATE, PERSON, which it no longer finds" in meta["description"]


def test_lineage_names_all_that_the_package_was_made_of(world: Path) -> None:
    params = change()
    lineage = json.loads(texts_of(params)[1]["lineage.json"])
    stages = srsly.read_yaml(ROOT / "dvc.yaml")["stages"]
    declared = {dep for dep in stages["package"]["deps"] if not dep.startswith("scripts/")}
    sources = {"${data.source}", "${evaluate.general}", "${rehearsal.text}"}
    named = set(lineage["inputs"]) | {lineage["model"]["path"]} | sources
    assert {"data", "general.jsonl", "scores.json"} < named
    assert named - {"data", "general.jsonl", "scores.json"} == (
        # The verdict says whether a package may be made, and is no part of it.
        declared - {"metrics/scores.json", "training/verdict.json"}
    )
    assert lineage["params"] == params.model_dump()
    new = srsly.read_json(SCORES)["tuned"]["new"]
    assert lineage["scores"]["new"]["ents_f"] == new["ents_f"]
    assert lineage["environment"] == {"python": "3.11"}


def test_licences_are_carried_over(world: Path) -> None:
    (TRAINING / "base/LICENSE").write_text("Base's own terms.\n")
    text = texts_of(change())[1]["LICENSES_SOURCES"]
    assert "data: CC0" in text and "Base's own terms." in text


def test_the_guide_lies_beside_the_card_that_links_to_it(world: Path) -> None:
    _, files = texts_of(change())
    assert files["GUIDE.md"] == GUIDE
    assert "[annotation guide](GUIDE.md)" in files["README.md"]
    Path("data/GUIDE.md").unlink()
    _, files = texts_of(change())
    assert "GUIDE.md" not in files and "GUIDE.md" not in files["README.md"]


def test_the_guide_is_read_from_the_folder_of_data(tmp_path: Path) -> None:
    assert read_guide(tmp_path) is None
    (tmp_path / "GUIDE.md").write_bytes(b"\xef\xbb\xbf# A\r\n\xff")
    (tmp_path / "train.jsonl").touch()
    assert read_guide(tmp_path) == "# A\n\ufffd"
    # What lies beside a file is no input of the run.
    assert read_guide(tmp_path / "train.jsonl") is None


def version_of(**values: dict[str, Any]) -> tuple[str, str]:
    """The version and the card of a package whose version says what is in it."""
    params = change(**values)
    package = params.package.model_copy(update={"build": "content"})
    meta, files = texts_of(params.model_copy(update={"package": package}))
    return meta["version"], files["README.md"]


def test_the_version_changes_with_the_content_and_with_nothing_else(world: Path) -> None:
    version, card = version_of()
    assert re.fullmatch(r"1\.2\.0\+[0-9a-f]{8}", version) and str(Version(version)) == version
    assert f"en_tiny-{version}-py3-none-any.whl" in card
    assert version_of() == (version, card)
    others = {version_of(package={"author": "Us"})[0]}
    # Another training, which says the same.
    (TRAINING / "model/tokenizer").write_bytes((TRAINING / "model/tokenizer").read_bytes() + b" ")
    others.add(version_of()[0])
    assert len(others - {version}) == 2


def test_a_mark_is_the_same_however_its_version_is_written() -> None:
    marks = [mark({"number": number}, {}) for number in range(3000)]
    assert all(str(Version(f"1.0.0+{found}")) == f"1.0.0+{found}" for found in marks)
    assert len({*marks}) == len(marks)


def test_lineage_and_card_have_every_digit_of_a_value(world: Path) -> None:
    params = change(
        evaluate={"min_retention": 0.95},
        data={"train_share": 0.83, "dev": 0.07, "test": 0.30000000000000004},
        training={"dropout": 1 / 3, "learn_rate": 1.5e-12},
        rehearsal={"ratio": 1e22},
    )
    files = texts_of(params)[1]
    assert json.loads(files["lineage.json"])["params"] == params.model_dump()
    values = files["README.md"].split("With these values:")[1]
    assert parse_yaml(values, "the card") == params.model_dump()


# Whether it works


def test_the_package_takes_the_place_of_the_old_one(world: Path) -> None:
    OUTPUT.mkdir()
    (OUTPUT / "old.whl").touch()
    wheel, checked = publish()
    assert wheel == OUTPUT / "en_tiny-1.2.0-py3-none-any.whl"
    assert {path.name for path in OUTPUT.iterdir()} == {
        *(wheel.name, "en_tiny-1.2.0.tar.gz"),
        *("README.md", "GUIDE.md"),
    }
    texts = srsly.read_json(CORPUS / "data.json")["texts"]
    assert checked == texts["test"] + texts["general"]
    with zipfile.ZipFile(wheel) as archive:
        inside = {"README.md", "GUIDE.md", "lineage.json", "LICENSES_SOURCES"}
        assert {f"en_tiny/en_tiny-1.2.0/{name}" for name in inside} <= set(archive.namelist())
    # What the gate refuses leaves this package where it is.
    found = srsly.read_json(SCORES)
    found["gold"]["retention"] = 0.5
    srsly.write_json(SCORES, found)
    with pytest.raises(PackageError, match="is below"):
        publish(evaluate={"min_retention": 0.9})
    assert wheel.exists()


def test_a_package_that_says_something_else_is_refused(world: Path) -> None:
    """The base's wheel knows nothing of what the model learned."""
    meta = srsly.read_json(TRAINING / "base/meta.json")
    wheel = build_package(model=TRAINING / "base", meta=meta, output=Path("built"))
    with pytest.raises(BuildError, match="says something else"):
        check_package(wheel, TRAINING / "model", CORPUS)


@Language.component("only_in_this_test")
def only_in_this_test(doc: Doc) -> Doc:
    """A component that no package has the code of."""
    return doc


def test_a_package_that_does_not_run_is_not_there_and_the_old_one_stays(world: Path) -> None:
    nlp = spacy.load(TRAINING / "model")
    nlp.add_pipe("only_in_this_test")
    nlp.to_disk(TRAINING / "model")
    OUTPUT.mkdir()
    (OUTPUT / "old.whl").touch()
    with pytest.raises(BuildError, match="does not work"):
        publish()
    assert [path.name for path in OUTPUT.iterdir()] == ["old.whl"]
    assert not list(world.glob(".package-*"))
