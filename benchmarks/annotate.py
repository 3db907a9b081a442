"""Measure how fast texts are annotated with one and more workers, and in how much memory.

    python -m weasel run annotate benchmarks

Prints three tables:

1. for each output format, annotation on one core against bare `nlp.pipe`, in CPU time;
2. one process against two processes and two Ray actors, in elapsed time;
3. the memory of two processes, from 10,000 short documents to a million.

The texts are the general English texts of assets/general.jsonl, with random words and a number put
before each, so that no two are alike; the short ones have nothing else. The time includes loading
the model, for bare `nlp.pipe` too, but not starting a Ray cluster. Takes half an hour on two cores,
which should be idle.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import spacy
import srsly
import typer
from tqdm import tqdm
from wasabi import msg

from scripts.annotation.options import SUFFIXES, AnnotateOptions
from scripts.annotation.plan import total
from scripts.annotation.run import annotate
from scripts.runtime.kernels import choose_blis
from scripts.runtime.workers import ENGINE, Cluster, Engine, Jobs, connect

GENERAL = Path("../assets/general.jsonl")
# How many documents each of the three tables is measured with.
BARE = 20_000
MANY = 200_000
SIZES = (10_000, 100_000, 1_000_000)
# How many random words are put before each text.
OWN_WORDS = 5


class Figures(NamedTuple):
    """The words (tokens) that one run annotated, and the time and memory that it took."""

    words: int
    seconds: float
    largest: int
    """Peak memory of the largest process in bytes; 0 if it was not measured.

    It is the proportional set size: memory that processes share is divided among them.
    """
    all: int
    """Peak memory of all processes together in bytes; 0 if it was not measured."""

    @property
    def speed(self) -> float:
        """Words per second."""
        return self.words / self.seconds


def write_texts(path: Path, number: int, *, short: bool = False) -> Path:
    """Write a JSONL file of texts, no two alike.

    path: the file to write.
    number: how many texts.
    short: write only the random words and a number, without a general text after them.

    Returns `path`.
    """
    rng = random.Random(0)
    texts = [record["text"] for record in srsly.read_jsonl(GENERAL)]
    words = sorted({word for text in texts for word in text.split()})
    with path.open("w", encoding="utf8") as file:
        for i in tqdm(range(number), "Writing texts", leave=False):
            before = " ".join([*rng.choices(words, k=OWN_WORDS), f"no{i:x}."])
            text = before if short else f"{before} {rng.choice(texts)}"
            file.write(json.dumps({"id": i, "text": text}) + "\n")
    return path


def bare(model: str, source: Path) -> tuple[int, float]:
    """Load a model and run `nlp.pipe` over texts that are already in memory.

    model: the folder or name of a pipeline.
    source: a JSONL file; its first BARE texts are used.

    Returns the number of words and the seconds of CPU time.
    """
    texts = [record["text"] for record in islice(srsly.read_jsonl(source), BARE)]
    choose_blis()
    start = time.process_time()
    nlp = spacy.load(model)
    return sum(map(len, nlp.pipe(texts))), time.process_time() - start


def whole(
    model: str, source: Path, format_: str, jobs: Jobs, *, cpu: bool = False
) -> tuple[int, float]:
    """Annotate a file with `annotate`, reading and writing included.

    model: the folder or name of a pipeline.
    source: a JSONL file of texts.
    format_: the output format, a key of SUFFIXES in scripts/annotation/options.py.
    jobs: the number of processes, or a Ray cluster, which is started before the time is taken.
    cpu: measure CPU time of this process instead of elapsed time.

    Returns the number of words and the seconds. Raises DataError where `annotate` does.
    """
    clock = time.process_time if cpu else time.perf_counter
    if isinstance(jobs, Cluster):
        connect(jobs)
    with tempfile.TemporaryDirectory() as folder:
        options = AnnotateOptions(model, Path(folder) / "out", format_, "text", "spans")
        start = clock()
        done = annotate(options=options, source=source, jobs=jobs)
        return total(done)[3], clock() - start


def measure(model: str, source: Path, jobs: int, *options: str, memory: bool = False) -> Figures:
    """Measure one run of this module in a new process.

    model: the folder or name of a pipeline.
    source: a JSONL file of texts.
    jobs: the number of workers; 0 means bare `nlp.pipe`.
    options: more command-line options of this module.
    memory: also measure the memory of the process and its children, which slows them down a little.

    Returns what the run took. Raises SystemExit when the process fails.
    """
    command = [sys.executable, "-m", "benchmarks.annotate", model]
    command += ["--source", str(source), "--jobs", str(jobs), *options]
    process = psutil.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    largest, every = 0, 0
    while memory and process.poll() is None:
        try:
            family = [process, *process.children(recursive=True)]
            sizes = [member.memory_full_info().pss for member in family]
            largest, every = max(largest, *sizes), max(every, sum(sizes))
        except psutil.Error:
            pass  # A process has ended since it was listed.
        time.sleep(0.5)
    said, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed with exit status {process.returncode}")
    words, seconds = json.loads(said.splitlines()[-1])
    return Figures(words, seconds, largest, every)


def show(title: str, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Print a table under a title; numbers get two decimals, strings are printed as they are."""
    msg.divider(title)
    shown = [[x if isinstance(x, str) else f"{x:,.2f}" for x in row] for row in rows]
    aligns = ("l", *("r" for _ in header[1:]))
    msg.table(shown, header=header, divider=True, aligns=aligns)


def on_one_core(model: str, folder: Path) -> None:
    """Print the first table: each output format against bare `nlp.pipe`, measured just before it.

    model: the folder or name of a pipeline.
    folder: for the texts.
    """
    source = write_texts(folder / "bare.jsonl", BARE)
    rows = []
    for name in SUFFIXES:
        yardstick = measure(model, source, 0)
        found = measure(model, source, 1, "--format", name, "--cpu")
        speeds = (f"{yardstick.speed:,.0f}", f"{found.speed:,.0f}")
        rows.append((name, *speeds, found.speed / yardstick.speed, "0.95"))
    header = ("", "bare nlp.pipe, words/s", "words/s", "ratio", "aim, at least")
    show(f"One core, {BARE:,} documents", header, rows)


def on_more(model: str, folder: Path, documents: int) -> None:
    """Print the second table: one process, two processes and two Ray actors.

    model: the folder or name of a pipeline.
    folder: for the texts.
    documents: how many texts to annotate.
    """
    source = write_texts(folder / "many.jsonl", documents)
    one, two = (measure(model, source, jobs) for jobs in (1, 2))
    ray = measure(model, source, 2, "--engine", "ray")
    rows = [
        ("1 process", f"{one.seconds:,.0f}", f"{one.speed:,.0f}", "", ""),
        ("2 processes", f"{two.seconds:,.0f}", f"{two.speed:,.0f}", two.speed / one.speed, "1.70"),
        ("2 Ray actors", f"{ray.seconds:,.0f}", f"{ray.speed:,.0f}", ray.speed / two.speed, "0.90"),
    ]
    header = ("", "s", "words/s", "of the line above", "aim, at least")
    show(f"{documents:,} documents", header, rows)


def in_memory(model: str, folder: Path) -> None:
    """Print the third table: the memory of two processes for each number of documents in SIZES.

    model: the folder or name of a pipeline.
    folder: for the texts.
    """
    rows = []
    for size in SIZES:
        found = measure(
            model, write_texts(folder / f"{size}.jsonl", size, short=True), 2, memory=True
        )
        megabytes = (f"{found.largest / 1e6:,.0f}", f"{found.all / 1e6:,.0f}")
        rows.append((f"{size:,}", f"{found.words:,}", f"{found.speed:,.0f}", *megabytes))
    header = ("documents", "words", "words/s", "MB, largest process", "MB, all")
    show("Memory, 2 processes, short documents", header, rows)


def main(
    model: str,
    documents: int = typer.Option(MANY, help="Documents for the table of workers"),
    source: Path | None = typer.Option(
        None, help="Only measure this file: print words and seconds"
    ),
    format_: str = typer.Option("jsonl", "--format"),
    jobs: int = typer.Option(0, help="Workers for that file; 0 means bare nlp.pipe"),
    engine: Engine = ENGINE,
    cpu: bool = typer.Option(False, "--cpu", help="Measure CPU time; for one process only"),
) -> None:
    """Measure how fast texts are annotated with one and more workers, and in how much memory."""
    if source:
        workers: Jobs = Cluster(None, jobs) if engine is Engine.ray else jobs
        found = whole(model, source, format_, workers, cpu=cpu) if jobs else bare(model, source)
        print(json.dumps(found))
        return
    with tempfile.TemporaryDirectory() as folder:
        on_one_core(model, Path(folder))
        on_more(model, Path(folder), documents)
        in_memory(model, Path(folder))


if __name__ == "__main__":
    typer.run(main)
