"""The part of the config that says what is practised of general text, and how much that counts."""

from pathlib import Path

# In rehearsal the base teaches the learner. This is the weight of what it says against the new
# labels, which it does not know (docs/keeping.md).
AGAINST_NEW = 0.2
# Marked spans in train below which it weighs less (`weight_against_new`), and the least share of it
# that is left: with less, names of all kinds are taken for new labels.
ENOUGH_SPANS = 160
LEAST = 0.01


def weight_against_new(spans: int, strategy: str) -> float:
    """Return how much the base's word against new labels counts in rehearsal (0 to 1).

    With few spans that falls with the square of their number.

    General text has ever new examples of what is no name of a new label; of what is one, there are
    only the marked spans. A handful of them would be learned by heart, and nothing like them found.

    spans: how many are marked in train.
    strategy: `training.strategy` of params.yaml. With `update` the labels of the base, which are
        practised too, stand against the new ones as well: there the weight stays.
    """
    if strategy == "update":
        return AGAINST_NEW
    return round(AGAINST_NEW * max(LEAST, min(1, spans / ENOUGH_SPANS) ** 2), 4)


def rehearsal_config(
    base: Path, component: str, learner: str, path: Path, words: int, against_new: float
) -> dict:
    """Make the config of `rehearse`: before every update the learner practises what the base says.

    base, component: the folder of the base pipeline, and the name of its entity recognizer.
    learner: the name of the component that learns.
    path: the folder of DocBins with general text.
    words: how many words of general text to practise on before an update.
    against_new: how much the base's word against new labels counts.
    """
    return {
        "@callbacks": "rehearse.v1",
        "component": learner,
        "base": str(base),
        "base_component": component,
        "path": path.as_posix(),
        "words": words,
        "against_new": against_new,
    }
