"""The registered functions that the training configs name; `spacy train --code` loads this file.

It stands alone, importing spaCy and nothing of the project.
"""

import os
from collections.abc import Callable

import spacy
from spacy.language import Language
from spacy.pipeline.transition_parser import Parser
from thinc.api import Model

OVERRIDES = "SPACY_CONFIG_OVERRIDES"


@spacy.registry.callbacks("learn_labels.v1")
def learn_labels(
    component: str, labels: list[str], base: str | None = None, base_component: str | None = None
) -> Callable[[Language], Language]:
    """After initialization: give `component` its labels, and the weights of a base to start from.

    labels: what is added, in this order. Left alone, a sourced component takes new labels out of
        a set at the first update, so that class numbers differ from process to process.
    base, base_component: a pipeline's folder and the entity recognizer in it whose embedding and
        hidden layer are copied. Its output layer is not: the labels are others.
    """

    def after_init(nlp: Language) -> Language:
        if os.environ.get(OVERRIDES):
            raise ValueError(f"{OVERRIDES} is set and would silently beat the config: unset it.")
        learner = nlp.get_pipe(component)
        assert isinstance(learner, Parser)
        for label in labels:
            learner.add_label(label)
        if base:
            source = spacy.load(base).get_pipe(base_component or component)
            assert isinstance(source, Parser)
            for part in ("tok2vec", "lower"):
                copy_weights(source.model.get_ref(part), learner.model.get_ref(part))
        return nlp

    return after_init


def copy_weights(source: Model, target: Model) -> None:
    """Copy every parameter of `source` to the node of the same place in `target`."""
    for old, new in zip(source.walk(), target.walk(), strict=True):
        for name in old.param_names:
            new.set_param(name, old.get_param(name).copy())


@spacy.registry.callbacks("sort_scores.v1")
def sort_scores() -> Callable[[Language], Language]:
    """Before saving: put the scores in meta.json in a stable order (they come out of a set)."""

    def before_to_disk(nlp: Language) -> Language:
        performance = nlp.meta["performance"]
        for key, value in performance.items():
            if isinstance(value, dict):
                performance[key] = dict(sorted(value.items()))
        return nlp

    return before_to_disk
