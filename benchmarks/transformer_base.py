"""Train a small base with a transformer, to measure on.

    python -m weasel run transformer_base benchmarks

Needs `make transformers`, the assets of this folder and the DocBins of base_model (see README.md).
The base has a transformer of 6 layers, 384 wide, all-MiniLM-L6-v2, and an entity recognizer that
listens to it. It learns PERSON, ORG and LOC from the embedded base's corpora.
"""

from pathlib import Path

import typer
from spacy.cli.train import train

CONFIG = Path(__file__).with_suffix(".cfg")


def allow_new_numpy() -> None:
    """Let spacy-curated-transformers 0.3.1 train a shared transformer with NumPy 2.4 and newer.

    It calls float() on an array of one element, which NumPy has given up. The project itself never
    trains a shared transformer.
    """
    from spacy_curated_transformers.pipeline import transformer

    transformer.float = lambda array: array.item()


def main(weights: Path, corpus: Path, output: Path) -> None:
    """Train on the DocBins in the folder CORPUS, from the transformer in the folder WEIGHTS."""
    allow_new_numpy()
    overrides = {
        "paths.train": str(corpus / "ner_train.spacy"),
        "paths.dev": str(corpus / "ner_dev.spacy"),
        "initialize.components.transformer.encoder_loader.name": str(weights),
        "initialize.components.transformer.piecer_loader.path": str(weights / "vocab.txt"),
    }
    train(CONFIG, output, overrides=overrides)


if __name__ == "__main__":
    typer.run(main)
