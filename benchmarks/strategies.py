"""Measure the strategies on real tasks: what is learned, what is kept, what it costs.

    python -m weasel run strategies benchmarks

Needs the assets of this folder and the DocBins of base_model (see README.md). Two tasks: fashion
brands in Reddit comments (one new label) and WNUT-17 (six labels in tweets and posts, four of which
mean what labels of the base mean: renamed to those, and as they are). What is kept is measured on
the test parts of the base's own four corpora. The general text to rehearse on is the raw text of
their training parts: all of it, and for the second table less of it. A run that the output has
already is not made again. Prints tables in Markdown: mean and spread over the seeds, and new F
against retention over the amount of general text.
"""

import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from hashlib import sha256
from pathlib import Path
from statistics import mean, median
from typing import NamedTuple

import pandas as pd
import spacy
import srsly
import typer
from spacy.language import Language
from spacy.tokens import Doc
from tqdm import tqdm
from wasabi import msg

from scripts.assemble import assemble
from scripts.keeping.base_labels import entity_labels
from scripts.keeping.corpus import preprocess
from scripts.params import Params, load_params
from scripts.scoring.base_and_tuned import score
from scripts.storage.docbins import read_docs
from scripts.training.config import configure

# The project, seen from this folder, where weasel runs the command.
ROOT = Path("..")
BASE = ROOT / "training/base"
GOLD = ("btc", "wikigold", "uner", "gum")
# What wnut17 calls by another name than the base: "as it is", these rival the base's labels.
RENAME = {"person": "PERSON", "location": "LOC", "corporation": "ORG", "group": "ORG"}
TASKS: dict[str, tuple[str, dict[str, str]]] = {
    "fashion_brands": ("fashion_brands", {}),
    "wnut17, renamed": ("wnut17", RENAME),
    "wnut17, as it is": ("wnut17", {}),
}
# What everyone does is the first; the others are the project's, with params.yaml's other values.
ROWS: dict[str, dict[str, dict]] = {
    "plain update": {
        "data": {"unlabelled": "outside"},
        "rehearsal": {"ratio": 0.0},
        "training": {"strategy": "update"},
    },
    "update": {"training": {"strategy": "update"}},
    "extend": {"training": {"strategy": "extend"}},
    "replace": {"training": {"strategy": "replace"}},
}
# Rows of the curve, and texts besides all that there are.
CURVE = ("update", "extend")
AMOUNTS = (300, 2_500)
WNUT = {
    "train": "wnut17train.conll",
    "dev": "emerging.dev.conll",
    "test": "emerging.test.annotated",
}


def write_tasks(source: Path, scratch: Path) -> None:
    """Lay out both tasks as folders of train, perhaps dev, and test."""
    folders = {name: scratch / name for name in ("fashion_brands", "wnut17")}
    for folder in folders.values():
        folder.mkdir()
    for part, name in (("train", "training"), ("test", "eval")):
        text = (source / f"fashion_brands/fashion_brands_{name}.jsonl").read_bytes()
        (folders["fashion_brands"] / f"{part}.jsonl").write_bytes(text)
    for part, name in WNUT.items():
        text = (source / "wnut17" / name).read_bytes()
        (folders["wnut17"] / f"{part}.conll").write_bytes(text)


def read_general(corpus: Path, nlp: Language) -> list[str]:
    """The sentences of the base's training texts, each once, in an order that is no corpus's."""
    docs = [
        doc
        for part in ("syntax_train", "ner_train")
        for doc in read_docs(corpus / f"{part}.spacy", nlp.vocab)
    ]
    texts = {
        sent.text.strip()
        for doc in docs
        for sent in (doc.sents if doc.has_annotation("SENT_START") else [doc[:]])
    }
    return sorted(texts - {""}, key=lambda text: sha256(text.encode()).digest())


def train(*, base: Path, params: Params, folder: Path) -> tuple[Path, dict, float]:
    """Run preprocess to assemble in `folder`; return the model, the corpus's data and seconds."""
    preprocess(params=params, base=base, output=folder / "corpus")
    data = srsly.read_json(folder / "corpus/data.json")
    config = configure(
        recipe=ROOT / "configs/ner.cfg",
        base=base,
        corpus=folder / "corpus",
        component=params.base.component,
        training=params.training,
        ratio=params.rehearsal.ratio,
    )
    config.to_disk(folder / "config.cfg")
    command = [sys.executable, "-m", "spacy", "train", str(folder / "config.cfg")]
    command += ["--output", str(folder), "--code", str(ROOT / "scripts/functions.py")]
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - begin
    assemble(
        base=base,
        trained=folder / "model-best",
        output=folder / "model",
        strategy=params.training.strategy,
    )
    return folder / "model", data, seconds


def predict(nlp: Language, docs: list[Doc]) -> list[Doc]:
    """Run a whole pipeline over the texts of `docs`."""
    return list(nlp.pipe(doc.text for doc in docs))


def running_time(model: Language, base: Language, docs: list[Doc]) -> tuple[float, float]:
    """Words per second of a pipeline, and its running time as a multiple of the base's."""
    times: dict[str, list[float]] = {"model": [], "base": []}
    for _ in range(3):
        for name, nlp in (("model", model), ("base", base)):
            begin = time.perf_counter()
            predict(nlp, docs)
            times[name].append(time.perf_counter() - begin)
    seconds = median(times["model"])
    return sum(map(len, docs)) / seconds, seconds / median(times["base"])


def megabytes(folder: Path) -> float:
    """The size of a folder's files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


class Run(NamedTuple):
    """A row of the table with one seed; `texts` of general text, 0 for all."""

    task: str
    row: str
    texts: int
    seed: int


def wanted_runs(seeds: int) -> list[Run]:
    """The runs of both tables; one seed where the spread is of no matter."""
    runs = [
        Run(task, row, 0, seed)
        for task in TASKS
        for seed in range(seeds if task != "wnut17, as it is" else 1)
        for row in ROWS
        if row != "replace" or (seed == 0 and task != "wnut17, as it is")
    ]
    curve = [Run("fashion_brands", row, n, 0) for row in CURVE for n in AMOUNTS]
    return curve + runs


def make_run(run: Run, *, corpus: Path, scratch: Path) -> list[dict]:
    """Train and measure; the first run of a task measures the base, too."""
    values = load_params(ROOT / "params.yaml").model_dump()
    name, rename = TASKS[run.task]
    values["data"] |= {"source": str(scratch / name), "rename": rename}
    values["rehearsal"]["text"] = str(scratch / f"general-{run.texts}.jsonl")
    values["evaluate"]["general"] = str(ROOT / values["evaluate"]["general"])
    values["training"]["seed"] = run.seed
    for section, changes in ROWS[run.row].items():
        values[section] |= changes
    folder = scratch / "-".join(map(str, run)).replace(" ", "_")
    folder.mkdir()
    model, data, seconds = train(base=BASE, params=Params.model_validate(values), folder=folder)
    measured = [(run, model, seconds)]
    if run == Run(run.task, next(iter(ROWS)), 0, 0):
        measured.insert(0, (run._replace(row="base"), BASE, 0.0))
    return [
        which._asdict() | {"seconds": taken} | measure(path, BASE, corpus, data, folder)
        for which, path, taken in measured
    ]


def measure(path: Path, base: Path, corpus: Path, data: dict, folder: Path) -> dict:
    """F of new and kept labels, speed and size of a finished pipeline."""
    nlp, before = spacy.load(path), spacy.load(base)
    docs = list(read_docs(folder / "corpus/test", nlp.vocab))
    found = {"new": score(predict(nlp, docs), docs, data["labels"])["ents_f"]}
    kept = sorted(entity_labels(before))
    for name in GOLD:
        docs = list(read_docs(corpus / f"test_{name}.spacy", nlp.vocab))
        found[name] = score(predict(nlp, docs), docs, kept)["ents_f"]
        if name == "uner":
            found["words_per_second"], found["time_ratio"] = running_time(nlp, before, docs)
    return found | {"megabytes": megabytes(path)}


def report(runs: pd.DataFrame) -> str:
    """The first table: mean ± standard deviation over the seeds, retention after each kept F."""
    lines = []
    for task, rows in runs[runs.texts == 0].groupby("task", sort=False):
        base = rows[rows.row == "base"].iloc[0]
        header = ["", "new F", *(f"{name} F (retention)" for name in GOLD)]
        header += ["train s", "words/s", "× base's time", "MB"]
        lines += ["", f"**{task}**", "", *markdown(header)]
        for name, group in rows.groupby("row", sort=False):
            cells = [name, f"{group.new.mean():.3f} ± {group.new.std(ddof=0):.3f}"]
            for part in GOLD:
                kept = group[part].mean()
                cells.append(
                    f"{kept:.3f} ± {group[part].std(ddof=0):.3f} ({kept / base[part]:.3f})"
                )
            cells += [f"{group.seconds.mean():.0f}", f"{group.words_per_second.mean():,.0f}"]
            cells += [f"{group.time_ratio.mean():.2f}", f"{group.megabytes.mean():.1f}"]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def curve(runs: pd.DataFrame) -> str:
    """The second table: new F, and retention (mean of the gold sets), by general texts; seed 0."""
    found = runs[(runs.task == "fashion_brands") & (runs.seed == 0)].set_index(["row", "texts"])
    base = found.loc[("base", 0)]
    lines = markdown(["general texts", *(f"{row}: new F, retention" for row in CURVE)])
    for texts in (*AMOUNTS, 0):
        cells = [f"{texts:,}" if texts else "all"]
        for row in CURVE:
            tuned = found.loc[(row, texts)]
            kept = mean(tuned[part] / base[part] for part in GOLD)
            cells.append(f"{tuned.new:.3f}, {kept:.3f}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def markdown(header: list[str]) -> list[str]:
    """The first two lines of a table."""
    return ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]


def main(
    source: Path,
    corpus: Path,
    output: Path,
    seeds: int = typer.Option(3, help="Runs of each row"),
    jobs: int = typer.Option(1, help="Runs at a time; more than one makes the times less exact"),
) -> None:
    """Measure the strategies on real tasks."""
    output.parent.mkdir(parents=True, exist_ok=True)
    rows = srsly.read_json(output) if output.exists() else []
    done = {Run(*(row[key] for key in Run._fields)) for row in rows}
    nlp = spacy.load(BASE)
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(jobs) as pool:
        scratch = Path(folder)
        write_tasks(source, scratch)
        texts = read_general(corpus, nlp)
        for amount in (0, *AMOUNTS):
            lines = ({"text": text} for text in texts[: amount or None])
            srsly.write_jsonl(scratch / f"general-{amount}.jsonl", lines)
        work = partial(make_run, corpus=corpus, scratch=scratch)
        waiting = [pool.submit(work, run) for run in wanted_runs(seeds) if run not in done]
        for made in tqdm(as_completed(waiting), total=len(waiting), unit=" runs"):
            rows += made.result()
            srsly.write_json(output, rows)
    order = {run: place for place, run in enumerate(wanted_runs(seeds))}
    rows.sort(key=lambda row: order.get(Run(*(row[key] for key in Run._fields)), -1))
    runs = pd.DataFrame(rows)
    msg.good(f"{output}: {len(runs)} runs")
    print(report(runs), "", curve(runs), sep="\n")


if __name__ == "__main__":
    typer.run(main)
