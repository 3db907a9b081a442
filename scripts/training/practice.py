"""The part of the config that says what is practised of general text, and how much that counts."""

from pathlib import Path

# In rehearsal the base teaches the learner. This is the weight of what it says against the new
# labels, which it does not know (docs/keeping.md).
AGAINST_NEW = 0.2


def rehearsal_config(base: Path, component: str, learner: str, path: Path, words: int) -> dict:
    """Make the config of `rehearse`: before every update the learner practises what the base says.

    base, component: the folder of the base pipeline, and the name of its entity recognizer.
    learner: the name of the component that learns.
    path: the folder of DocBins with general text.
    words: how many words of general text to practise on before an update.
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
