"""What a run of `annotate` is asked for."""

from enum import Enum
from pathlib import Path
from typing import NamedTuple


class Format(str, Enum):
    """The format of the annotated documents."""

    jsonl = "jsonl"
    parquet = "parquet"
    docbin = "docbin"


SUFFIXES = {"jsonl": ".jsonl", "parquet": ".parquet", "docbin": ".spacy"}
"""The suffix of the files of each format."""


class AnnotateOptions(NamedTuple):
    """The model that annotates, where its output goes, and what the output looks like."""

    model: str
    """A pipeline's folder, or the name of an installed package."""
    output: Path
    """The folder that is written."""
    format: str
    """A value of `Format`."""
    text_field: str
    """The field, or column, of a document that has its text."""
    entities_field: str
    """The field, or column, that the entities are written to."""
    disable: tuple[str, ...] = ()
    """Components of the pipeline that are not run, sorted by name."""
    gpu: bool = False
    """Whether each worker computes on a GPU."""
