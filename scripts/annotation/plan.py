"""What a run is to do, what is done of it, and how one that was killed goes on."""

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import spacy
import srsly

from scripts import can_choose
from scripts.annotation.inputs import Source
from scripts.annotation.shards import Group, name_shard
from scripts.exceptions import DataError
from scripts.storage.atomic import write_bytes
from scripts.storage.dvc import hash_path

SUFFIXES = {"jsonl": ".jsonl", "parquet": ".parquet", "docbin": ".spacy"}
WORK = ".work"


class Setup(NamedTuple):
    """What a worker needs to know."""

    model: str
    output: Path
    format: str
    text: str
    key: str
    disable: tuple[str, ...] = ()
    gpu: bool = False


class Done(NamedTuple):
    """What became of a shard."""

    group: int
    number: int
    last: bool
    read: int
    written: int
    rejected: int
    words: int
    bytes: int
    """The size of its file: one of another size is not whole."""
    progress: int


PLAN, JOURNAL, SHARDS, REJECTED = "plan.json", "journal.jsonl", "shards.jsonl", "rejected.jsonl"


def find_model(model: str) -> Path:
    """The folder of a pipeline, of an installed package too."""
    path = Path(model)
    if not path.is_dir():
        spec = find_spec(model) if model.isidentifier() else None
        path = Path(spec.origin).parent if spec and spec.origin else path
    found = sorted(path.glob("config.cfg")) or sorted(path.glob("*/config.cfg"))
    if not found:
        raise DataError(f"{model} is no pipeline's folder and no installed package.")
    return found[0].parent


def make_plan(setup: Setup, sources: list[Source], shard_size: int) -> dict[str, Any]:
    """What the bytes that are written hang on, and nothing else.

    Of a file of texts its size and time stand for its content: to hash a terabyte takes hours.
    """
    stats = {source.name: source.path.stat() for source in sources}
    options = setup._asdict() | {"disable": list(setup.disable), "shard_size": shard_size}
    return {
        "model": hash_path(find_model(setup.model))[0],
        "spacy": spacy.__version__,
        "kernels": can_choose(),
        "options": {k: v for k, v in options.items() if k not in ("model", "output")},
        "inputs": {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()},
    }


def settle(output: Path, plan: dict[str, Any]) -> list[Done]:
    """Begin a run, or go on with one; return the shards that are finished.

    Raises DataError where the folder holds something else.
    """
    path = output / PLAN
    if not path.exists():
        if output.exists() and any(child.name != WORK for child in output.iterdir()):
            raise DataError(f"{output} is not empty: name another folder for what is written.")
        (output / WORK).mkdir(parents=True, exist_ok=True)
        write_bytes(path, srsly.json_dumps(plan, indent=2).encode(), output / WORK)
    before = srsly.read_json(path)
    if changed := differ(before, plan):
        raise DataError(
            f"{output} was begun with another {', another '.join(changed)}. Take back what was "
            "changed and it goes on; or name another folder, or delete this one, to begin anew."
        )
    (output / WORK).mkdir(exist_ok=True)
    return read_done(output, SUFFIXES[plan["options"]["format"]])


def differ(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What differs between two plans: the model, options by name, input files by name."""
    names = [key for key in ("model", "spacy", "kernels") if before[key] != now[key]]
    for section, prefix in (("options", "--"), ("inputs", "input ")):
        one, other = before[section], now[section]
        keys = sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))
        names += [prefix + key.replace("_", "-" if prefix == "--" else "_") for key in keys[:5]]
    return names


def read_done(output: Path, suffix: str) -> list[Done]:
    """The shards that a run before this one finished: said so, and there, and whole."""
    said: dict[tuple[int, int], Done] = {}
    for path in (output / SHARDS, output / WORK / JOURNAL):
        for line in path.read_bytes().splitlines(keepends=True) if path.exists() else []:
            # Of a run that was killed the last line can be cut.
            if line.endswith(b"}\n"):
                done = Done(**srsly.json_loads(line))
                said[done.group, done.number] = done
    names = {key: name_shard(*key) for key in said}
    sizes = {path.stem: path.stat().st_size for path in output.glob(f"part-*{suffix}")}
    whole = [done for key, done in said.items() if sizes.get(names[key]) == done.bytes]
    if len(whole) == len(said) and (output / SHARDS).exists() and (output / REJECTED).exists():
        return whole
    # What they rejected goes into one file at the end; they are done anew where it is lost.
    kept = {path.stem for path in (output / WORK).glob("part-*.jsonl")}
    return [x for x in whole if not x.rejected or names[x.group, x.number] in kept]


def missing(done: list[Done], groups: list[Group]) -> list[tuple[int, int]]:
    """The shards that are wanting: of each group all up to its last one must be there."""
    numbers: dict[int, set[int]] = {group.number: set() for group in groups}
    for shard in done:
        numbers[shard.group].add(shard.number)
    ended = {shard.group for shard in done if shard.last}
    wanting = []
    for group, found in numbers.items():
        count = max(found, default=-1) + 1
        places = sorted({*range(count)} - found) + ([] if group in ended else [count])
        wanting += [(group, number) for number in places]
    return wanting


def finish(output: Path, done: list[Done], groups: list[Group]) -> None:
    """See that nothing is lost and nothing there twice; put the rejected documents into one file.

    What says that all is finished comes last.
    """
    done.sort()
    names = [name_shard(shard.group, shard.number) for shard in done]
    lost = [name_shard(*place) for place in missing(done, groups)]
    read, written, rejected, _ = total(done)
    if lost or len(set(names)) != len(names) or read != written + rejected:
        raise DataError(
            f"{read:,} read, {written:,} written, {rejected:,} rejected; lost: {lost[:5]}. Was "
            f"{output} changed meanwhile? Start again: it goes on with what is missing."
        )
    folder = output / WORK
    with (folder / REJECTED).open("wb") as file:
        for name in (x for x, shard in zip(names, done, strict=True) if shard.rejected):
            with (folder / f"{name}.jsonl").open("rb") as part:
                shutil.copyfileobj(part, file)
    (folder / REJECTED).replace(output / REJECTED)
    write_bytes(output / SHARDS, write_rows(done), folder)


def write_rows(done: list[Done]) -> bytes:
    """What became of shards, a line each."""
    return "".join(srsly.json_dumps(shard._asdict()) + "\n" for shard in done).encode()


def total(done: list[Done]) -> tuple[int, ...]:
    """Documents read, written and rejected, and words."""
    counts = ("read", "written", "rejected", "words")
    return tuple(sum(getattr(shard, name) for shard in done) for name in counts)
