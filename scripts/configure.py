"""Write the complete training config: the recipe, what the base model is, and params.yaml.

    python -m scripts.configure configs/ner.cfg training/base corpus training/config.cfg

`extend` and `replace` train a new component, built like the base's and started from its weights;
`update` trains the base's own. In every case the component is alone in the training pipeline, with
a copy of the layer that it listens to, if it listens to one. Between the updates it practises what
the base says of general text.
"""

from pathlib import Path
from typing import Any

import spacy
import srsly
import typer
from spacy.language import Language
from spacy.util import load_config
from thinc.api import Config
from wasabi import msg

from scripts.functions import load_alone
from scripts.params import Training, load_params
from scripts.storage.atomic import write_text

# What the base's word counts against labels that it does not know; measured (docs/keeping.md).
AGAINST_NEW = 0.2


def new_name(nlp: Language, component: str) -> str:
    """A name for the component beside `component`: ner_2, or ner_3 where that is taken."""
    number = 2
    while f"{component}_{number}" in nlp.component_names:
        number += 1
    return f"{component}_{number}"


def steps_per_epoch(texts: int, batch_size: int) -> int:
    """How many batches of `batch_size` texts an epoch has, the last one perhaps smaller."""
    return -(-texts // batch_size)


def component_config(base: Path, component: str, strategy: str, labels: list[str]) -> dict:
    """The config's parts that depend on the base: pipeline, component, initialization."""
    nlp = load_alone(str(base), component)
    # Interpolated: the component's copy must not refer to a section that is not there.
    settings = nlp.config.interpolate()
    callback = {"@callbacks": "learn_labels.v1", "labels": labels}
    if strategy == "update":
        name = component
        pipe: dict[str, Any] = {"source": str(base)}
        listens = component_listens(base, component)
        if listens:
            pipe["replace_listeners"] = ["model.tok2vec"]
        callback["component"] = name
        weights = {"new_and_kept_f": 1.0, "ents_f": 0.0, "ents_p": 0.0, "ents_r": 0.0}
        weights |= {"new_f": 0.0, "kept_f": 0.0}
    else:
        name = new_name(nlp, component) if strategy == "extend" else component
        pipe = settings["components"][component]
        # The new labels are fewer moves than the base's: the size is found at initialization.
        pipe["moves"] = None
        pipe["model"]["nO"] = None
        callback |= {"component": name, "base": str(base), "base_component": component}
        weights = {"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0}
    keep = ("lang", "batch_size", "tokenizer", "vectors")
    copy = {
        "@callbacks": "spacy.copy_from_base_model.v1",
        "tokenizer": str(base),
        "vocab": str(base),
    }
    return {
        "nlp": {key: settings["nlp"][key] for key in keep if key in settings["nlp"]}
        | {
            "pipeline": [name],
            "disabled": [],
            "before_creation": None,
            "after_creation": None,
            "after_pipeline_creation": None,
        },
        "components": {name: pipe},
        "initialize": {"before_init": copy, "after_init": callback},
        "training": {"score_weights": weights},
    }


def component_listens(base: Path, component: str) -> bool:
    """Whether the base's component shares its embedding with others."""
    nlp = spacy.load(base)
    return any(component in getattr(pipe, "listening_components", []) for _, pipe in nlp.pipeline)


def configure(
    *, recipe: Path, base: Path, corpus: Path, component: str, training: Training, ratio: float
) -> Config:
    """Put recipe, base and params together.

    corpus: the folder that `preprocess` wrote; its data.json says the labels and the texts.
    ratio: words of general text to practise on for each word of training text.
    """
    config = load_config(recipe)
    data = srsly.read_json(corpus / "data.json")
    steps = steps_per_epoch(data["texts"]["train"], training.batch_size)
    config["system"]["seed"] = training.seed
    config["training"] |= {
        "dropout": training.dropout,
        "max_epochs": training.max_epochs,
        # The last evaluation is at the end of the last epoch; the progress bar wants to know.
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
        config["training"]["before_update"] = {
            "@callbacks": "rehearse.v1",
            "component": config["nlp"]["pipeline"][0],
            "base": str(base),
            "base_component": component,
            "path": (corpus / "rehearsal").as_posix(),
            "words": round(ratio * data["words"]["train"] / steps),
            "against_new": AGAINST_NEW,
        }
    return config


def main(recipe: Path, base: Path, corpus: Path, output: Path) -> None:
    """Write the complete training config."""
    params = load_params()
    config = configure(
        recipe=recipe,
        base=base,
        corpus=corpus,
        component=params.base.component,
        training=params.training,
        ratio=params.rehearsal.ratio,
    )
    config["training"]["logger"]["path"] = (output.parent / "live").as_posix()
    output.parent.mkdir(parents=True, exist_ok=True)
    write_text(output, config.to_str())
    msg.good(f"Training config written to {output}")


if __name__ == "__main__":
    typer.run(main)
