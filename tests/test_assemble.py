"""The full pipeline is the base's own parts, byte for byte, and the trained one in its place."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import spacy
import srsly

from scripts.assemble import assemble
from tests.conftest import KINDS, build

Tuned = Callable[[str, str], Path]
TEXTS = (
    "Alice Smith lives in Paris .",
    "Bob Jones put the router on n08 for the train team .",
    "Nobody Here knows these Words , and n99 is New .",
)
NAMES = {
    ("own", "extend"): ["tok2vec", "tagger", "parser", "ner_2", "ner"],
    ("own", "update"): ["tok2vec", "tagger", "parser", "ner"],
    ("listening", "extend"): ["tok2vec", "tagger", "parser", "ner_2", "ner"],
    ("listening", "update"): ["tok2vec", "tagger", "parser", "ner"],
    ("alone", "extend"): ["ner_2", "ner"],
    ("alone", "update"): ["ner"],
    ("vectors", "extend"): ["tok2vec", "tagger", "parser", "ner_2", "ner"],
    ("vectors", "update"): ["tok2vec", "tagger", "parser", "ner"],
    ("german", "extend"): ["tok2vec", "tagger", "parser", "ner_2", "ner"],
    ("own", "replace"): ["tok2vec", "tagger", "parser", "ner"],
    ("listening", "replace"): ["tok2vec", "tagger", "parser", "ner"],
}
# Loads each model where nothing of the project can be imported, and says what it finds.
LOAD = """
import json, sys, spacy
models = {}
for path in sys.argv[2:]:
    nlp = spacy.load(path)
    docs = list(nlp.pipe(json.loads(sys.argv[1])))
    models[path] = {
        "names": nlp.pipe_names,
        "ents": [[[e.text, e.label_] for e in doc.ents] for doc in docs],
        "syntax": [[[t.tag_, t.dep_, t.head.i] for t in doc] for doc in docs],
    }
json.dump(models, sys.stdout)
"""


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def parts(model: Path) -> set[str]:
    """The folders of the components."""
    return {path.name for path in model.iterdir() if path.is_dir()} - {"vocab"}


@pytest.fixture(scope="module")
def second(tuned: Tuned, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the project, taught again."""
    first = tuned("listening", "extend") / "model"
    return build(tmp_path_factory.mktemp("second") / "w", first, "extend")


@pytest.fixture(scope="module")
def third(second: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That model taught once more, in the first base's component: it has the labels already."""
    return build(tmp_path_factory.mktemp("third") / "w", second / "model", "update")


@pytest.fixture(scope="module")
def loaded(
    tuned: Tuned,
    second: Path,
    third: Path,
    bases: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[Path, dict[str, Any]]:
    """What every model finds in TEXTS, loaded in a new process after its base was deleted."""
    worlds = [*(tuned(*made) for made in NAMES), second, third]
    assert not any((world / "base").exists() for world in worlds)
    paths = [*(world / "model" for world in worlds), *bases.values()]
    done = subprocess.run(
        [sys.executable, "-c", LOAD, json.dumps(TEXTS), *map(str, paths)],
        cwd=tmp_path_factory.mktemp("elsewhere"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return {Path(path): model for path, model in json.loads(done.stdout).items()}


@pytest.mark.parametrize(("kind", "strategy"), NAMES)
def test_every_other_component_is_byte_for_byte_the_one_of_the_base(
    kind: str, strategy: str, tuned: Tuned, bases: dict[str, Path]
) -> None:
    base, model = bases[kind], tuned(kind, strategy) / "model"
    learner = "ner_2" if strategy == "extend" else "ner"
    assert parts(model) == parts(base) | {learner}
    for name in parts(base) - {learner}:
        assert contents(model / name) == contents(base / name), name
    assert (model / "tokenizer").read_bytes() == (base / "tokenizer").read_bytes()


@pytest.mark.parametrize(("kind", "strategy"), NAMES)
def test_the_learner_has_the_weights_that_were_trained(
    kind: str, strategy: str, tuned: Tuned
) -> None:
    learner = "ner_2" if strategy == "extend" else "ner"
    trained, assembled = (
        srsly.msgpack_loads((tuned(kind, strategy) / model / learner / "model").read_bytes())
        for model in ("model-best", "model")
    )
    assert trained["params"]
    assert srsly.msgpack_dumps(assembled["params"]) == srsly.msgpack_dumps(trained["params"])


@pytest.mark.parametrize(("kind", "strategy"), NAMES)
def test_the_pipeline_loads_in_a_new_process_without_its_base(
    kind: str, strategy: str, tuned: Tuned, loaded: dict[Path, dict[str, Any]]
) -> None:
    model = loaded[tuned(kind, strategy) / "model"]
    # A new component stands right before the one of the base; an updated one where it stood.
    assert model["names"] == NAMES[kind, strategy]
    assert ["n08", "BAND"] in model["ents"][1]
    # What is replaced is given up; in every other way the base's labels are still found.
    assert (["Alice Smith", "PERSON"] in model["ents"][0]) == (strategy != "replace")


@pytest.mark.parametrize(("kind", "strategy"), [pair for pair in NAMES if pair[0] != "alone"])
def test_tags_and_heads_are_those_of_the_base(
    kind: str,
    strategy: str,
    tuned: Tuned,
    bases: dict[str, Path],
    loaded: dict[Path, dict[str, Any]],
) -> None:
    before, after = loaded[bases[kind]], loaded[tuned(kind, strategy) / "model"]
    assert after["syntax"] == before["syntax"]
    tags, _, heads = zip(*before["syntax"][0], strict=True)
    assert set(tags) == {"NAME", "WORD"}
    assert len(set(heads)) > 1


def test_an_updated_component_keeps_its_place_in_the_middle(
    tuned: Tuned, bases: dict[str, Path], tmp_path: Path
) -> None:
    nlp = spacy.load(bases["listening"])
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "base")
    trained = tuned("listening", "update") / "model-best"
    output = tmp_path / "model"
    assemble(base=tmp_path / "base", trained=trained, output=output, strategy="update")
    names = ["tok2vec", "tagger", "parser", "ner", "sentencizer"]
    assert spacy.load(output).pipe_names == names


@pytest.mark.parametrize("kind", KINDS)
def test_scores_of_what_is_unchanged_are_kept_and_those_of_entities_are_not(
    kind: str, tuned: Tuned
) -> None:
    for strategy in ("extend", "update"):
        meta = srsly.read_json(tuned(kind, strategy) / "model" / "meta.json")
        assert meta["performance"] == {"tag_acc": 0.9}
        assert meta["name"] == kind


def test_a_model_of_the_project_can_be_taught_again(
    second: Path, tuned: Tuned, loaded: dict[Path, dict[str, Any]]
) -> None:
    first = tuned("listening", "extend") / "model"
    names = ["tok2vec", "tagger", "parser", "ner_3", "ner_2", "ner"]
    assert loaded[second / "model"]["names"] == names
    assert loaded[second / "model"]["syntax"] == loaded[first]["syntax"]
    for name in parts(first):
        assert contents(second / "model" / name) == contents(first / name), name


def test_a_third_generation_can_be_taught_what_it_knows(
    third: Path, second: Path, loaded: dict[Path, dict[str, Any]]
) -> None:
    model = loaded[third / "model"]
    assert model["names"] == loaded[second / "model"]["names"]
    assert model["syntax"] == loaded[second / "model"]["syntax"]
    assert ["n08", "BAND"] in model["ents"][1]
    assert ["Alice Smith", "PERSON"] in model["ents"][0]
    for name in parts(second / "model") - {"ner"}:
        assert contents(third / "model" / name) == contents(second / "model" / name), name
    labels = srsly.msgpack_loads((third / "model" / "ner" / "moves").read_bytes())
    assert {"BAND", "GEAR"} <= set(srsly.json_loads(labels["moves"])["2"])


@pytest.mark.parametrize("strategy", ["update", "extend"])
def test_a_label_that_the_base_has_already_is_taught_more(
    strategy: str, bases: dict[str, Path], tmp_path: Path
) -> None:
    rename = {"GEAR": "LOC"}
    world = build(tmp_path / "w", bases["own"], strategy, data__rename=rename)
    nlp = spacy.load(world / "model")
    assert not [ent for ent in spacy.load(bases["own"])("the router").ents if ent.label_ == "LOC"]
    found = [[(ent.text, ent.label_) for ent in nlp(text).ents] for text in TEXTS]
    assert ("Paris", "LOC") in found[0]
    assert ("router", "LOC") in found[1]


def test_vectors_stand_in_the_model_once(tuned: Tuned, bases: dict[str, Path]) -> None:
    model = tuned("vectors", "extend") / "model"
    assert [path.parent.name for path in model.rglob("vectors")] == ["vocab"]
    for name in ("vectors", "key2row", "lookups.bin"):
        assert (model / "vocab" / name).read_bytes() == (
            bases["vectors"] / "vocab" / name
        ).read_bytes()
