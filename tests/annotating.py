"""Make documents, annotate them and read the results, for tests of annotating."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from scripts.annotation import run as running
from scripts.annotation.options import AnnotateOptions
from scripts.annotation.plan import (
    FinishedShard,
)
from tests.conftest import PEOPLE, PLACES


def sentences(number: int) -> list[dict[str, Any]]:
    """Make documents of one sentence with a person, a band and a place."""
    return [
        {"id": i, "text": f"{PEOPLE[i % 5]} saw n78 in {PLACES[i % 3]} {i} times .", "ratio": i / 7}
        for i in range(number)
    ]


def write(path: Path, rows: list[Any]) -> Path:
    """Write documents in the format that the suffix of `path` names, and return `path`.

    rows: documents; in formats with lines, also bytes, which are written unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = path.name.split(".", 1)[1]
    opener: Any = gzip.open if kind.endswith(".gz") else open
    if kind == "parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    elif kind == "json":
        path.write_text(json.dumps(rows))
    else:
        with opener(path, "wb") as file:
            if kind.startswith("csv"):
                file.write(b"id,text\n")
            for row in rows:
                file.write(row if isinstance(row, bytes) else to_line(kind, row))
    return path


def to_line(kind: str, row: dict[str, Any]) -> bytes:
    """Turn a document into a line of a file.

    kind: the file's suffix, without its first dot. What is neither JSONL nor CSV is plain text.
    """
    if kind.startswith("jsonl"):
        return json.dumps(row).encode() + b"\n"
    if kind.startswith("csv"):
        quoted = row["text"].replace('"', '""')
        return f'{row.get("id", "")},"{quoted}"\n'.encode()
    return row["text"].encode() + b"\n"


def run(
    model: str, source: Path, output: Path, jobs: int = 1, **changes: Any
) -> list[FinishedShard]:
    """Annotate the documents in `source`.

    changes: `shard_size` (10 unless given) and fields of AnnotateOptions.
    """
    shard_size = changes.pop("shard_size", 10)
    fields = {"format": "jsonl", "text_field": "text", "entities_field": "spans"}
    options = AnnotateOptions(model, output, **fields | changes)
    return running.annotate(options=options, source=source, jobs=jobs, shard_size=shard_size)


def contents(folder: Path) -> dict[str, bytes]:
    """Return the content of every file in a folder, by its name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}
