"""Measure how fast labelled texts are read and checked, and in how much memory.

    python -m weasel run intake benchmarks

Prints a table with a row for each number of texts, from 10,000 to a million. It has the words per
second of the bare work (only tokenizing and writing a DocBin), of one worker, and of one worker for
each core; the ratio of one worker to the bare work, and of all workers to one; and the peak memory
of all processes together (proportional set size: memory that processes share is divided among
them). The texts are those of the demo, with random words put before each so that hardly any two are
alike. Takes about eight minutes on two cores, which should be idle.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import psutil
import srsly
import typer
from spacy.tokens import DocBin
from tqdm import tqdm
from wasabi import msg

from scripts.intake.folder import SPLITS
from scripts.intake.gather import take_labelled
from scripts.intake.tally import count_words
from scripts.intake.worker import load_tokenizer
from scripts.params import load_params
from scripts.runtime.workers import count_cores
from scripts.storage.docbins import ATTRS

ASSETS = Path("../assets")
SIZES = (10_000, 100_000, 1_000_000)
# The bare work is measured on this many texts at most.
BARE = 50_000
# How many random words are put before each text.
OWN_WORDS = 5


def write_texts(path: Path, number: int) -> None:
    """Write a JSONL file of labelled texts, hardly any two alike, each a document of its own.

    path: the file to write.
    number: how many texts.
    """
    rng = random.Random(0)
    records = list(srsly.read_jsonl(ASSETS / "telecom/train.jsonl"))
    plain = srsly.read_jsonl(ASSETS / "general.jsonl")
    words = sorted({word for record in plain for word in record["text"].split()})
    with path.open("w", encoding="utf8") as file:
        for i in tqdm(range(number), "Writing texts", leave=False):
            record = rng.choice(records)
            before = " ".join(rng.choices(words, k=OWN_WORDS)) + " "
            spans = [
                span | {"start": span["start"] + len(before), "end": span["end"] + len(before)}
                for span in record["spans"]
            ]
            row = {"text": before + record["text"], "spans": spans, "meta": {"doc": f"text-{i}"}}
            file.write(json.dumps(row) + "\n")


def intake(source: Path, base: Path, jobs: int) -> tuple[int, float]:
    """Read and check a file of labelled texts as `preprocess` does.

    source: a JSONL file of labelled texts.
    base: the folder of the base model.
    jobs: the number of worker processes.

    Returns the number of words in train, dev and test, and the elapsed seconds. Raises ParamsError
    or DataError where params.yaml or the file cannot be used.
    """
    params = load_params(Path("../params.yaml"))
    data = params.data.model_copy(update={"source": str(source)})
    with tempfile.TemporaryDirectory(dir=source.parent) as folder:
        start = time.perf_counter()
        total = take_labelled(params.model_copy(update={"data": data}), base, Path(folder), jobs)
        seconds = time.perf_counter() - start
    return sum(count_words(total, part) for part in SPLITS), seconds


def bare(source: Path, base: Path) -> tuple[int, float]:
    """Only tokenize texts that are already in memory and write a DocBin of them.

    source: a JSONL file; its first BARE texts are used, and the DocBin is written beside it.
    base: the folder of the base model.

    Returns the number of words and the elapsed seconds.
    """
    texts = [record["text"] for record in islice(srsly.read_jsonl(source), BARE)]
    nlp = load_tokenizer(base)
    start = time.perf_counter()
    docs = DocBin(attrs=ATTRS, docs=map(nlp.make_doc, texts))
    docs.to_disk(source.with_suffix(".spacy"))
    return sum(map(len, docs.tokens)), time.perf_counter() - start


def measure(source: Path, base: Path, jobs: int) -> tuple[float, int]:
    """Measure one run of this module in a new process.

    source: a JSONL file of labelled texts.
    base: the folder of the base model.
    jobs: the number of workers; 0 means the bare work.

    Returns words per second, and the peak memory of the process and its children in bytes. Raises
    SystemExit when the process fails.
    """
    command = [sys.executable, "-m", "benchmarks.intake", str(base)]
    command += ["--source", str(source), "--jobs", str(jobs)]
    process = psutil.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        try:
            family = [process, *process.children(recursive=True)]
            peak = max(peak, sum(member.memory_full_info().pss for member in family))
        except psutil.Error:
            pass  # A process has ended since it was listed.
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed with exit status {process.returncode}")
    words, seconds = json.loads(process.stdout.read().splitlines()[-1])
    return words / seconds, peak


def main(
    base: Path,
    source: Path | None = typer.Option(
        None, help="Only measure this file: print words and seconds"
    ),
    jobs: int = typer.Option(0, help="Workers for that file; 0 only tokenizes and writes"),
) -> None:
    """Measure how fast labelled texts are read and checked, and in how much memory."""
    if source:
        print(json.dumps(intake(source, base, jobs) if jobs else bare(source, base)))
        return
    cores = count_cores()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            path = Path(folder) / f"{size}.jsonl"
            write_texts(path, size)
            msg.info(f"{size:,} texts")
            yardstick, _ = measure(path, base, 0)
            one, memory = measure(path, base, 1)
            many, memory_of_many = measure(path, base, cores)
            path.unlink()
            rows.append(
                (
                    f"{size:,}",
                    f"{yardstick:,.0f}",
                    f"{one:,.0f}",
                    f"{one / yardstick:.2f}",
                    f"{many:,.0f}",
                    f"{many / one:.2f}",
                    f"{memory / 1e6:,.0f}",
                    f"{memory_of_many / 1e6:,.0f}",
                )
            )
    header = ("texts", "bare words/s", "1 worker", "of bare", f"{cores} workers", "of 1 worker")
    msg.table(rows, header=(*header, "MB, 1", f"MB, {cores}"), divider=True, aligns=("r",) * 8)


if __name__ == "__main__":
    typer.run(main)
