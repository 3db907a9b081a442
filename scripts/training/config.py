"""The training config, made of the recipe, what the base model is, and params.yaml."""

from pathlib import Path
from typing import Any

import spacy
import srsly
from spacy.language import Language
from spacy.util import load_config
from thinc.api import Config

from scripts.functions import load_alone
from scripts.params import Training

# How much the base, which does not know the new labels, counts against them (docs/keeping.md).
AGAINST_NEW = 0.2
# What the config takes over from the base's section [nlp], and what must not run again.
KEPT = ("lang", "batch_size", "tokenizer", "vectors")
CALLBACKS = ("before_creation", "after_creation", "after_pipeline_creation")
# What decides which model of a training is the best (scripts/functions.py explains the first one).
UPDATE_WEIGHTS = {"new_and_kept_f": 1.0, "ents_f": 0.0, "ents_p": 0.0, "ents_r": 0.0}
UPDATE_WEIGHTS |= {"new_f": 0.0, "kept_f": 0.0}
NEW_WEIGHTS = {"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0}


def new_name(nlp: Language, component: str) -> str:
    """A free name for a component beside `component`: ner_2, or ner_3 if that is taken."""
    number = 2
    while f"{component}_{number}" in nlp.component_names:
        number += 1
    return f"{component}_{number}"


def steps_per_epoch(texts: int, batch_size: int) -> int:
    """How many batches of `batch_size` texts an epoch has; the last one may be smaller."""
    return -(-texts // batch_size)


def component_config(base: Path, component: str, strategy: str, labels: list[str]) -> dict:
    """The parts of the config that depend on the base: pipeline, component, initialization.

    base: the folder of the base pipeline.
    component: its entity recognizer.
    strategy: `training.strategy` of params.yaml.
    labels: what is learned, sorted.
    """
    nlp = load_alone(str(base), component)
    # Interpolated: the component's copy must not refer to a section that is not there.
    settings = nlp.config.interpolate()
    source = {}
    if strategy == "update":
        name, pipe = component, sourced_component(base, component)
        weights = UPDATE_WEIGHTS
    else:
        name = new_name(nlp, component) if strategy == "extend" else component
        pipe = settings["components"][component]
        # The new labels need fewer moves than the base's: the size is set at initialization.
        pipe["moves"] = None
        pipe["model"]["nO"] = None
        source = {"base": str(base), "base_component": component}
        weights = NEW_WEIGHTS
    callback = {"@callbacks": "learn_labels.v1", "labels": labels, "component": name} | source
    copy = {
        "@callbacks": "spacy.copy_from_base_model.v1",
        "tokenizer": str(base),
        "vocab": str(base),
    }
    return {
        "nlp": {key: settings["nlp"][key] for key in KEPT if key in settings["nlp"]}
        | {"pipeline": [name], "disabled": []}
        | dict.fromkeys(CALLBACKS),
        "components": {name: pipe},
        "initialize": {"before_init": copy, "after_init": callback},
        "training": {"score_weights": weights},
    }


def sourced_component(base: Path, component: str) -> dict[str, Any]:
    """The config of the base's own component, with a copy of the layer that it shares, if any."""
    pipe: dict[str, Any] = {"source": str(base)}
    if component_listens(base, component):
        pipe["replace_listeners"] = ["model.tok2vec"]
    return pipe


def component_listens(base: Path, component: str) -> bool:
    """Whether the base's component shares its embedding with others."""
    nlp = spacy.load(base)
    return any(component in getattr(pipe, "listening_components", []) for _, pipe in nlp.pipeline)


def rehearsal_config(base: Path, component: str, learner: str, path: Path, words: int) -> dict:
    """The callback by which the learner practises, before every update, what the base says.

    base, component: the folder of the base pipeline, and its entity recognizer.
    learner: the name of the component that learns.
    path: the folder of DocBins with general text.
    words: how many words of it are practised on before an update.
    """
    return {
        "@callbacks": "rehearse.v1",
        "component": learner,
        "base": str(base),
        "base_component": component,
        "path": path.as_posix(),
        "words": words,
        "against_new": AGAINST_NEW,
    }


def configure(
    *, recipe: Path, base: Path, corpus: Path, component: str, training: Training, ratio: float
) -> Config:
    """Put the recipe, what the base is, and the params together.

    recipe: a spaCy config.
    base: the folder of the base pipeline.
    corpus: the folder that `preprocess` wrote; its data.json has the labels and numbers of texts.
    component: the base's entity recognizer.
    training: `training` of params.yaml.
    ratio: words of general text to practise on for each word of training text.
    """
    config = load_config(recipe)
    data = srsly.read_json(corpus / "data.json")
    steps = steps_per_epoch(data["texts"]["train"], training.batch_size)
    config["system"]["seed"] = training.seed
    config["training"] |= {
        "dropout": training.dropout,
        "max_epochs": training.max_epochs,
        # The last evaluation is at the end of the last epoch; the progress bar needs this number.
        "max_steps": training.max_epochs * steps,
        "eval_frequency": steps,
        "patience": training.patience * steps,
    }
    config["training"]["batcher"]["size"] = training.batch_size
    config["training"]["optimizer"]["learn_rate"] = training.learn_rate
    for part in ("train", "dev"):
        config["corpora"][part]["path"] = (corpus / part).as_posix()
    config = config.merge(component_config(base, component, training.strategy, data["labels"]))
    if data["rehearsal"]["train"]["texts"]:
        words = round(ratio * data["words"]["train"] / steps)
        (learner,) = config["nlp"]["pipeline"]
        config["training"]["before_update"] = rehearsal_config(
            base, component, learner, corpus / "rehearsal", words
        )
    return config
