"""What a run has to do, what of it is finished, and how a run that was killed goes on.

The output folder of a complete run has

    plan.json             the model, options and input files that the output depends on
    part-GGGGGG-NNNNNN.*  the annotated documents of each shard (group of files, number)
    rejected.jsonl        the documents that failed, in the order of the input
    shards.jsonl          a line of counts for each shard

and while a run is not complete, the folder .work with

    journal.jsonl         a line of counts for each shard that is finished so far
    part-*.jsonl          the documents of each shard that failed

A run goes through these steps, and a run that is started again goes through the same ones:

1. `begin_or_resume` writes plan.json, or raises DataError where the one that is there differs: with
   another model or other input, old and new shards would not belong together.
2. `read_finished` finds the shards that need not be done again. A line says so, in shards.jsonl or
   the journal, the shard's file is there, it has the size that the line says, and the documents of
   it that failed are there. Of all other shards nothing is believed.
3. `reopen` writes these lines into a new journal and removes shards.jsonl.
4. Workers annotate the missing shards. A file is written under another name in .work and renamed
   when it is whole; after it `write_journal` appends the shard's line. A kill between the two costs
   no more than that shard, which becomes the same bytes when it is done again.
5. `complete` checks that no shard is missing and none is there twice, writes rejected.jsonl, and
   writes shards.jsonl last, since that file says that the run is complete.
"""

import json
import shutil
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import spacy

from scripts import can_choose
from scripts.annotation.inputs import Source
from scripts.annotation.options import SUFFIXES, AnnotateOptions
from scripts.annotation.shards import FileGroup, name_shard
from scripts.exceptions import DataError
from scripts.storage.atomic import write_bytes
from scripts.storage.dvc import hash_path

PLAN, JOURNAL, SHARDS, REJECTED = "plan.json", "journal.jsonl", "shards.jsonl", "rejected.jsonl"
WORK = ".work"

NAMES_IN_PLAN = {"text_field": "text", "entities_field": "key"}
"""Options that were renamed: plan.json keeps their first names, so that earlier runs go on."""


class FinishedShard(NamedTuple):
    """The counts of a shard that was annotated: a line of the journal and of shards.jsonl."""

    group: int
    """The number of its group of files."""
    number: int
    """Its number in the group."""
    last: bool
    """Whether it is the group's last."""
    read: int
    """Documents; each is either written or rejected."""
    written: int
    rejected: int
    words: int
    """The tokens of the documents that were written."""
    bytes: int
    """The size of its file: a file of another size is not whole."""
    progress: int
    """How many bytes of the input files it takes."""


def find_model(model: str) -> Path:
    """Return the folder of a pipeline, or of the pipeline in an installed package.

    Raises DataError where there is none.
    """
    path = Path(model)
    if not path.is_dir():
        spec = find_spec(model) if model.isidentifier() else None
        path = Path(spec.origin).parent if spec and spec.origin else path
    found = sorted(path.glob("config.cfg")) or sorted(path.glob("*/config.cfg"))
    if not found:
        raise DataError(
            f"{model}: no pipeline in a folder, and no installed package, has this name."
        )
    return found[0].parent


def make_plan(options: AnnotateOptions, sources: list[Source], shard_size: int) -> dict[str, Any]:
    """Return everything that the output's bytes depend on, and nothing else.

    The size and time of an input file stand for its content, since to hash a terabyte takes hours.
    """
    stats = {source.name: source.path.stat() for source in sources}
    given = options._asdict() | {"disable": list(options.disable), "shard_size": shard_size}
    del given["model"], given["output"]
    return {
        "model": hash_path(find_model(options.model))[0],
        "spacy": spacy.__version__,
        "kernels": can_choose(),
        "options": {
            NAMES_IN_PLAN.get(k, k): v for k, v in given.items() if k not in ("model", "output")
        },
        "inputs": {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()},
    }


def begin_or_resume(output: Path, plan: dict[str, Any]) -> list[FinishedShard]:
    """Begin a run in an empty folder, or go on with the run there; return its finished shards.

    Raises DataError where the folder holds other files, or a run with another plan.
    """
    path = output / PLAN
    if not path.exists():
        if output.exists() and any(child.name != WORK for child in output.iterdir()):
            raise DataError(f"{output} is not empty: name another folder for the output.")
        (output / WORK).mkdir(parents=True, exist_ok=True)
        write_bytes(path, json.dumps(plan, indent=2).encode(), output / WORK)
    before = json.loads(path.read_bytes())
    if changed := list_differences(before, plan):
        raise DataError(
            f"{output} was begun with another {', another '.join(changed)}. To go on, "
            "take back what was changed; to begin anew, name another folder or delete this one."
        )
    (output / WORK).mkdir(exist_ok=True)
    return read_finished(output, SUFFIXES[plan["options"]["format"]])


def list_differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Name what differs between two plans: model, versions, options (--name), input files."""
    names = [key for key in ("model", "spacy", "kernels") if before[key] != now[key]]
    renamed = {first: name for name, first in NAMES_IN_PLAN.items()}
    for section, prefix in (("options", "--"), ("inputs", "input ")):
        one, other = before[section], now[section]
        keys = sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))
        if section == "options":
            keys = [renamed.get(key, key).replace("_", "-") for key in keys]
        names += [prefix + key for key in keys[:5]]
    return names


def read_finished(output: Path, suffix: str) -> list[FinishedShard]:
    """Return the shards that an earlier run finished and whose files are there and whole.

    suffix: that of the files with annotated documents.
    """
    said: dict[tuple[int, int], FinishedShard] = {}
    for path in (output / SHARDS, output / WORK / JOURNAL):
        for line in path.read_bytes().splitlines(keepends=True) if path.exists() else []:
            # The last line of a run that was killed can be incomplete.
            if line.endswith(b"}\n"):
                shard = FinishedShard(**json.loads(line))
                said[shard.group, shard.number] = shard
    names = {key: name_shard(*key) for key in said}
    sizes = {path.stem: path.stat().st_size for path in output.glob(f"part-*{suffix}")}
    whole = [shard for key, shard in said.items() if sizes.get(names[key]) == shard.bytes]
    if len(whole) == len(said) and (output / SHARDS).exists() and (output / REJECTED).exists():
        return whole
    # rejected.jsonl is written anew at the end, from the rejected documents of each shard: where
    # those are lost, the shard is not finished.
    kept = {path.stem for path in (output / WORK).glob("part-*.jsonl")}
    return [x for x in whole if not x.rejected or names[x.group, x.number] in kept]


def list_missing_shards(
    finished: list[FinishedShard], groups: list[FileGroup]
) -> list[tuple[int, int]]:
    """Return the missing shards that are known of, as (group, number).

    A group needs every number from 0 to that of its last shard. While the last one is not finished
    nobody knows how many there are; then the first number after the finished ones is missing.
    """
    numbers: dict[int, set[int]] = {group.number: set() for group in groups}
    for shard in finished:
        numbers[shard.group].add(shard.number)
    ended = {shard.group for shard in finished if shard.last}
    missing = []
    for group, found in numbers.items():
        count = max(found, default=-1) + 1
        places = sorted({*range(count)} - found) + ([] if group in ended else [count])
        missing += [(group, number) for number in places]
    return missing


def list_unfinished_groups(
    finished: list[FinishedShard], groups: list[FileGroup]
) -> list[FileGroup]:
    """Return the groups with missing shards; each knows which of its shards are finished."""
    numbers: dict[int, set[int]] = {
        group: set() for group, _ in list_missing_shards(finished, groups)
    }
    for shard in finished:
        numbers.get(shard.group, set()).add(shard.number)
    return [
        group._replace(finished=frozenset(numbers[group.number]))
        for group in groups
        if group.number in numbers
    ]


def is_complete(output: Path, finished: list[FinishedShard], groups: list[FileGroup]) -> bool:
    """Say whether a run has nothing left to do."""
    return (output / SHARDS).exists() and not list_missing_shards(finished, groups)


def reopen(output: Path, finished: list[FinishedShard]) -> None:
    """Write a journal of the finished shards; remove the file that says that all are finished."""
    write_bytes(output / WORK / JOURNAL, write_rows(finished), output / WORK)
    (output / SHARDS).unlink(missing_ok=True)


def write_journal(output: Path, shards: Iterable[FinishedShard]) -> Iterator[FinishedShard]:
    """Append each shard to the journal as soon as it is finished, and yield it."""
    with (output / WORK / JOURNAL).open("ab") as journal:
        for shard in shards:
            journal.write(write_rows([shard]))
            journal.flush()
            yield shard


def complete(output: Path, finished: list[FinishedShard], groups: list[FileGroup]) -> None:
    """Check that no shard is missing or there twice; write rejected.jsonl and shards.jsonl.

    Raises DataError where shards are missing or documents are not accounted for.
    """
    finished.sort()
    names = [name_shard(shard.group, shard.number) for shard in finished]
    lost = [name_shard(*place) for place in list_missing_shards(finished, groups)]
    read, written, rejected, _ = total(finished)
    if lost or len(set(names)) != len(names) or read != written + rejected:
        raise DataError(
            f"{read:,} read, {written:,} written, {rejected:,} rejected; lost: {lost[:5]}. Was "
            f"{output} changed meanwhile? Start the command again: it makes what is missing."
        )
    folder = output / WORK
    with (folder / REJECTED).open("wb") as file:
        for name in (x for x, shard in zip(names, finished, strict=True) if shard.rejected):
            with (folder / f"{name}.jsonl").open("rb") as part:
                shutil.copyfileobj(part, file)
    (folder / REJECTED).replace(output / REJECTED)
    write_bytes(output / SHARDS, write_rows(finished), folder)


def write_rows(shards: list[FinishedShard]) -> bytes:
    """Return the counts of shards as JSON lines."""
    return "".join(json.dumps(shard._asdict()) + "\n" for shard in shards).encode()


def total(shards: list[FinishedShard]) -> tuple[int, ...]:
    """Return the numbers of documents read, written and rejected, and of words."""
    counts = ("read", "written", "rejected", "words")
    return tuple(sum(getattr(shard, name) for shard in shards) for name in counts)
