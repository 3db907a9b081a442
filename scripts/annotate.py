"""Annotate files of texts with a model, on all cores of a machine or on a Ray cluster.

    python -m scripts.annotate training/model texts annotated
    python -m scripts.annotate en_telecom_ner texts.csv.gz annotated --format parquet
    python -m scripts.annotate training/model texts annotated --engine ray --address HOST:6379

Reads text (a document a line), JSONL, CSV and Parquet; writes part-*.jsonl, .parquet or .spacy,
which in the order of their names have the documents in the order of the input, and
rejected.jsonl, the documents that failed, whole and with their errors. A run that was killed goes
on where it was when it is started again. More in docs/scale.md.
"""

import shutil
import time
from collections.abc import Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm
from wasabi import msg

from scripts.annotation.inputs import find_sources
from scripts.annotation.plan import (
    JOURNAL,
    REJECTED,
    SHARDS,
    WORK,
    Done,
    Setup,
    finish,
    make_plan,
    missing,
    settle,
    total,
    write_rows,
)
from scripts.annotation.shards import Group, cut, make_groups
from scripts.annotation.work import Annotator
from scripts.exceptions import DataError
from scripts.runtime.workers import ADDRESS, ENGINE, JOBS, Engine, Jobs, choose_workers, spread
from scripts.storage.atomic import write_bytes

SHARD_SIZE = 2_000


class Format(str, Enum):
    """What is written."""

    jsonl = "jsonl"
    parquet = "parquet"
    docbin = "docbin"


def annotate(
    *, setup: Setup, source: Path, jobs: Jobs = 1, shard_size: int = SHARD_SIZE
) -> list[Done]:
    """Annotate the files in `source` into the folder of `setup`; return what became of each shard.

    jobs: processes here, or a cluster; the output does not hang on it.
    Raises DataError.
    """
    output = setup.output.resolve()
    if output.is_file():
        raise DataError(f"{output} is a file: name a folder for what is written.")
    if source.resolve() in (output, *output.parents):
        raise DataError(f"{output} is in {source}: what is written would be read again.")
    if setup.text == setup.key or "fields" in (setup.text, setup.key):
        raise DataError("--text and --key are two fields, and neither is 'fields'.")
    sources = find_sources(source, setup.text, setup.key)
    done = settle(output, make_plan(setup, sources, shard_size))
    groups = make_groups(sources, shard_size)
    if missing(done, groups) or not (output / SHARDS).exists():
        write_bytes(output / WORK / JOURNAL, write_rows(done), output / WORK)
        (output / SHARDS).unlink(missing_ok=True)
        # Workers can have another working directory.
        model = str(Path(setup.model).resolve()) if Path(setup.model).is_dir() else setup.model
        done += go_on(setup._replace(output=output, model=model), groups, done, jobs)
        finish(output, done, groups)
    shutil.rmtree(output / WORK)
    return done


def go_on(setup: Setup, groups: list[Group], done: list[Done], jobs: Jobs) -> list[Done]:
    """Work on the shards that are not finished, and write each into the journal when it is."""
    finished: dict[int, set[int]] = {group: set() for group, _ in missing(done, groups)}
    for shard in done:
        finished.get(shard.group, set()).add(shard.number)
    left = [
        group._replace(done=frozenset(finished[group.number]))
        for group in groups
        if group.number in finished
    ]
    size = sum(source.path.stat().st_size for group in groups for source in group.sources)
    before = sum(shard.progress for shard in done)
    new = []
    with (setup.output / WORK / JOURNAL).open("ab") as journal:
        for shard in watch(spread(Annotator, setup, cut, left, jobs) if left else (), size, before):
            new.append(shard)
            journal.write(write_rows([shard]))
            journal.flush()
    return new


def watch(shards: Iterable[Done], size: int, before: int) -> Iterator[Done]:
    """Show a progress bar over the bytes of all files, with documents and words per second."""
    read, words, begin = 0, 0, time.monotonic()
    with tqdm(total=size, initial=before, desc="Annotating", unit="B", unit_scale=True) as bar:
        for shard in shards:
            yield shard
            read, words = read + shard.read, words + shard.words
            seconds = time.monotonic() - begin
            speed = f"{read / seconds:,.0f} documents/s, {words / seconds:,.0f} words/s"
            bar.set_postfix_str(f"{read:,} documents, {speed}", refresh=False)
            bar.update(shard.progress)


def report(done: list[Done], output: Path) -> None:
    """Say what was made."""
    read, written, rejected, words = total(done)
    msg.good(
        f"{read:,} documents read = {written:,} annotated ({words:,} words, {len(done):,} files in "
        f"{output}) + {rejected:,} rejected"
    )
    if rejected:
        msg.warn(f"{output / REJECTED} has the {rejected:,}, whole, each with what is wrong.")


FORMAT = typer.Option(Format.jsonl, "--format", help="What is written")
TEXT = typer.Option("text", help="The field, or column, with the text")
KEY = typer.Option("spans", help="The field for the entities")
GPU = typer.Option(False, "--gpu", help="A GPU for each worker")
DISABLE = typer.Option((), help="A component that is not needed (more than one: again)")
SIZE = typer.Option(SHARD_SIZE, min=1, help="Documents in a shard, the unit of work")


def main(
    model: Annotated[str, typer.Argument(help="A pipeline's folder, or an installed package")],
    source: Annotated[Path, typer.Argument(metavar="IN", help="A file or folder of texts")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="A folder: new, or to go on with")],
    format_: Format = FORMAT,
    text: str = TEXT,
    key: str = KEY,
    disable: list[str] = DISABLE,
    shard_size: int = SIZE,
    jobs: int | None = JOBS,
    engine: Engine = ENGINE,
    address: str | None = ADDRESS,
    gpu: bool = GPU,
) -> None:
    """Annotate files of texts with a model."""
    names = tuple(sorted(set(disable)))
    setup = Setup(model, output, format_.value, text, key, names, gpu)
    workers = choose_workers(engine, jobs, address, gpu)
    try:
        report(annotate(setup=setup, source=source, jobs=workers, shard_size=shard_size), output)
    except DataError as error:
        msg.fail(str(error), exits=1)
    except BrokenProcessPool:
        what = "A worker was killed; was there too little memory? Start again: it goes on."
        msg.fail(what, exits=1)


if __name__ == "__main__":
    typer.run(main)
