"""Make the training config from the recipe, the base model and params.yaml."""

from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.util import load_config
from thinc.api import Config

from scripts.base.extras import refuse_missing_extra
from scripts.exceptions import ParamsError
from scripts.functions import Embedding, embedding_of, frozen_settings, load_alone
from scripts.params import Training
from scripts.storage.json_files import read_json
from scripts.training.duration import duration, steps_per_epoch
from scripts.training.practice import rehearsal_config

# The keys of the base's section [nlp] that the config takes over, and the callbacks in it that are
# switched off.
KEPT = ("lang", "batch_size", "tokenizer", "vectors")
CALLBACKS = ("before_creation", "after_creation", "after_pipeline_creation")
# The weights of the scores by which the best model of a training is chosen. `score_new_and_kept` in
# scripts/functions.py explains the first one.
UPDATE_WEIGHTS = {"new_and_kept_f": 1.0, "ents_f": 0.0, "ents_p": 0.0, "ents_r": 0.0}
UPDATE_WEIGHTS |= {"new_f": 0.0, "kept_f": 0.0}
# Words of training text that go through a transformer at once while it learns.
WORDS_AT_ONCE = 2000
NEW_WEIGHTS = {"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0}


def new_name(nlp: Language, component: str) -> str:
    """Return a free name for a second component: for ner it is ner_2, or ner_3 if that is taken."""
    number = 2
    while f"{component}_{number}" in nlp.component_names:
        number += 1
    return f"{component}_{number}"


def learning_layers(layers: str, embedding: Embedding) -> str:
    """Return which layers learn: head, top or all.

    layers: `training.layers` of params.yaml; auto is all of a tok2vec, but a transformer's head.

    Raises ParamsError for the top of a tok2vec.
    """
    if layers == "auto":
        return "head" if embedding.is_transformer else "all"
    if layers == "top" and not embedding.is_transformer:
        raise ParamsError(
            "training.layers is top, the upper half of a transformer, but this base has none: take "
            "all, or head, with which its embedding stays as it is."
        )
    return layers


def component_config(
    base: Path,
    component: str,
    embedding: Embedding,
    strategy: str,
    layers: str,
    labels: list[str],
) -> dict[str, Any]:
    """Make the parts of the config that depend on the base: pipeline, component, initialization.

    base: the folder of the base pipeline.
    component, embedding: the name of its entity recognizer, and what embedding that has.
    strategy, layers: `training.strategy`, and what learns (`learning_layers`).
    labels: the labels to learn, sorted.
    """
    # A tok2vec that learns is built and trained like any component of spaCy.
    is_plain = layers == "all" and not embedding.is_transformer
    nlp = load_alone(str(base), component) if is_plain else spacy.load(base)
    # The copied component must not refer to sections that are not copied, so fill these values in.
    settings = nlp.config.interpolate()
    name = new_name(nlp, component) if strategy == "extend" else component
    pipe: dict[str, Any] = {"source": str(base)}
    if strategy == "update" and is_plain:
        pipe = sourced_component(base, embedding)
    elif strategy != "update":
        pipe = new_component(settings["components"][component])
        if not is_plain:
            # A transformer that learns takes its place after initialization.
            pipe["model"]["tok2vec"] = frozen_settings(str(base), component)
    callback: dict[str, Any] = {"@callbacks": "learn_labels.v1", "labels": labels}
    callback["component"] = name
    if strategy != "update" or not is_plain:
        callback |= {"base": str(base), "base_component": component}
    if not is_plain:
        callback |= {"is_new": strategy != "update", "layers": layers}
        callback["@callbacks"] = "learn_layers.v1"
    return {
        "nlp": {key: settings["nlp"][key] for key in KEPT if key in settings["nlp"]}
        | {"pipeline": [name], "disabled": []}
        | dict.fromkeys(CALLBACKS),
        "components": {name: pipe},
        "initialize": {"before_init": copy_tokenizer(base), "after_init": callback},
        "training": {"score_weights": UPDATE_WEIGHTS if strategy == "update" else NEW_WEIGHTS},
    }


def copy_tokenizer(base: Path) -> dict[str, Any]:
    """Make the config of what takes over the tokenizer and the words of the base."""
    copy = {"@callbacks": "spacy.copy_from_base_model.v1"}
    return copy | {"tokenizer": str(base), "vocab": str(base)}


def sourced_component(base: Path, embedding: Embedding) -> dict[str, Any]:
    """Make the config of the base's own component, which has a certain embedding.

    If the component shares that with others, the config gives it a copy of its own.
    """
    pipe: dict[str, Any] = {"source": str(base)}
    if embedding.shared_by:
        pipe["replace_listeners"] = ["model.tok2vec"]
    return pipe


def new_component(settings: dict[str, Any]) -> dict[str, Any]:
    """Make the config of a recognizer that is built like the base's and knows no labels.

    Without the size of the output layer, initialization sets the one that the new labels need.
    """
    return settings | {"moves": None, "model": settings["model"] | {"nO": None}}


def transformer_training(config: Config, words: int) -> dict[str, Any]:
    """Make the part of the config that says how a transformer learns: slowly at first and last.

    An update's texts go through it in parts, texts of like length together, of WORDS_AT_ONCE words
    on average: as many as the memory of a small GPU holds.

    config: the config so far, with `transformer_optimizer` of the recipe in it.
    words: of training text in an update, on average.
    """
    steps = config["training"]["max_steps"]
    optimizer = config["transformer_optimizer"]
    optimizer["learn_rate"] |= {
        "initial_rate": config["training"]["optimizer"]["learn_rate"],
        "warmup_steps": steps // 10,
        "total_steps": steps,
    }
    return {"optimizer": optimizer, "accumulate_gradient": -(-words // WORDS_AT_ONCE)}


def configure(
    *, recipe: Path, base: Path, corpus: Path, component: str, training: Training, ratio: float
) -> Config:
    """Make the training config from the recipe, the base and the params.

    recipe: the path of a spaCy config.
    base: the folder of the base pipeline.
    corpus: the folder that `preprocess` wrote; its data.json has the labels and numbers of texts.
    component: the name of the base's entity recognizer.
    training: `training` of params.yaml.
    ratio: words of general text to practise on for each word of training text.
    """
    refuse_missing_extra(base)
    config = load_config(recipe)
    data = read_json(corpus / "data.json")
    steps = steps_per_epoch(data["texts"]["train"], training.batch_size)
    config["system"]["seed"] = training.seed
    config["training"] |= {"dropout": training.dropout} | duration(steps, training)
    config["training"]["batcher"]["size"] = training.batch_size
    config["training"]["optimizer"]["learn_rate"] = training.learn_rate
    for part in ("train", "dev"):
        config["corpora"][part]["path"] = (corpus / part).as_posix()
    embedding = embedding_of(spacy.load(base), component)
    layers = learning_layers(training.layers, embedding)
    if embedding.is_transformer and layers != "head":
        config["training"] |= transformer_training(config, -(-data["words"]["train"] // steps))
    del config["transformer_optimizer"]
    parts = component_config(base, component, embedding, training.strategy, layers, data["labels"])
    config = config.merge(parts)
    if data["rehearsal"]["train"]["texts"]:
        words = round(ratio * data["words"]["train"] / steps)
        (learner,) = config["nlp"]["pipeline"]
        config["training"]["before_update"] = rehearsal_config(
            base, component, learner, corpus / "rehearsal", words
        )
    return config
