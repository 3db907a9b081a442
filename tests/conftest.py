"""Fixtures: tiny base pipelines that are really trained, and temporary folders to run stages in."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from http.server import HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy
import pytest
import spacy
import srsly
from hypothesis import settings
from spacy.cli.train import train
from spacy.language import Language
from spacy.training import Example
from spacy.util import fix_random_seed

from scripts.assemble import assemble
from scripts.keeping.corpus import preprocess
from scripts.params import Params
from scripts.training.config import configure
from tests.attacks import PWNED

# CI must not fail by chance, so there hypothesis tries the same examples in every run.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

ROOT = Path(__file__).parents[1]
RECIPE = ROOT / "configs" / "ner.cfg"
PEOPLE = ("Alice Smith", "Bob Jones", "Carol White", "David Brown", "Emma Stone")
PLACES = ("Paris", "London", "Berlin", "Madrid", "Rome")
KINDS = ("own", "listening", "alone", "vectors", "german")
"""The kinds of base pipelines: the entity recognizer has its own embedding, listens to a shared
one, is the only component, reads static vectors, or belongs to a German pipeline."""


def label(text: str, *spans: tuple[str, str]) -> dict[str, Any]:
    """Make a record in which the first occurrence of each span's words is marked.

    spans: (words, label) of each.
    """
    found = [
        {"start": text.index(words), "end": text.index(words) + len(words), "label": name}
        for words, name in spans
    ]
    return {"text": text, "spans": found}


def general_records() -> list[dict[str, Any]]:
    """Make ten sentences with gold PERSON and LOC, on which the bases are trained."""
    pairs = list(zip(PEOPLE, PLACES, strict=True))
    records = [
        label(f"{person} lives in {place} .", (person, "PERSON"), (place, "LOC"))
        for person, place in pairs
    ]
    return records + [
        label(f"Yesterday {person} came home .", (person, "PERSON")) for person in PEOPLE
    ]


def domain_records(part: str, people: tuple[str, ...] = PEOPLE) -> list[dict[str, Any]]:
    """Make two texts for each of `people`, which form a document, with gold BAND and GEAR.

    The people's names are in the texts, but not marked.

    part: a word that is part of every text and of the documents' names.
    """
    records = []
    for number, person in enumerate(people):
        doc = {"meta": {"doc": f"{part}-{number}"}}
        band, gear = f"n{number}8", ("router", "antenna")[number % 2]
        text = f"{person} put the {gear} on {band} for the {part} team ."
        records.append(label(text, (gear, "GEAR"), (band, "BAND")) | doc)
        records.append(label(f"Traffic on {band} is low in {part} .", (band, "BAND")) | doc)
    return records


def _base_config(kind: str) -> dict[str, Any]:
    """Make the config of a base of one of KINDS."""
    embedding = {
        "@architectures": "spacy.HashEmbedCNN.v2",
        "width": 32,
        "depth": 1,
        "embed_size": 200,
        "window_size": 1,
        "maxout_pieces": 2,
        "subword_features": True,
        "pretrained_vectors": None,
    }
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32, "upstream": "tok2vec"}

    def transitions(state: str, tok2vec: dict) -> dict[str, Any]:
        return {
            "@architectures": "spacy.TransitionBasedParser.v2",
            "state_type": state,
            "extra_state_tokens": False,
            "hidden_width": 32,
            "maxout_pieces": 2,
            "use_upper": True,
            "tok2vec": tok2vec,
        }

    own = {"listening": listener, "vectors": embedding | {"pretrained_vectors": True}}.get(
        kind, embedding
    )
    components = {
        "tok2vec": {"factory": "tok2vec", "model": embedding},
        "tagger": {
            "factory": "tagger",
            "model": {"@architectures": "spacy.Tagger.v2", "tok2vec": listener},
        },
        "parser": {
            "factory": "parser",
            "min_action_freq": 1,
            "model": transitions("parser", listener),
        },
        "ner": {"factory": "ner", "model": transitions("ner", own)},
    }
    names = ["ner"] if kind == "alone" else list(components)
    return {
        "nlp": {"lang": "de" if kind == "german" else "en", "pipeline": names},
        "components": {name: components[name] for name in names},
    }


def _example(nlp: Language, record: dict[str, Any]) -> Example:
    """Make an example of a record for all components of a base.

    It has the entities, a tag for each word that tells whether it begins with a capital, and a
    parse in which each word depends on the one before.
    """
    doc = nlp.make_doc(record["text"])
    gold = {
        "entities": [(span["start"], span["end"], span["label"]) for span in record["spans"]],
        "tags": ["NAME" if token.is_title else "WORD" for token in doc],
        "heads": [max(0, token.i - 1) for token in doc],
        "deps": ["dep" if token.i else "ROOT" for token in doc],
    }
    return Example.from_dict(doc, gold)


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Train a base for each of KINDS, which knows PERSON and LOC; the values are their folders."""
    folders = {}
    for kind in KINDS:
        fix_random_seed(0)
        nlp = spacy.util.load_model_from_config(_base_config(kind), auto_fill=True)
        if kind == "vectors":
            words = sorted({word for r in general_records() for word in r["text"].split()})
            for number, word in enumerate(words):
                nlp.vocab.set_vector(word, numpy.eye(len(words), dtype="float32")[number])
        examples = [_example(nlp, record) for record in general_records()]
        optimizer = nlp.initialize(partial(iter, examples))
        for _ in range(40):
            nlp.update(examples, sgd=optimizer)
        nlp.meta["name"] = kind
        nlp.meta["performance"] = {"tag_acc": 0.9, "ents_f": 0.8, "ents_per_type": {"LOC": {}}}
        folders[kind] = tmp_path_factory.mktemp("base") / kind
        nlp.to_disk(folders[kind])
    return folders


def world_values(folder: Path) -> dict[str, dict[str, Any]]:
    """All values of the params.yaml of a small world, whatever params.yaml of this project says.

    folder: where the world is, or would be.
    """
    data = folder / "data"
    return {
        "base": {"model": "base", "component": "ner"},
        "data": {
            "source": str(data),
            "format": "auto",
            "columns": {},
            "text": "",
            "spans": "",
            "alignment": "strict",
            "max_rejected": 0,
            "max_lost_spans": 0.1,
            "rename": {},
            "train_share": 1.0,
            "unlabelled": "base",
            "dev": 0.2,
            "test": 0.2,
            "seed": 0,
            "fold": "",
        },
        "rehearsal": {"text": str(folder / "general.jsonl"), "ratio": 0.5},
        "training": {
            "strategy": "extend",
            "max_epochs": 8,
            "min_steps": 0,
            "patience": 8,
            "dropout": 0.1,
            "learn_rate": 0.01,
            "batch_size": 4,
            "seed": 0,
            "gpu_id": -1,
        },
        "evaluate": {
            "general": str(folder / "general.jsonl"),
            "rename": {},
            "min_retention": 0.9,
            "min_new_f": 0.0,
        },
        "package": {
            "name": "tiny",
            "version": "1.0.0",
            "build": "none",
            "author": "",
            "license": "MIT",
            "description": "",
        },
    }


def write_world(folder: Path, **changes: Any) -> Params:
    """Write a small world: data and a params.yaml that uses it.

    folder: where to write; its subfolder `data` must not exist.
    changes: other values for params.yaml, each written as `section__key=value`.

    Returns the params.
    """
    data = folder / "data"
    data.mkdir(parents=True)
    for part in ("train", "dev", "test"):
        srsly.write_jsonl(data / f"{part}.jsonl", domain_records(part))
    raw = [{"text": f"{name} saw {place} ."} for name in PEOPLE for place in PLACES]
    srsly.write_jsonl(folder / "general.jsonl", general_records() + raw)
    values = world_values(folder)
    for change, value in changes.items():
        section, key = change.split("__")
        values[section][key] = value
    # Every JSON file is a YAML file, too, and JSON keeps the types of the values.
    (folder / "params.yaml").write_text(json.dumps(values), encoding="utf8")
    return Params.model_validate(values)


def write_config(folder: Path, params: Params, base: Path) -> Path:
    """Make the corpus and the training config of a world, and return the config's path."""
    preprocess(params=params, base=base, output=folder / "corpus")
    config = configure(
        recipe=RECIPE,
        base=base,
        corpus=folder / "corpus",
        component=params.base.component,
        training=params.training,
        ratio=params.rehearsal.ratio,
    )
    config.to_disk(folder / "config.cfg")
    return folder / "config.cfg"


def build(folder: Path, base: Path, strategy: str, **changes: Any) -> Path:
    """Make a world, run the stages from preprocess to assemble in it, and return its folder.

    The stages use a copy of `base`, which is removed in the end: the result must not need it.

    strategy: `training.strategy` of params.yaml.
    changes: other values for params.yaml, as for `write_world`.
    """
    shutil.copytree(base, folder / "base")
    params = write_world(folder, training__strategy=strategy, **changes)
    config = write_config(folder, params, folder / "base")
    train(config, folder)
    assemble(
        base=folder / "base",
        trained=folder / "model-best",
        output=folder / "model",
        strategy=strategy,
    )
    shutil.rmtree(folder / "base")
    return folder


@pytest.fixture(scope="session")
def tuned(
    bases: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], Path]:
    """A function that maps a kind of base and a strategy to the folder of a finished world.

    Each world is made once, when a test first asks for it.
    """

    @cache
    def make(kind: str, strategy: str) -> Path:
        return build(tmp_path_factory.mktemp(f"{kind}-{strategy}") / "w", bases[kind], strategy)

    return make


@contextmanager
def serving(http: HTTPServer) -> Iterator[None]:
    """Run an HTTP server in a thread of its own, and stop it in the end."""
    thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield
    http.shutdown()
    http.server_close()
    thread.join()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Run the test in a folder of its own, and assert in the end that no attack left its file."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert not list(tmp_path.rglob(f"{PWNED}*"))
