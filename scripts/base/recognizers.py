"""Which components of a pipeline set entities, and where a new recognizer goes among them."""

from pathlib import Path

import srsly
from spacy.language import Language
from spacy.util import load_config

# The factories of the components that learn to recognize entities.
FACTORIES = ("ner", "beam_ner")
# Those of the components that set entities by rules; a span ruler does only if it is told to.
RULERS = ("entity_ruler", "future_entity_ruler", "span_ruler")


def find_entity_setters(nlp: Language) -> list[str]:
    """The names of the components that set entities, in the order in which they run.

    These are recognizers, entity rulers, and span rulers that are told to set entities. Disabled
    components are not among them, as they set nothing.
    """
    return [
        name
        for name, pipe in nlp.pipeline
        if "doc.ents" in nlp.get_pipe_meta(name).assigns or getattr(pipe, "annotate_ents", False)
    ]


def find_recognizers(nlp: Language) -> list[str]:
    """The names of the components that learned to recognize entities, in the order they run."""
    return [name for name in nlp.pipe_names if nlp.get_pipe_meta(name).factory in FACTORIES]


def find_weak_rulers(nlp: Language, recognizer: str) -> list[str]:
    """The entity rulers behind a recognizer that leave alone the entities that are set already.

    Rulers that overwrite entities, and those that run before the recognizer, have the last word.
    """
    behind = nlp.pipe_names[nlp.pipe_names.index(recognizer) + 1 :]
    return [x for x in behind if nlp.get_pipe_config(x).get("overwrite_ents") is False]


def read_enabled(folder: Path, factories: tuple[str, ...]) -> list[str]:
    """The names of a pipeline's enabled components of some factories, in the order they run.

    They are read from its config.cfg, without loading it.
    """
    config = load_config(folder / "config.cfg")
    components, off = config.get("components", {}), config["nlp"].get("disabled", [])
    return [
        name
        for name in config["nlp"].get("pipeline", [])
        if name not in off and components[name].get("factory") in factories
    ]


def read_entity_labels(folder: Path) -> set[str]:
    """The labels of a pipeline's recognizers and rulers, read from its files without loading it."""
    labels = srsly.read_json(folder / "meta.json").get("labels", {})
    names = read_enabled(folder, FACTORIES + RULERS)
    return {label for name in names for label in labels.get(name, ())}
