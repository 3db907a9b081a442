"""Tiny bases with a transformer of random weights, of both families, made in the test."""

from functools import partial
from pathlib import Path
from string import ascii_letters, digits
from typing import Any

import spacy
from spacy.util import fix_random_seed, load_model_from_config

from tests.conftest import _base_config, _example, general_records

WIDTH, LAYERS = 16, 2
SIZES = {"hidden_width": WIDTH, "intermediate_width": 32, "num_attention_heads": 2}
FAMILIES = {"curated": "spacy_curated_transformers", "hf": "spacy_transformers"}
"""The module of each family; hf stands for the one that wraps Hugging Face's transformers."""


def write_vocab(folder: Path) -> list[str]:
    """Write a vocabulary of single characters, as WordPiece has it, and return its pieces."""
    folder.mkdir(parents=True, exist_ok=True)
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "."]
    pieces += [*ascii_letters, *digits, *(f"##{x}" for x in ascii_letters + digits)]
    (folder / "vocab.txt").write_text("\n".join(pieces), encoding="utf8")
    return pieces


def curated(folder: Path) -> tuple[dict, dict, dict]:
    """The configs of a curated transformer, of a listener to it, and of its initialization."""
    names = "spacy-curated-transformers"
    model = {
        "@architectures": f"{names}.BertTransformer.v1",
        "vocab_size": len(write_vocab(folder)),
        "num_hidden_layers": LAYERS,
        "piece_encoder": {"@architectures": f"{names}.BertWordpieceEncoder.v1"},
        "with_spans": {"@architectures": f"{names}.WithStridedSpans.v1"},
    }
    listener = {
        "@architectures": f"{names}.LastTransformerLayerListener.v1",
        "width": WIDTH,
        "pooling": {"@layers": "reduce_mean.v1"},
        "upstream": "*",
    }
    loader = {"@model_loaders": f"{names}.WordpieceLoader.v1", "path": str(folder / "vocab.txt")}
    component = {"factory": "curated_transformer", "model": model | SIZES}
    return component, listener, {"transformer": {"piecer_loader": loader}}


def hf(folder: Path) -> tuple[dict, dict, dict]:
    """The same of a transformer of spacy-transformers."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    pieces = write_vocab(folder)
    settings = BertConfig(
        vocab_size=len(pieces),
        hidden_size=WIDTH,
        intermediate_size=32,
        num_attention_heads=2,
        num_hidden_layers=LAYERS,
    )
    BertModel(settings).save_pretrained(folder)
    BertTokenizerFast(str(folder / "vocab.txt"), do_lower_case=False).save_pretrained(folder)
    model = {
        "@architectures": "spacy-transformers.TransformerModel.v3",
        "name": str(folder),
        "tokenizer_config": {"use_fast": True},
        "get_spans": {
            "@span_getters": "spacy-transformers.strided_spans.v1",
            "window": 128,
            "stride": 96,
        },
    }
    listener = {
        "@architectures": "spacy-transformers.TransformerListener.v1",
        "grad_factor": 1.0,
        "pooling": {"@layers": "reduce_mean.v1"},
        "upstream": "*",
    }
    return {"factory": "transformer", "model": model}, listener, {}


def transformer_base(family: str, folder: Path) -> Path:
    """Train a pipeline of a transformer and a tagger and a recognizer that listen to it.

    family: one of FAMILIES. It is built as en_core_web_trf is: `use_upper` is false.

    Returns its folder, below `folder`.
    """
    fix_random_seed(0)
    parts = {"curated": curated, "hf": hf}
    transformer, listener, initialize = parts[family](folder / "weights")
    config: dict[str, Any] = _base_config("listening")
    components = config["components"]
    settings = {name: components[name] for name in ("tagger", "ner")}
    for pipe in settings.values():
        pipe["model"]["tok2vec"] = listener
    settings["ner"]["model"]["use_upper"] = False
    config["nlp"]["pipeline"] = ["transformer", "tagger", "ner"]
    config["components"] = {"transformer": transformer} | settings
    config["initialize"] = {"components": initialize}
    nlp = load_model_from_config(config, auto_fill=True)
    examples = [_example(nlp, record) for record in general_records()]
    optimizer = nlp.initialize(partial(iter, examples))
    optimizer.learn_rate = 0.01
    allow_new_numpy(family)
    for _ in range(60):
        nlp.update(examples, sgd=optimizer)
    nlp.meta["name"] = family
    nlp.to_disk(folder / "base")
    return folder / "base"


def allow_new_numpy(family: str) -> None:
    """Let a shared curated transformer learn, as only a base that is made here does."""
    if family == "curated":
        from benchmarks.transformer_base import allow_new_numpy

        allow_new_numpy()


def state(nlp: spacy.Language, name: str) -> dict[str, Any]:
    """Copies of all parameters of PyTorch in a component, by their names."""
    model = nlp.get_pipe(name).model  # type: ignore[attr-defined]
    shims = [shim for node in model.walk() for shim in node.shims]
    return {
        key: value.detach().clone().numpy()
        for shim in shims
        for key, value in shim._model.state_dict().items()
    }
