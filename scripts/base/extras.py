"""What a base model needs that is installed apart from the rest."""

from importlib.util import find_spec
from pathlib import Path

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
    """Raise FetchError, with what to type, where a base model has a transformer and that needs more.

    base: the model's folder.
    """
    for package in transformer_packages((base / "config.cfg").read_text(encoding="utf8")):
        if not find_spec(package):
            raise FetchError(
                f"base.model has a transformer of {package.replace('_', '-')}, which is not "
                "installed. Type: make transformers"
            )
