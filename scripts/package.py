"""Build the package, install it apart, and run it once.

    python -m scripts.package training corpus metrics/scores.json training/verdict.json packages

Stops where less of the base's knowledge is left than `evaluate.min_retention` asks for, unless
`training.strategy: replace` gave it up on purpose, and where F of the new labels is below
`evaluate.min_new_f`. Needs no network, and the same model gives the same bytes: a wheel, an sdist,
the model card and the annotation guide. Card and guide also lie inside both archives.

Within an experiment nothing is built: `packages` is left empty, and the package is still due.
"""

import os
from pathlib import Path

import typer
from wasabi import msg

from scripts.exceptions import door
from scripts.keeping.judgement import mark_as_due
from scripts.params import load_params
from scripts.release.publish import publish_nothing, publish_package
from scripts.scoring.verdict import doubt_learned
from scripts.storage.json_files import read_json


def warn_of_little(scores: dict) -> None:
    """Say so where the model that was packaged has learned little or nothing.

    scores: metrics/scores.json.
    """
    for doubt in doubt_learned(scores):
        msg.warn(
            f"But packaged with {doubt.what}",
            f"What to do: {doubt.todo}. With evaluate.min_new_f a model below it is refused.",
        )


@door
def main(training: Path, corpus: Path, scores: Path, verdict: Path, output: Path) -> None:
    """Build the package, install it apart, and run it once."""
    # DVC tells the commands of an experiment its name, wherever it runs.
    if experiment := os.environ.get("DVC_EXP_NAME"):
        publish_nothing(output)
        mark_as_due(verdict)
        msg.info(
            "Experiments build no package. "
            f"To ship this one: dvc exp apply {experiment}, then weasel run all"
        )
        return
    wheel, checked = publish_package(
        training=training, corpus=corpus, scores=scores, params=load_params(), output=output
    )
    msg.good(
        f"{wheel}: installed beside spaCy alone, it says what the model says ({checked} texts)"
    )
    warn_of_little(read_json(scores))


if __name__ == "__main__":
    typer.run(main)
