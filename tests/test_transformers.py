"""Which layers learn, and bases with a transformer: what is the base's own stays the base's own.

The bases are tiny and random. Where a family of transformers is not installed, its tests are
skipped.
"""

import pickle
import shutil
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy
import pytest
import spacy
import srsly
from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Linear

from scripts import functions
from scripts.base import extras
from scripts.base.trust import check_model, is_active
from scripts.exceptions import FetchError, ParamsError
from scripts.functions import (
    FROZEN,
    BaseVectors,
    Embedding,
    copy_weights,
    embedding_node,
    embedding_of,
    two_rates,
    unfreeze,
)
from scripts.release.apart import annotate_installed
from scripts.release.wheel import build_package
from scripts.training.config import learning_layers
from tests.conftest import build, general_records
from tests.tiny_transformers import FAMILIES, state, transformer_base

Bases = Callable[[str], Path]
Built = Callable[[str, str, str], Path]
needs = {
    family: pytest.mark.skipif(not find_spec(module), reason=f"no {module}: make transformers")
    for family, module in FAMILIES.items()
}
families = pytest.mark.parametrize(
    "family", [pytest.param(family, marks=mark) for family, mark in needs.items()]
)
TEXTS = [record["text"] for record in general_records()]
EVERYWHERE = {"rehearsal__ratio": 0.5, "training__max_epochs": 12}


@pytest.fixture(scope="module")
def trf_bases(tmp_path_factory: pytest.TempPathFactory) -> Bases:
    """A function that maps a family to the folder of its base, which is made once."""
    return cache(lambda family: transformer_base(family, tmp_path_factory.mktemp(family)))


@pytest.fixture(scope="module")
def built(trf_bases: Bases, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A function that maps family, strategy and layers to the folder of a finished world."""

    @cache
    def make(family: str, strategy: str, layers: str) -> Path:
        folder = tmp_path_factory.mktemp(f"{family}-{strategy}-{layers}") / "w"
        changes = EVERYWHERE | {"training__layers": layers}
        return build(folder, trf_bases(family), strategy, **changes)

    return make


def model_of(nlp: Language, name: str) -> Any:
    return nlp.get_pipe(name).model  # type: ignore[attr-defined]


def entities(doc: Doc) -> set[tuple[int, int, str]]:
    return {(span.start, span.end, span.label_) for span in doc.ents}


# Which layers learn


@pytest.mark.parametrize(
    ("layers", "is_transformer", "learning"),
    [("auto", False, "all"), ("auto", True, "head"), ("top", True, "top"), ("head", False, "head")],
)
def test_auto_is_all_of_a_tok2vec_and_the_head_of_a_transformer(
    layers: str, is_transformer: bool, learning: str
) -> None:
    assert learning_layers(layers, Embedding(None, is_transformer)) == learning


def test_a_tok2vec_has_no_top() -> None:
    with pytest.raises(ParamsError, match=r"training\.layers is top"):
        learning_layers("top", Embedding("tok2vec", False))


@pytest.mark.parametrize("kind", ["own", "listening"])
@pytest.mark.parametrize(("strategy", "name"), [("extend", "ner_2"), ("update", "ner")])
def test_with_the_head_alone_a_tok2vec_stays_the_base_s(
    kind: str, strategy: str, name: str, bases: dict[str, Path], tmp_path: Path
) -> None:
    world = build(tmp_path / "w", bases[kind], strategy, training__layers="head")
    base, tuned = spacy.load(bases[kind]), spacy.load(world / "model")
    heard = embedding_of(tuned, name).shared_by
    assert heard == ("tok2vec" if kind == "listening" else None)
    for old, new in ((base, tuned), (spacy.load(bases[kind]), spacy.load(world / "model"))):
        first = model_of(old, heard or "ner") if heard else embedding_node(model_of(old, "ner"))
        second = model_of(new, heard) if heard else embedding_node(model_of(new, name))
        assert first.to_bytes() == second.to_bytes()
    learned = model_of(tuned, name).get_ref("upper").get_param("W")
    assert learned.any()
    assert {"BAND", "GEAR"} <= set(tuned.get_pipe(name).labels)  # type: ignore[attr-defined]


def test_vectors_of_a_text_are_computed_once(
    bases: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    nlp = spacy.load(bases["listening"])
    vectors = BaseVectors(str(bases["listening"]), "ner")
    computed: list[str] = []
    compute = vectors.compute

    def count(docs: list[Doc]) -> list:
        computed.extend(doc.text for doc in docs)
        return compute(docs)

    monkeypatch.setattr(vectors, "compute", count)
    docs = [nlp.make_doc(text) for text in (TEXTS[0], TEXTS[1], TEXTS[0], "")]
    first, again = vectors.of(docs), vectors.of(docs)
    assert computed == [TEXTS[0], TEXTS[1], ""]
    assert all(a is b for a, b in zip(first, again, strict=True))
    # They are those that the recognizer itself gets in the base.
    expected = embedding_node(model_of(nlp, "ner")).predict([nlp(text) for text in TEXTS[:2]])
    for found, right in zip(first, expected, strict=False):
        assert found == pytest.approx(right, abs=1e-6)
    # Where the memory is full, the oldest go, and none that is asked for.
    monkeypatch.setattr(functions, "KEPT", first[1].size)
    assert [len(found) for found in vectors.of(docs)] == [len(doc) for doc in docs]
    assert len(vectors.known) < 3


def test_a_transformer_learns_at_a_share_of_the_rate() -> None:
    optimizer = two_rates(0.1, 0.25)
    moved = {}
    for name in ("W", "layers.0.weight"):
        weights, _ = optimizer((1, name), numpy.ones(3, "f"), numpy.ones(3, "f"))
        moved[name] = 1 - weights[0]
    assert moved["layers.0.weight"] == pytest.approx(0.25 * moved["W"], rel=0.02)
    assert moved["W"] > 0.05
    assert optimizer.averages is None


# Bases with a transformer


@families
def test_it_is_known_for_what_it_is(family: str, trf_bases: Bases) -> None:
    nlp = spacy.load(trf_bases(family))
    assert embedding_of(nlp, "ner") == Embedding("transformer", True)
    nlp.replace_listeners("transformer", "ner", ["model.tok2vec"])
    assert embedding_of(nlp, "ner") == Embedding(None, True)


@families
def test_extend_listens_to_the_base_s_own_transformer(
    family: str, trf_bases: Bases, built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, world = trf_bases(family), built(family, "extend", "auto")
    base, tuned = spacy.load(folder), spacy.load(world / "model")
    assert tuned.pipe_names == ["transformer", "tagger", "ner_2", "ner"]
    transformer: Any = tuned.get_pipe("transformer")
    assert transformer.listening_components == ["tagger", "ner_2", "ner"]
    for name in ("transformer", "tagger", "ner"):
        for path in sorted((folder / name).rglob("*")):
            if path.is_file():
                assert path.read_bytes() == (world / "model" / name / path.name).read_bytes(), path
    # It runs once for all three.
    runs: list[int] = []
    predict = transformer.predict

    def count(docs: list[Doc]) -> Any:
        runs.append(len(docs))
        return predict(docs)

    monkeypatch.setattr(transformer, "predict", count)
    for text in TEXTS:
        old, new = base(text), tuned(text)
        added = [span for span in new.ents if span.label_ in {"BAND", "GEAR"}]
        rivals = {i for span in added for i in range(span.start, span.end)}
        free = {e for e in entities(old) if not rivals & set(range(e[0], e[1]))}
        assert free <= entities(new)
        assert [token.tag_ for token in old] == [token.tag_ for token in new]
    assert len(runs) == len(TEXTS)


@families
def test_what_was_learned_is_what_the_whole_pipeline_finds(
    family: str, trf_bases: Bases, built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recognizer sees the same vectors, frozen while it learned and shared afterwards."""
    world = built(family, "extend", "auto")
    part, tuned = spacy.load(world / "model-best"), spacy.load(world / "model")
    assert embedding_node(model_of(part, "ner_2")).name == FROZEN
    unfreeze(part, "ner_2", str(trf_bases(family)))
    assert embedding_node(model_of(part, "ner_2")).to_bytes() == (
        embedding_node(model_of(tuned, "ner_2")).to_bytes()
    )
    head = [node for node in model_of(part, "ner_2").walk() if node.has_param("W")]
    same = [node for node in model_of(tuned, "ner_2").walk() if node.has_param("W")]
    assert len(head) == 2  # what fits the embedding, and the hidden layer that is the output layer
    for one, other in zip(head, same, strict=True):
        assert numpy.array_equal(one.get_param("W"), other.get_param("W"))


@needs["curated"]
@pytest.mark.parametrize(
    ("layers", "learning"), [("head", set()), ("top", {1}), ("all", {None, 0, 1})]
)
def test_the_layers_that_learn_are_those_asked_for(
    layers: str, learning: set, trf_bases: Bases, built: Built
) -> None:
    world = built("curated", "update", layers)
    base, tuned = spacy.load(trf_bases("curated")), spacy.load(world / "model")
    assert tuned.pipe_names == ["transformer", "tagger", "ner"]
    assert set(tuned.get_pipe("ner").labels) == {"BAND", "GEAR", "LOC", "PERSON"}  # type: ignore[attr-defined]
    # The tagger goes on listening to what the base has.
    old = state(base, "transformer")
    assert all(numpy.array_equal(old[name], x) for name, x in state(tuned, "transformer").items())
    heard = ["tagger", "ner"] if layers == "head" else ["tagger"]
    assert tuned.get_pipe("transformer").listening_components == heard  # type: ignore[attr-defined]
    own = state(tuned, "ner")
    assert (own == {}) == (layers == "head")
    moved = {name for name, x in own.items() if not numpy.array_equal(old[name], x)}
    numbers = {next((int(x) for x in name.split(".") if x.isdigit()), None) for name in moved}
    assert numbers == learning


@needs["hf"]
def test_a_transformer_of_spacy_transformers_learns(trf_bases: Bases, built: Built) -> None:
    world = built("hf", "update", "all")
    base, tuned = spacy.load(trf_bases("hf")), spacy.load(world / "model")
    old, own = state(base, "transformer"), state(tuned, "ner")
    assert any(not numpy.array_equal(old[name], x) for name, x in own.items())
    assert all(numpy.array_equal(old[name], x) for name, x in state(tuned, "transformer").items())
    assert [token.tag_ for token in tuned(TEXTS[0])] == [token.tag_ for token in base(TEXTS[0])]


@needs["curated"]
def test_a_transformer_that_nothing_uses_any_more_is_left_out(
    trf_bases: Bases, tmp_path: Path
) -> None:
    nlp = spacy.load(trf_bases("curated"))
    nlp.remove_pipe("tagger")
    nlp.to_disk(tmp_path / "base")
    world = build(tmp_path / "w", tmp_path / "base", "replace", training__layers="all")
    tuned = spacy.load(world / "model")
    assert tuned.pipe_names == ["ner"]
    assert embedding_of(tuned, "ner") == Embedding(None, True)


@families
@pytest.mark.parametrize(("strategy", "layers"), [("extend", "auto"), ("update", "all")])
def test_the_same_training_gives_the_same_bytes(
    family: str, strategy: str, layers: str, trf_bases: Bases, built: Built, tmp_path: Path
) -> None:
    changes = EVERYWHERE | {"training__layers": layers}
    again = build(tmp_path / "w", trf_bases(family), strategy, **changes)
    first = built(family, strategy, layers)
    name = "ner_2" if strategy == "extend" else "ner"
    for file in (f"model/{name}/model", f"model-best/{name}/model", "model/transformer/model"):
        assert (first / file).read_bytes() == (again / file).read_bytes()


@families
def test_the_package_works_where_only_what_it_requires_is(
    family: str, built: Built, tmp_path: Path
) -> None:
    model = built(family, "extend", "auto") / "model"
    meta = srsly.read_json(model / "meta.json") | {"name": "tiny", "version": "1.0.0"}
    wheel = build_package(model=model, meta=meta, output=tmp_path)
    nlp = spacy.load(model)
    for text, found in zip(TEXTS, annotate_installed(wheel, TEXTS), strict=True):
        assert found["ents"] == nlp(text).to_json()["ents"]


@needs["curated"]
def test_weights_of_pytorch_are_copied(trf_bases: Bases) -> None:
    source, target = (spacy.load(trf_bases("curated")) for _ in range(2))
    kept = state(source, "transformer")
    for node in model_of(target, "transformer").walk():
        for shim in node.shims:
            for parameter in shim._model.parameters():
                parameter.data.zero_()
    assert not any(x.any() for x in state(target, "transformer").values())
    copy_weights(model_of(source, "transformer"), model_of(target, "transformer"))
    copied = state(target, "transformer")
    assert all(numpy.array_equal(kept[name], x) for name, x in copied.items())
    source_first, *_ = (x for node in model_of(source, "transformer").walk() for x in node.shims)
    next(source_first._model.parameters()).data.fill_(7)
    assert all(numpy.array_equal(x, state(target, "transformer")[k]) for k, x in copied.items())


def test_models_with_other_numbers_of_shims_are_not_copied() -> None:
    source, target = Linear(2, 2).initialize(), Linear(2, 2).initialize()
    source._shims.append("anything")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="zip"):
        copy_weights(source, target)


# What is refused


@pytest.mark.parametrize("name", ["spacy-curated-transformers", "spacy-transformers"])
def test_a_base_says_what_to_type_where_the_extra_is_missing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f'[components]\n[components.transformer]\n@architectures = "{name}.Model.v1"\n'
    (tmp_path / "config.cfg").write_text(text)
    (tmp_path / "meta.json").write_text("{}")
    monkeypatch.setattr(extras, "find_spec", lambda module: None)
    with pytest.raises(
        FetchError, match=f"{name}, which is not installed. Type: make transformers"
    ):
        check_model(tmp_path, "ner")


@families
def test_a_base_with_a_transformer_is_no_stranger(family: str, trf_bases: Bases) -> None:
    check_model(trf_bases(family), "ner")


def with_shim(base: Path, folder: Path, **changes: Any) -> Path:
    """Copy a base of spacy-transformers, with other values in what PyTorch holds of it."""
    shutil.copytree(base, folder)
    path = folder / "transformer" / "model"
    content = srsly.read_msgpack(path)
    number = next(i for i, shims in enumerate(content["shims"]) if shims)
    held = srsly.msgpack_loads(content["shims"][number][0])
    for key, value in changes.items():
        held[key] = held[key] | value if isinstance(value, dict) else value
    content["shims"][number] = [srsly.msgpack_dumps(held)]
    srsly.write_msgpack(path, content)
    return folder


@needs["hf"]
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tokenizer", {"../../outside": b"written"}),
        ("tokenizer", {"/tmp/outside": b"written"}),
        ("tokenizer", {"vocab.pkl": b"written"}),
        ("config", {"auto_map": {"AutoModel": "module.Class"}}),
        ("tokenizer", {"tokenizer_config.json": b'{"auto_map": {"AutoTokenizer": ["a.B", null]}}'}),
    ],
)
def test_a_tokenizer_that_writes_or_runs_is_refused(
    key: str, value: dict, trf_bases: Bases, tmp_path: Path
) -> None:
    folder = with_shim(trf_bases("hf"), tmp_path / "base", **{key: value})
    with pytest.raises(FetchError, match="refused"):
        check_model(folder, "ner")


@needs["hf"]
def test_a_pickle_among_the_weights_is_not_run(trf_bases: Bases, tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple:
            return Path.touch, (tmp_path / "ran",)

    folder = with_shim(trf_bases("hf"), tmp_path / "base", state=pickle.dumps(Attack()))
    with pytest.raises(pickle.UnpicklingError):
        spacy.load(folder)
    assert not (tmp_path / "ran").exists()


def test_a_program_of_pytorch_is_refused() -> None:
    assert is_active("components.transformer.model", "torchscript", True)
    assert not is_active("components.transformer.model", "torchscript", False)
