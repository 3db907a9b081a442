"""Make the training config from the recipe, the base model and params.yaml."""

from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.util import load_config
from thinc.api import Config

from scripts.functions import load_alone
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
NEW_WEIGHTS = {"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0}


def new_name(nlp: Language, component: str) -> str:
    """Return a free name for a second component: for ner it is ner_2, or ner_3 if that is taken."""
    number = 2
    while f"{component}_{number}" in nlp.component_names:
        number += 1
    return f"{component}_{number}"


def component_config(base: Path, component: str, strategy: str, labels: list[str]) -> dict:
    """Make the parts of the config that depend on the base: pipeline, component, initialization.

    base: the folder of the base pipeline.
    component: the name of its entity recognizer.
    strategy: `training.strategy` of params.yaml.
    labels: the labels to learn, sorted.
    """
    nlp = load_alone(str(base), component)
    # The copied component must not refer to sections that are not copied, so fill these values in.
    settings = nlp.config.interpolate()
    source = {}
    if strategy == "update":
        name, pipe = component, sourced_component(base, component)
        weights = UPDATE_WEIGHTS
    else:
        name = new_name(nlp, component) if strategy == "extend" else component
        pipe = settings["components"][component]
        # The size of the base's output layer fits the base's labels. Without it, initialization
        # sets the size that the new labels need.
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
    """Make the config of the base's own component.

    If the component shares its embedding with others, the config gives it a copy of its own.
    """
    pipe: dict[str, Any] = {"source": str(base)}
    if component_listens(base, component):
        pipe["replace_listeners"] = ["model.tok2vec"]
    return pipe


def component_listens(base: Path, component: str) -> bool:
    """Whether the base's component uses an embedding that it shares with others (a listener)."""
    nlp = spacy.load(base)
    return any(component in getattr(pipe, "listening_components", []) for _, pipe in nlp.pipeline)


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
    config = load_config(recipe)
    data = read_json(corpus / "data.json")
    steps = steps_per_epoch(data["texts"]["train"], training.batch_size)
    config["system"]["seed"] = training.seed
    config["training"] |= {"dropout": training.dropout} | duration(steps, training)
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
