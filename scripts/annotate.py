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
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import spacy
import srsly
import typer
from tqdm import tqdm
from wasabi import msg

from scripts import can_choose
from scripts.annotator import SUFFIXES, WORK, Done, Setup, start, work, write_whole
from scripts.documents import Group, Source, cut, find_sources, make_groups, name_shard
from scripts.engine import ADDRESS, ENGINE, JOBS, Engine, Jobs, choose_workers, spread
from scripts.origin import hash_path
from scripts.records import DataError

PLAN, JOURNAL, SHARDS, REJECTED = "plan.json", "journal.jsonl", "shards.jsonl", "rejected.jsonl"
SHARD_SIZE = 2_000


class Format(str, Enum):
    """What is written."""

    jsonl = "jsonl"
    parquet = "parquet"
    docbin = "docbin"


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
        write_whole(path, srsly.json_dumps(plan, indent=2).encode(), output / WORK)
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
        write_whole(output / WORK / JOURNAL, write_rows(done), output / WORK)
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
        for shard in watch(
            spread(work, cut, left, start, setup, jobs) if left else (), size, before
        ):
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
    write_whole(output / SHARDS, write_rows(done), folder)


def write_rows(done: list[Done]) -> bytes:
    """What became of shards, a line each."""
    return "".join(srsly.json_dumps(shard._asdict()) + "\n" for shard in done).encode()


def total(done: list[Done]) -> tuple[int, ...]:
    """Documents read, written and rejected, and words."""
    counts = ("read", "written", "rejected", "words")
    return tuple(sum(getattr(shard, name) for shard in done) for name in counts)


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
