"""One run: input files are cut into shards, and workers annotate those that are not finished.

scripts/annotation/plan.py has how a run that was killed goes on.
"""

import shutil
import time
from collections.abc import Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from tqdm import tqdm

from scripts.annotation.inputs import find_sources
from scripts.annotation.options import AnnotateOptions
from scripts.annotation.plan import (
    WORK,
    FinishedShard,
    begin_or_resume,
    complete,
    is_complete,
    list_unfinished_groups,
    make_plan,
    reopen,
    write_journal,
)
from scripts.annotation.shards import FileGroup, cut_into_shards, make_groups
from scripts.annotation.work import Annotator
from scripts.exceptions import DataError
from scripts.runtime.workers import Jobs, spread

SHARD_SIZE = 2_000
"""How many documents a shard has at most."""


def annotate(
    *, options: AnnotateOptions, source: Path, jobs: Jobs = 1, shard_size: int = SHARD_SIZE
) -> list[FinishedShard]:
    """Annotate the files of a folder, or one file, into the output folder.

    source: a file or a folder of texts.
    jobs: the number of processes, or a Ray cluster; the output does not depend on it.
    shard_size: how many documents a shard has at most.

    Returns the counts of every shard. Raises DataError where the options cannot be used, where the
    output folder holds something else, or where a worker was killed.
    """
    output = options.output.resolve()
    check_options(options, source, output)
    sources = find_sources(source, options.text_field, options.entities_field)
    finished = begin_or_resume(output, make_plan(options, sources, shard_size))
    groups = make_groups(sources, shard_size)
    if not is_complete(output, finished, groups):
        reopen(output, finished)
        # Workers can have another working directory.
        model = str(Path(options.model).resolve()) if Path(options.model).is_dir() else None
        absolute = options._replace(output=output, model=model or options.model)
        finished += annotate_missing(absolute, groups, finished, jobs)
        complete(output, finished, groups)
    shutil.rmtree(output / WORK)
    return finished


def check_options(options: AnnotateOptions, source: Path, output: Path) -> None:
    """Raise DataError where the output would be read, or one field would overwrite another."""
    if output.is_file():
        raise DataError(f"{output} is a file: name a folder for the output.")
    if source.resolve() in (output, *output.parents):
        raise DataError(f"{output} is in {source}: the output would be read again as input.")
    fields = {options.text_field, options.entities_field, "fields"}
    if len(fields) < 3:
        raise DataError(
            "--text-field and --entities-field must be two different names, and neither 'fields'."
        )


def annotate_missing(
    options: AnnotateOptions, groups: list[FileGroup], finished: list[FinishedShard], jobs: Jobs
) -> list[FinishedShard]:
    """Annotate the shards that are not finished, and write each into the journal when it is.

    options: with absolute paths. Returns the counts of the shards that were annotated.
    """
    unfinished = list_unfinished_groups(finished, groups)
    if not unfinished:
        return []
    size = sum(source.path.stat().st_size for group in groups for source in group.sources)
    before = sum(shard.progress for shard in finished)
    shards = spread(Annotator, options, cut_into_shards, unfinished, jobs)
    try:
        return [*show_progress(write_journal(options.output, shards), size, before)]
    except BrokenProcessPool:
        raise DataError(
            "A worker was killed; was there too little memory? "
            "Start the command again: it goes on where it was."
        ) from None


def show_progress(
    shards: Iterable[FinishedShard], size: int, before: int
) -> Iterator[FinishedShard]:
    """Yield shards as they are finished, with a progress bar.

    size: the bytes of all input files.
    before: those of them that an earlier run annotated.
    """
    read, words, begin = 0, 0, time.monotonic()
    with tqdm(total=size, initial=before, desc="Annotating", unit="B", unit_scale=True) as bar:
        for shard in shards:
            yield shard
            read, words = read + shard.read, words + shard.words
            seconds = time.monotonic() - begin
            speed = f"{read / seconds:,.0f} documents/s, {words / seconds:,.0f} words/s"
            bar.set_postfix_str(f"{read:,} documents, {speed}", refresh=False)
            bar.update(shard.progress)
