"""Compare the training strategies on real tasks: what is learned, what is kept, what it costs.

    python -m weasel run strategies benchmarks

Needs the assets of this folder and the DocBins of base_model (see README.md). There are two tasks:

- fashion brands in Reddit comments: one new label;
- WNUT-17: six labels in tweets and posts. Four of them mean the same as labels of the base model.
  The task is measured twice: with these four renamed to the base's labels, and with none renamed.

How much the model keeps of what the base model knew is measured on the test parts of the base's own
four name corpora. The text to rehearse on is the sentences of the base's training parts, without
their annotation.

Prints two kinds of tables in Markdown. `report` makes one for each task: mean and standard
deviation over the seeds. `curve` makes one of how the amount of general text changes F of the new
label and retention. Every run is stored in the output file, and a run that it has is not repeated.
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
# Labels of WNUT-17, and the base model's labels that mean the same. In the task "as it is" they are
# not renamed, so that two labels compete for the same entities.
RENAME = {"person": "PERSON", "location": "LOC", "corporation": "ORG", "group": "ORG"}
# For each task its data, and the labels to rename in it.
TASKS: dict[str, tuple[str, dict[str, str]]] = {
    "fashion_brands": ("fashion_brands", {}),
    "wnut17, renamed": ("wnut17", RENAME),
    "wnut17, as it is": ("wnut17", {}),
}
# The rows of the first tables, with what each changes in params.yaml. The first is plain
# fine-tuning: tokens without annotation count as outside any entity, and nothing is rehearsed. The
# others are the project's strategies.
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
# The rows of ROWS that the second table compares, and its numbers of general texts. It has the
# figures with all general texts, too.
CURVE = ("update", "extend")
AMOUNTS = (300, 2_500)
WNUT = {
    "train": "wnut17train.conll",
    "dev": "emerging.dev.conll",
    "test": "emerging.test.annotated",
}


def write_tasks(source: Path, scratch: Path) -> None:
    """Copy both tasks into the layout that `preprocess` reads.

    source: the folder of the downloaded assets.
    scratch: gets the folders fashion_brands (files for train and test) and wnut17 (train, dev and
        test).
    """
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
    """Read the sentences of the base model's training texts, without annotation.

    corpus: the folder of DocBins that base_model/data.py wrote.
    nlp: the base model, for its vocabulary.

    Returns each sentence once, sorted by hash, so that the first ones come from all corpora.
    """
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
    """Prepare the data, train, and put the tuned pipeline together.

    base: the folder of the base model.
    params: all settings, as in params.yaml.
    folder: the folder for everything that is made.

    Returns the folder of the tuned pipeline, the content of the corpus's data.json, and the elapsed
    seconds of training alone. Raises DataError where the data cannot be used, CalledProcessError
    when training fails.
    """
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
    """Run a whole pipeline over the texts of `docs`; return its Docs in the same order."""
    return list(nlp.pipe(doc.text for doc in docs))


def running_time(model: Language, base: Language, docs: list[Doc]) -> tuple[float, float]:
    """Measure how fast a pipeline is, as the median of three runs that alternate with the base's.

    model: the pipeline to measure.
    base: the pipeline to compare it with.
    docs: the texts to run both on.

    Returns words per second, and the running time as a multiple of the base's.
    """
    times: dict[str, list[float]] = {"model": [], "base": []}
    for _ in range(3):
        for name, nlp in (("model", model), ("base", base)):
            begin = time.perf_counter()
            predict(nlp, docs)
            times[name].append(time.perf_counter() - begin)
    seconds = median(times["model"])
    return sum(map(len, docs)) / seconds, seconds / median(times["base"])


def megabytes(folder: Path) -> float:
    """Return the size of all files in a folder, in megabytes (1,000,000 bytes)."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


class Run(NamedTuple):
    """One training: a key of TASKS, a key of ROWS, how much general text, and the seed.

    `texts` is the number of general texts to rehearse on; 0 means all.
    """

    task: str
    row: str
    texts: int
    seed: int


def wanted_runs(seeds: int) -> list[Run]:
    """List the runs of all tables.

    seeds: how many seeds each row of the first tables gets. The row "replace", the task "wnut17, as
        it is" and the second table get only one, to save time; "replace" is left out of that task.
    """
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
    """Train and measure one run; a task's first run also measures the base model.

    run: what to train.
    corpus: the folder of DocBins that base_model/data.py wrote.
    scratch: the folder with the tasks and the general texts, which also gets the run's own folder.

    Returns records of the run's fields, the seconds of training and what `measure` returns: one of
    the run and, for the first run of a task, one of the base model before it. Raises ParamsError or
    DataError where the settings or the data cannot be used, CalledProcessError when training fails.
    """
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
    """Measure F, speed and size of a finished pipeline.

    path: the folder of the pipeline.
    base: the folder of the base model.
    corpus: the folder of DocBins that base_model/data.py wrote.
    data: the content of data.json of the run's corpus.
    folder: the run's folder, with the test part of its corpus.

    Returns `new` (F of the task's labels on its test part), F of the base's labels on each corpus
    of GOLD, `words_per_second`, `time_ratio` (running time divided by the base's), and `megabytes`.
    """
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
    """Write a Markdown table for each task, from the runs with all general texts.

    runs: the records of `make_run`, one a row.

    Returns the tables. F is the mean ± standard deviation over the seeds; after each F of the
    base's labels comes retention in brackets, which is that F divided by the base model's.
    """
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
    """Write a Markdown table of new F and retention for each number of general texts.

    runs: the records of `make_run`, one a row; those of fashion brands with seed 0 are used.

    Returns the table. Retention is the mean over the corpora of GOLD.
    """
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
    """Return the header line of a Markdown table and the line below it."""
    return ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]


def main(
    source: Path,
    corpus: Path,
    output: Path,
    seeds: int = typer.Option(3, help="How many seeds each row is trained with"),
    jobs: int = typer.Option(
        1, help="How many runs at once; with more than one, times are less exact"
    ),
) -> None:
    """Compare the training strategies on real tasks: assets in SOURCE, DocBins in CORPUS."""
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
