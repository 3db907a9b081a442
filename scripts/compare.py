"""Measure the strategies on real tasks: what is learned, what is kept, what it costs.

    python -m scripts.compare .downloads corpus/base training/compare.json

Needs `weasel run assets` and `weasel run base-data`. Two tasks: fashion brands in Reddit comments
(one new label) and WNUT-17 (six new labels in tweets and posts, four of which overlap with the
base's in meaning). What is kept is measured on the test parts of the base's own four corpora; the
general text to rehearse on is the raw text of their training parts. A run that the output has
already is not made again. Prints the table in Markdown, the mean and the spread over the seeds.
"""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, median

import pandas as pd
import spacy
import srsly
import typer
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import biluo_tags_to_spans, iob_to_biluo
from tqdm import tqdm
from wasabi import msg

from scripts.assemble import assemble
from scripts.configure import configure
from scripts.evaluate import read_docs, score
from scripts.params import Params, load_params
from scripts.preprocess import entity_labels, preprocess

GOLD = ("btc", "wikigold", "uner", "gum")
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
WNUT = {
    "train": "wnut17train.conll",
    "dev": "emerging.dev.conll",
    "test": "emerging.test.annotated",
}


def read_wnut(path: Path, nlp: Language) -> Iterator[dict]:
    """Yield a record for each text of a file of word and IOB tag columns."""
    for number, block in enumerate(re.split(r"\n[ \t]*\n", path.read_text(encoding="utf8"))):
        rows = [line.split("\t") for line in block.splitlines() if line.strip()]
        if not rows:
            continue
        doc = Doc(nlp.vocab, words=[row[0].strip() for row in rows])
        # A token of two kinds has both, with a comma: the first counts.
        tags = iob_to_biluo([row[1].strip().split(",")[0] for row in rows])
        spans = [
            {"start": span.start_char, "end": span.end_char, "label": span.label_}
            for span in biluo_tags_to_spans(doc, tags)
        ]
        yield {"text": doc.text, "spans": spans, "meta": {"doc": f"{path.stem}-{number}"}}


def write_tasks(source: Path, scratch: Path, nlp: Language) -> dict[str, Path]:
    """Lay out both tasks as folders of train, perhaps dev, and test."""
    folders = {name: scratch / name for name in ("fashion_brands", "wnut17")}
    for folder in folders.values():
        folder.mkdir()
    for part, name in (("train", "training"), ("test", "eval")):
        text = (source / f"fashion_brands/fashion_brands_{name}.jsonl").read_bytes()
        (folders["fashion_brands"] / f"{part}.jsonl").write_bytes(text)
    for part, name in WNUT.items():
        srsly.write_jsonl(
            folders["wnut17"] / f"{part}.jsonl", read_wnut(source / "wnut17" / name, nlp)
        )
    return folders


def write_general(corpus: Path, path: Path, nlp: Language) -> None:
    """Write the sentences of the base's training texts, as raw text, each once."""
    docs = [
        doc
        for part in ("syntax_train", "ner_train")
        for doc in DocBin().from_disk(corpus / f"{part}.spacy").get_docs(nlp.vocab)
    ]
    texts = (
        sent.text.strip()
        for doc in docs
        for sent in (doc.sents if doc.has_annotation("SENT_START") else [doc[:]])
    )
    srsly.write_jsonl(path, ({"text": text} for text in dict.fromkeys(texts) if text))


def train(*, base: Path, params: Params, folder: Path) -> tuple[Path, dict, float]:
    """Run preprocess to assemble in `folder`; return the model, the corpus's data and seconds."""
    preprocess(params=params, base=base, output=folder / "corpus")
    data = srsly.read_json(folder / "corpus/data.json")
    config = configure(
        recipe=Path("configs/ner.cfg"),
        base=base,
        corpus=folder / "corpus",
        component=params.base.component,
        training=params.training,
        ratio=params.rehearsal.ratio,
    )
    config.to_disk(folder / "config.cfg")
    command = [sys.executable, "-m", "spacy", "train", str(folder / "config.cfg")]
    command += ["--output", str(folder), "--code", "scripts/functions.py"]
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


def measure(path: Path, base: Path, gold: dict[str, list[Doc]], data: dict, test: Path) -> dict:
    """F of new and kept labels, speed and size of a finished pipeline."""
    nlp, before = spacy.load(path), spacy.load(base)
    docs = read_docs(test, nlp)
    found = {"new": score(predict(nlp, docs), docs, data["labels"])["ents_f"]}
    for name, texts in gold.items():
        found[name] = score(predict(nlp, texts), texts, sorted(entity_labels(before)))["ents_f"]
    speed, ratio = running_time(nlp, before, gold["uner"])
    return found | {"words_per_second": speed, "time_ratio": ratio, "megabytes": megabytes(path)}


def report(runs: pd.DataFrame) -> str:
    """The table: mean ± standard deviation over the seeds, retention after each kept F."""
    lines = []
    for task, rows in runs.groupby("task", sort=False):
        base = rows[rows.row == "base"].iloc[0]
        lines += ["", f"**{task}**", ""]
        header = ["", "new F", *(f"{name} F (retention)" for name in GOLD)]
        header += ["train s", "words/s", "× base's time", "MB"]
        lines += ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
        for name, group in rows.groupby("row", sort=False):
            cells = [name, f"{group.new.mean():.3f} ± {group.new.std(ddof=0):.3f}"]
            for part in GOLD:
                kept = mean(group[part])
                cells.append(
                    f"{kept:.3f} ± {group[part].std(ddof=0):.3f} ({kept / base[part]:.3f})"
                )
            cells += [f"{group.seconds.mean():.0f}", f"{group.words_per_second.mean():,.0f}"]
            cells += [f"{group.time_ratio.mean():.2f}", f"{group.megabytes.mean():.1f}"]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(source: Path, corpus: Path, output: Path, seeds: int = 3) -> None:
    """Measure the strategies on real tasks."""
    params, base = load_params(), Path("training/base")
    nlp = spacy.load(base)
    gold = {name: read_docs(corpus / f"test_{name}.spacy", nlp) for name in GOLD}
    runs = srsly.read_json(output) if output.exists() else []
    done = {(run["task"], run["row"], run["seed"]) for run in runs}
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        tasks = write_tasks(source, scratch, nlp)
        write_general(corpus, scratch / "general.jsonl", nlp)
        jobs = [(t, row, seed) for t in tasks for row in ROWS for seed in range(seeds)]
        for task, row, seed in tqdm([job for job in jobs if job not in done], unit=" runs"):
            values = params.model_dump()
            values["data"]["source"] = str(tasks[task])
            values["rehearsal"]["text"] = str(scratch / "general.jsonl")
            values["training"]["seed"] = seed
            for section, changes in ROWS[row].items():
                values[section] |= changes
            place = scratch / f"{task}-{row}-{seed}"
            place.mkdir()
            model, data, seconds = train(
                base=base, params=Params.model_validate(values), folder=place
            )
            test = place / "corpus/test.spacy"
            if (task, "base", 0) not in done:
                done.add((task, "base", 0))
                found = measure(base, base, gold, data, test)
                runs.append({"task": task, "row": "base", "seed": 0, "seconds": 0.0} | found)
            found = measure(model, base, gold, data, test)
            runs.append({"task": task, "row": row, "seed": seed, "seconds": seconds} | found)
            srsly.write_json(output, runs)
    msg.good(f"{output}: {len(runs)} runs")
    print(report(pd.DataFrame(runs)))


if __name__ == "__main__":
    typer.run(main)
