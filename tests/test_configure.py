"""The written config trains one component, whatever the base is built like."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.cli.train import train
from spacy.util import load_config
from thinc.api import Config

from scripts.functions import embedding_of
from scripts.params import Training
from scripts.training.config import configure, new_name
from scripts.training.duration import duration, steps_per_epoch
from scripts.training.practice import AGAINST_NEW
from tests.conftest import KINDS, RECIPE, write_config, write_world

Tuned = Callable[[str, str], Path]
STRATEGIES = {"extend": "ner_2", "update": "ner"}
TRAINING = {
    "strategy": "extend",
    "layers": "auto",
    "max_epochs": 3,
    "min_steps": 0,
    "patience": 2,
    "dropout": 0.25,
    "learn_rate": 0.002,
    "batch_size": 8,
    "seed": 5,
    "gpu_id": -1,
}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """What `configure` reads of a corpus: 17 texts, 170 words, 40 spans, text to rehearse on."""
    data = {"labels": ["BAND"], "texts": {"train": 17}, "words": {"train": 170}}
    data |= {"spans": {"train": {"BAND": 30, "GEAR": 10}}, "rehearsal": {"train": {"texts": 5}}}
    srsly.write_json(tmp_path / "data.json", data)
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


@pytest.mark.parametrize(
    ("steps", "max_epochs", "min_steps", "expected"),
    [
        # Few texts: epochs, and epochs to an evaluation, as many as min_steps asks for.
        (1, 3, 100, {"max_epochs": 100, "eval_frequency": 10, "max_steps": 100, "patience": 100}),
        (3, 3, 100, {"max_epochs": 36, "eval_frequency": 12, "max_steps": 108, "patience": 100}),
        (30, 3, 100, {"max_epochs": 4, "eval_frequency": 30, "max_steps": 120, "patience": 100}),
        # Enough texts: max_epochs means what it says, with an evaluation after each.
        (34, 3, 100, {"max_epochs": 3, "eval_frequency": 34, "max_steps": 102, "patience": 100}),
        (90, 3, 100, {"max_epochs": 3, "eval_frequency": 90, "max_steps": 270, "patience": 180}),
        (1, 300, 100, {"max_epochs": 300, "eval_frequency": 1, "max_steps": 300, "patience": 100}),
    ],
)
def test_little_data_is_learned_for_as_many_updates_as_asked(
    steps: int, max_epochs: int, min_steps: int, expected: dict[str, int]
) -> None:
    training = Training.model_validate(
        TRAINING | {"max_epochs": max_epochs, "min_steps": min_steps}
    )
    assert duration(steps, training) == expected


@pytest.mark.parametrize("steps", range(1, 40))
@pytest.mark.parametrize("min_steps", [0, 7, 100])
def test_it_ends_with_an_evaluation_and_not_before_the_updates_asked_for(
    steps: int, min_steps: int
) -> None:
    found = duration(steps, Training.model_validate(TRAINING | {"min_steps": min_steps}))
    assert found["max_steps"] == found["max_epochs"] * steps
    assert found["eval_frequency"] % steps == 0
    assert found["max_steps"] % found["eval_frequency"] == 0
    assert min(found["max_steps"], found["patience"]) >= min_steps


def test_patience_does_not_end_it_before_the_updates_asked_for(
    bases: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing is found, every score on dev is 0, and the first counts as the best."""
    changes = {"training__patience": 1, "training__min_steps": 30, "training__learn_rate": 1e-9}
    params = write_world(tmp_path, **changes)
    path = write_config(tmp_path, params, bases["own"])
    capsys.readouterr()
    train(path, tmp_path)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    table = [list(map(float, line)) for line in lines if line and line[0].isdigit()]
    assert {row[-1] for row in table} == {0.0}
    assert table[-1][1] == load_config(path)["training"]["max_steps"] >= 30


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
    found = {kind: embedding_of(spacy.load(bases[kind]), "ner") for kind in KINDS}
    assert [kind for kind in KINDS if found[kind].shared_by == "tok2vec"] == ["listening"]
    assert not any(embedding.is_transformer for embedding in found.values())


def test_a_new_component_gets_the_first_free_number() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("ner")
    assert new_name(nlp, "ner") == "ner_2"
    nlp.add_pipe("ner", name="ner_2")
    assert new_name(nlp, "ner") == "ner_3"
    nlp.disable_pipe("ner_2")
    assert new_name(nlp, "ner") == "ner_3"
