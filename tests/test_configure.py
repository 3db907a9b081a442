"""The written config trains one component, whatever the base is built like."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.util import load_config
from thinc.api import Config

from scripts.params import Training
from scripts.training.config import (
    AGAINST_NEW,
    component_listens,
    configure,
    new_name,
    steps_per_epoch,
)
from tests.conftest import KINDS, RECIPE

Tuned = Callable[[str, str], Path]
STRATEGIES = {"extend": "ner_2", "update": "ner"}
TRAINING = {
    "strategy": "extend",
    "max_epochs": 3,
    "patience": 2,
    "dropout": 0.25,
    "learn_rate": 0.002,
    "batch_size": 8,
    "seed": 5,
    "gpu_id": -1,
}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """What `configure` reads of a corpus: 17 texts, 170 words, and text to rehearse on."""
    rehearsal = {"train": {"texts": 5}}
    data = {"labels": ["BAND"], "texts": {"train": 17}, "words": {"train": 170}}
    srsly.write_json(tmp_path / "data.json", data | {"rehearsal": rehearsal})
    return tmp_path


def configured(base: Path, corpus: Path, ratio: float = 1.0, **training: str | int) -> Config:
    return configure(
        recipe=RECIPE,
        base=base,
        corpus=corpus,
        component="ner",
        training=Training.model_validate(TRAINING | training),
        ratio=ratio,
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_spacy_trains_the_learning_component_alone(kind: str, strategy: str, tuned: Tuned) -> None:
    config = load_config(tuned(kind, strategy) / "config.cfg")
    name = STRATEGIES[strategy]
    assert config["nlp"]["pipeline"] == list(config["components"]) == [name]
    trained = spacy.load(tuned(kind, strategy) / "model-best")
    assert trained.pipe_names == [name]
    old = {"PERSON", "LOC"} if strategy == "update" else set()
    assert set(trained.get_pipe(name).labels) == {"BAND", "GEAR"} | old  # type: ignore[attr-defined]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_callback_names_the_labels_of_the_data_sorted(strategy: str, tuned: Tuned) -> None:
    config = load_config(tuned("own", strategy) / "config.cfg")
    assert config["initialize"]["after_init"]["labels"] == ["BAND", "GEAR"]
    assert config["initialize"]["after_init"]["component"] == STRATEGIES[strategy]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_refers_to_a_shared_layer_that_is_not_there(kind: str, tuned: Tuned) -> None:
    for strategy in STRATEGIES:
        for config in ("config.cfg", "model-best/config.cfg"):
            text = (tuned(kind, strategy) / config).read_text(encoding="utf8")
            assert "Tok2VecListener" not in text
            assert "${components" not in text


def test_an_epoch_ends_with_an_evaluation(tuned: Tuned) -> None:
    world = tuned("own", "extend")
    texts = srsly.read_json(world / "corpus" / "data.json")["texts"]["train"]
    config = load_config(world / "config.cfg")
    assert config["training"]["eval_frequency"] == math.ceil(texts / 4)


@pytest.mark.parametrize(("texts", "steps"), [(1, 1), (8, 1), (9, 2), (16, 2), (17, 3)])
def test_the_last_batch_may_be_smaller(texts: int, steps: int) -> None:
    assert steps_per_epoch(texts, 8) == steps


def test_values_of_params_are_in_the_config(bases: dict[str, Path], corpus: Path) -> None:
    training = (config := configured(bases["alone"], corpus))["training"]
    assert (training["dropout"], training["max_epochs"]) == (0.25, 3)
    assert (training["eval_frequency"], training["patience"]) == (3, 6)
    assert training["batcher"]["size"] == 8
    assert training["optimizer"]["learn_rate"] == 0.002
    assert config.interpolate()["training"]["seed"] == 5


def test_the_recipe_is_kept_where_params_say_nothing(bases: dict[str, Path], corpus: Path) -> None:
    recipe, config = load_config(RECIPE), configured(bases["alone"], corpus)
    assert config["training"]["optimizer"] == recipe["training"]["optimizer"] | {
        "learn_rate": 0.002
    }
    assert config["training"]["score_weights"] == recipe["training"]["score_weights"]
    assert config["corpora"]["dev"] == recipe["corpora"]["dev"] | {
        "path": (corpus / "dev").as_posix()
    }


@pytest.mark.parametrize(("strategy", "name"), STRATEGIES.items())
def test_every_update_practises_its_share_of_the_general_text(
    strategy: str, name: str, bases: dict[str, Path], corpus: Path
) -> None:
    config = configured(bases["own"], corpus, ratio=1.5, strategy=strategy)
    assert config["training"]["before_update"] == {
        "@callbacks": "rehearse.v1",
        "component": name,
        "base": str(bases["own"]),
        "base_component": "ner",
        "path": (corpus / "rehearsal").as_posix(),
        "words": 85,  # 1.5 times 170 in three updates
        "against_new": AGAINST_NEW,
    }


def test_without_general_text_nothing_is_practised(bases: dict[str, Path], corpus: Path) -> None:
    data = srsly.read_json(corpus / "data.json") | {"rehearsal": {"train": {"texts": 0}}}
    srsly.write_json(corpus / "data.json", data)
    assert configured(bases["own"], corpus)["training"]["before_update"] is None


def test_update_takes_the_component_of_the_base_with_a_copy_of_what_it_listens_to(
    bases: dict[str, Path], corpus: Path
) -> None:
    for kind in KINDS:
        pipe = configured(bases[kind], corpus, strategy="update")["components"]["ner"]
        replaced = {"replace_listeners": ["model.tok2vec"]} if kind == "listening" else {}
        assert pipe == {"source": str(bases[kind])} | replaced


def test_only_the_listening_base_listens(bases: dict[str, Path]) -> None:
    listening = [kind for kind in KINDS if component_listens(bases[kind], "ner")]
    assert listening == ["listening"]


def test_a_new_component_gets_the_first_free_number() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("ner")
    assert new_name(nlp, "ner") == "ner_2"
    nlp.add_pipe("ner", name="ner_2")
    assert new_name(nlp, "ner") == "ner_3"
    nlp.disable_pipe("ner_2")
    assert new_name(nlp, "ner") == "ner_3"
