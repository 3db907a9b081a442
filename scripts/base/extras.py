"""What a base model with a transformer needs, and what is refused of what it holds.

Weights of PyTorch are read by `torch.load`, which since PyTorch 2.6 reads numbers alone and refuses
anything that would run; `make transformers` installs no older one.
"""

from importlib.util import find_spec
from pathlib import Path

import srsly

from scripts.exceptions import FetchError

# Packages with transformers, by the words that begin the names of what they register.
TRANSFORMERS = {
    "spacy-curated-transformers.": "spacy_curated_transformers",
    "spacy-transformers.": "spacy_transformers",
}


def transformer_packages(text: str) -> list[str]:
    """Name the packages of transformers that a pipeline needs.

    text: its config.cfg.
    """
    return [package for name, package in TRANSFORMERS.items() if f'"{name}' in text]


def refuse_missing_extra(base: Path) -> None:
    """Raise FetchError, with what to type, where what a base's transformer needs is not installed.

    base: the model's folder.
    """
    for package in transformer_packages((base / "config.cfg").read_text(encoding="utf8")):
        if not find_spec(package):
            raise FetchError(
                f"base.model has a transformer of {package.replace('_', '-')}, which is not "
                "installed. Type: make transformers"
            )


def refuse_unsafe_files(base: Path) -> None:
    """Raise FetchError where a transformer would write a file elsewhere, or run code of its own.

    spacy-transformers unpacks a tokenizer's files, by the names that a model gives them, and lets
    Hugging Face's library read them; that one can be told, by `auto_map`, to run Python.

    base: the model's folder.
    """
    if "spacy_transformers" not in transformer_packages((base / "config.cfg").read_text("utf8")):
        return
    for path in sorted(base.glob("*/model")):
        shims = [data for node in read_shims(path) for data in node]
        for files in (srsly.msgpack_loads(data).get("tokenizer", {}) for data in shims):
            for name in files:
                if Path(name).name != name or name.endswith((".py", ".pkl")):
                    raise FetchError(f"base.model: {path} holds a file {name!r}: it is refused.")
        if any(b"auto_map" in data for data in shims):
            raise FetchError(
                f"base.model: {path} asks Hugging Face's library to run Python of its own "
                "(auto_map): it is refused."
            )


def read_shims(path: Path) -> list[list[bytes]]:
    """Read what PyTorch holds of a component's model: for each of its layers a list of bytes.

    Raises FetchError where the file is damaged.
    """
    try:
        shims = srsly.read_msgpack(path)["shims"]
        return [[data for data in node if isinstance(data, bytes)] for node in shims]
    except (ValueError, LookupError, TypeError) as error:
        raise FetchError(f"base.model: {path} is damaged: {error}") from error
