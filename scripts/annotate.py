"""Annotate files of texts with a model, on all cores of a machine or on a Ray cluster.

    python -m scripts.annotate training/model texts annotated
    python -m scripts.annotate en_telecom_ner texts.csv.gz annotated --format parquet
    python -m scripts.annotate training/model texts annotated --engine ray --address HOST:6379

Reads text (a document a line), JSONL, CSV and Parquet. Writes part-*.jsonl, .parquet or .spacy,
which hold the documents in the order of the input when they are sorted by name, and
rejected.jsonl, which holds the documents that failed, each whole and with its error. A run that
was killed goes on where it was when it is started again. docs/scale.md has more.
"""

import json
from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from scripts.annotation.options import AnnotateOptions, Format
from scripts.annotation.plan import REJECTED, FinishedShard, total
from scripts.annotation.run import SHARD_SIZE, annotate
from scripts.exceptions import DataError, door
from scripts.runtime.workers import ADDRESS, ENGINE, JOBS, Engine, choose_workers
from scripts.words import amount

FORMAT = typer.Option(Format.jsonl, "--format", help="The format of the annotated documents")
TEXT = typer.Option("text", "--text-field", "--text", help="The field, or column, with the text")
ENTITIES = typer.Option("spans", "--entities-field", "--key", help="The field for the entities")
GPU = typer.Option(False, "--gpu", help="Give each worker a GPU")
DISABLE = typer.Option((), help="A component to leave out; repeat it for more than one")
SIZE = typer.Option(SHARD_SIZE, min=1, help="Documents in a shard, the unit of work")


def report(shards: list[FinishedShard], output: Path) -> None:
    """Print how many documents were annotated and how many were rejected.

    Raises DataError where all were.
    """
    read, written, rejected, words = total(shards)
    msg.good(
        f"{amount(read, 'document')} read = {written:,} annotated ({amount(words, 'word')}, "
        f"{amount(len(shards), 'file')} in {output}) + {rejected:,} rejected"
    )
    if rejected and not written:
        first = json.loads((output / REJECTED).open(encoding="utf8").readline())
        raise DataError(
            f"Every document was rejected; they stand whole in {output / REJECTED}. The first, "
            f"{first['path']}:{first['line']}: {first['code']}: {first['advice']}"
        )
    if rejected:
        rows = amount(rejected, "rejected document")
        msg.warn(f"{output / REJECTED} has {rows}, whole, with what is wrong.")


@door
def main(
    model: Annotated[str, typer.Argument(help="A pipeline's folder, or an installed package")],
    source: Annotated[Path, typer.Argument(metavar="IN", help="A file or folder of texts")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="A folder: new, or to go on with")],
    format_: Format = FORMAT,
    text_field: str = TEXT,
    entities_field: str = ENTITIES,
    disable: list[str] = DISABLE,
    shard_size: int = SIZE,
    jobs: int | None = JOBS,
    engine: Engine = ENGINE,
    address: str | None = ADDRESS,
    gpu: bool = GPU,
) -> None:
    """Annotate files of texts with a model."""
    names = tuple(sorted(set(disable)))
    options = AnnotateOptions(model, output, format_.value, text_field, entities_field, names, gpu)
    workers = choose_workers(engine, jobs, address, gpu)
    report(annotate(options=options, source=source, jobs=workers, shard_size=shard_size), output)


if __name__ == "__main__":
    typer.run(main)
