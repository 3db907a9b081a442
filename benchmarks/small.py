"""Compare how long and how a model learns from little data: the project, and `spacy train` itself.

    python -m weasel run small benchmarks

The data are the fashion brands of `strategies`, cut to 20, 40, ... texts to train on. Every seed
draws other texts, and a smaller cut is part of a larger one of the same seed. With n texts to train
on there are n / 7 for dev, as `data.dev` and `data.test` of params.yaml split off; test is the
whole of the dataset's own. Every row gets the same texts.

Prints a table in Markdown: F of the new label, mean ± standard deviation over the seeds, and the
share of the base's F that was kept. Every run is stored in the output file, and a run that it has
is not repeated.
"""

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import spacy
import srsly
import typer
from spacy.cli.init_config import init_config
from thinc.api import Config
from tqdm import tqdm
from wasabi import msg

from benchmarks.training import ROOT, markdown, predict, train
from scripts.functions import embedding_of
from scripts.keeping.base_labels import entity_labels
from scripts.keeping.corpus import preprocess
from scripts.params import Params, load_params, with_values
from scripts.scoring.base_and_tuned import score
from scripts.storage.docbins import read_docs
from scripts.training.config import sourced_component

BASE = ROOT / "training/base"
SIZES = (20, 40, 80, 160, 320, 640)
# The rows of the table, with what each changes in params.yaml. The first is spaCy's own recipe:
# `spacy init config`, nothing changed but that it updates the base's recognizer, on the new labels
# alone, and that it ends after 1,000 updates: of 20,000 the best was no better (docs/keeping.md).
SPACY, UPDATES = "spacy train", 1_000
ROWS: dict[str, dict] = {
    SPACY: {"data.unlabelled": "outside", "rehearsal.ratio": 0.0, "training.strategy": "update"},
    "the defaults": {},
    "without rehearsal": {"rehearsal.ratio": 0.0},
}


class Run(NamedTuple):
    """One training: how many texts to train on, the seed, and a key of ROWS."""

    size: int
    seed: int
    row: str


def write_cut(source: Path, size: int, seed: int, folder: Path) -> None:
    """Write train.jsonl, dev.jsonl and test.jsonl of a cut into `folder`.

    source: the folder of the downloaded assets.
    size: how many texts there are to train on.
    """
    brands = source / "fashion_brands"
    records = list(srsly.read_jsonl(brands / "fashion_brands_training.jsonl"))
    random.Random(seed).shuffle(records)
    folder.mkdir()
    # From both ends, so that dev has nothing of a larger cut's train. A dev without a single span
    # is refused, so it then gets more texts.
    number = round(size / 7)
    while not any(record.get("spans") for record in records[-number:]):
        number += 1
    srsly.write_jsonl(folder / "train.jsonl", records[:size])
    srsly.write_jsonl(folder / "dev.jsonl", records[-number:])
    (folder / "test.jsonl").write_bytes((brands / "fashion_brands_eval.jsonl").read_bytes())


def spacy_config(corpus: Path, seed: int) -> Config:
    """Make the config that `spacy init config` proposes, with the base's own recognizer in it.

    corpus: the folder that `preprocess` wrote.
    """
    config = init_config(lang="en", pipeline=["ner"], silent=True)
    config["paths"] |= {part: str(corpus / part) for part in ("train", "dev")}
    config["system"]["seed"] = seed
    config["training"]["max_steps"] = UPDATES
    config["nlp"]["pipeline"] = ["ner"]
    embedding = embedding_of(spacy.load(BASE), "ner")
    config["components"] = {"ner": sourced_component(BASE, embedding)}
    copy = {"tokenizer": str(BASE), "vocab": str(BASE)}
    config["initialize"]["before_init"] = {"@callbacks": "spacy.copy_from_base_model.v1"} | copy
    return config


def train_as_spacy(params: Params, folder: Path) -> tuple[Path, dict, float]:
    """Train as `spacy train` would by itself; return what `benchmarks.strategies.train` returns."""
    preprocess(params=params, base=BASE, output=folder / "corpus")
    spacy_config(folder / "corpus", params.training.seed).to_disk(folder / "config.cfg")
    command = [sys.executable, "-m", "spacy", "train", str(folder / "config.cfg")]
    begin = time.perf_counter()
    subprocess.run([*command, "--output", str(folder)], check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - begin
    return folder / "model-best", srsly.read_json(folder / "corpus/data.json"), seconds


def make_run(run: Run, *, source: Path, changes: dict) -> dict:
    """Train and measure one run.

    source: the folder of the downloaded assets.
    changes: keys of params.yaml with a dot, and their values.

    Returns the run's fields, the `seconds` of training, and what `measure` returns.
    """
    params = load_params(ROOT / "params.yaml")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_cut(source, run.size, run.seed, folder / "data")
        fixed = {
            "data.source": str(folder / "data"),
            "rehearsal.text": str(ROOT / params.rehearsal.text),
            "evaluate.general": str(ROOT / params.evaluate.general),
            "training.seed": run.seed,
        }
        params = with_values(params, fixed | changes)
        if run.row == SPACY:
            model, data, seconds = train_as_spacy(params, folder)
        else:
            model, data, seconds = train(base=BASE, params=params, folder=folder)
        scores = measure(model, folder / "corpus", data["labels"])
    return run._asdict() | {"seconds": seconds} | scores


def measure(model: Path, corpus: Path, labels: list[str]) -> dict[str, float]:
    """Measure a finished pipeline: `new`, F of `labels` on test, and `retention`.

    Retention is F of the base's labels on `evaluate.general`, divided by the base's.
    """
    nlp, base = spacy.load(model), spacy.load(BASE)
    docs = list(read_docs(corpus / "test", nlp.vocab))
    new = score(predict(nlp, docs), docs, labels)["ents_f"]
    docs = list(read_docs(corpus / "general", nlp.vocab))
    known = sorted(entity_labels(base))
    kept, before = (score(predict(pipe, docs), docs, known)["ents_f"] for pipe in (nlp, base))
    return {"new": new, "retention": kept / before}


def report(runs: pd.DataFrame) -> str:
    """Write a Markdown table with a row for each of ROWS and a column for each size.

    runs: the records of `make_run`, one a row.

    Returns the table; a cell has F of the new label, then the mean retention.
    """
    sizes = sorted(runs["size"].unique())
    lines = markdown(["texts to train on", *(f"{size:,}" for size in sizes)])
    for row in ROWS:
        cells = [row]
        for size in sizes:
            found = runs[(runs["row"] == row) & (runs["size"] == size)]
            new = f"{found.new.mean():.3f} ± {found.new.std(ddof=0):.3f}"
            cells.append(f"{new}, {found.retention.mean():.3f}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(
    source: Path,
    output: Path,
    seeds: int = typer.Option(3, help="How many seeds each cell is trained with"),
) -> None:
    """Compare recipes on little data: assets in SOURCE, every run stored in OUTPUT."""
    output.parent.mkdir(parents=True, exist_ok=True)
    rows = srsly.read_json(output) if output.exists() else []
    done = {Run(*(row[key] for key in Run._fields)) for row in rows}
    wanted = [Run(size, seed, row) for seed in range(seeds) for size in SIZES for row in ROWS]
    for run in tqdm([run for run in wanted if run not in done], unit=" runs"):
        rows.append(make_run(run, source=source, changes=ROWS[run.row]))
        srsly.write_json(output, rows)
    msg.good(f"{output}: {len(rows)} runs")
    print(report(pd.DataFrame(rows)))


if __name__ == "__main__":
    typer.run(main)
