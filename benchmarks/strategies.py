"""Compare the training strategies on real bases and tasks: what is learned and kept, at what cost.

    python -m weasel run strategies benchmarks

Needs the assets of this folder and the DocBins of base_model (see README.md). There are three
bases: the project's own, and spaCy's small and medium English pipelines. There are two tasks:

- fashion brands in Reddit comments: one new label;
- WNUT-17: six labels in tweets and posts, those that the base knows renamed to the base's.

All values are those of params.yaml, so the text to practise on is the demo's. What is kept is
measured on text of which nothing was practised, the test parts of four name corpora: agreement, F
of the tuned pipeline's entities against the base's own, over the base's labels; and F on the gold
of the labels that corpora and base share.

Prints two tables in Markdown. `report` has mean and standard deviation over the seeds for each
base, task and strategy. `curve` shows how the amount of general text changes new F and agreement.
Every run is stored in the output file, and a run that it has is not repeated.
"""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import spacy
import srsly
import typer
from spacy.language import Language
from tqdm import tqdm
from wasabi import msg

from benchmarks.training import ROOT, markdown, megabytes, predict, running_time, train
from scripts.base.download import list_official
from scripts.fetch import lay_out
from scripts.keeping.base_labels import entity_labels
from scripts.params import load_params, with_values
from scripts.scoring.base_and_tuned import score
from scripts.settings.yaml_file import read_yaml
from scripts.storage.docbins import read_docs


class Base(NamedTuple):
    """A base of the comparison.

    model: the value of base.model; a path is seen from the project's folder.
    rename: labels of WNUT-17 that mean the same as one of the base's.
    gold: labels that the base shares with the name corpora.
    """

    model: str
    rename: dict[str, str]
    gold: tuple[str, ...]


COMPANIES = {"person": "PERSON", "corporation": "ORG", "group": "ORG"}
OWN_LABELS = (COMPANIES | {"location": "LOC"}, ("LOC", "ORG", "PERSON"))
# OntoNotes has GPE for countries and towns and LOC for mountains and rivers, the corpora LOC for
# all of them.
ONTONOTES = COMPANIES | {"location": "GPE", "product": "PRODUCT", "creative-work": "WORK_OF_ART"}
ONTONOTES_LABELS = (ONTONOTES, ("ORG", "PERSON"))
BASES = {
    "en_base_sm": Base("assets/en_base_sm-1.0.0-py3-none-any.whl", *OWN_LABELS),
    "en_core_web_sm": Base("en_core_web_sm", *ONTONOTES_LABELS),
    "en_core_web_md": Base("en_core_web_md", *ONTONOTES_LABELS),
}
TASKS = ("fashion_brands", "wnut17")
# The rows of the first table, with what each changes in params.yaml. The first is plain
# fine-tuning: tokens without annotation count as outside any entity, and nothing is rehearsed.
PLAIN = {"data.unlabelled": "outside", "rehearsal.ratio": 0.0, "training.strategy": "update"}
ROWS: dict[str, dict] = {
    "plain update": PLAIN,
    "update": {"training.strategy": "update"},
    "extend": {"training.strategy": "extend"},
}
# The rows of ROWS that the second table compares, and its numbers of general texts; the last is
# more than there are.
CURVE = ("update", "extend")
AMOUNTS = (300, 2_500, 25_000)
GOLD = ("btc", "wikigold", "uner", "gum")
WNUT = {
    "train": "wnut17train.conll",
    "dev": "emerging.dev.conll",
    "test": "emerging.test.annotated",
}


class Run(NamedTuple):
    """One training: keys of BASES, TASKS and ROWS, how much general text, and the seed.

    `texts` is the number of sentences of base_model's training corpora to practise on; with 0 it
    is the text that params.yaml names.
    """

    base: str
    task: str
    row: str
    texts: int
    seed: int


def write_tasks(source: Path, scratch: Path) -> None:
    """Copy both tasks into the layout that `preprocess` reads.

    source: the folder of the downloaded assets.
    scratch: gets the folders fashion_brands (files for train and test) and wnut17 (train, dev and
        test).
    """
    folders = {name: scratch / name for name in TASKS}
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
    nlp: a pipeline, for its vocabulary.

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


def wanted_runs(seeds: int) -> Iterator[Run]:
    """The runs of both tables, all of one seed before the next.

    seeds: how many seeds each row of the first table gets. The second table gets one.
    """
    for seed in range(seeds):
        for task in TASKS:
            for base in BASES:
                yield from (Run(base, task, row, 0, seed) for row in ROWS)
    own = next(iter(BASES))
    yield from (Run(own, TASKS[0], row, texts, 0) for row in CURVE for texts in AMOUNTS)


def make_run(run: Run, *, corpus: Path, scratch: Path) -> dict:
    """Train and measure one run.

    run: what to train.
    corpus: the folder of DocBins that base_model/data.py wrote.
    scratch: the folder with the bases, the tasks and the general texts, which also gets the run's
        own folder.

    Returns the run's fields, the `seconds` of training and what `measure` returns. Raises DataError
    where the data cannot be used, CalledProcessError when training fails.
    """
    params = load_params(ROOT / "params.yaml")
    text = scratch / f"general-{run.texts}.jsonl" if run.texts else ROOT / params.rehearsal.text
    changes = {
        "data.source": str(scratch / run.task),
        "data.rename": BASES[run.base].rename if run.task == "wnut17" else {},
        "rehearsal.text": str(text),
        "evaluate.general": str(ROOT / params.evaluate.general),
        "training.seed": run.seed,
    }
    base = scratch / run.base
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        folder = Path(name)
        params = with_values(params, changes | ROWS[run.row])
        model, data, seconds = train(base=base, params=params, folder=folder)
        test = folder / "corpus/test"
        found = measure(model, base, test, data["labels"], corpus, BASES[run.base].gold)
    return run._asdict() | {"seconds": seconds} | found


def measure(
    path: Path, base: Path, test: Path, labels: list[str], corpus: Path, shared: tuple[str, ...]
) -> dict[str, float]:
    """Measure F, speed and size of a finished pipeline, beside its base's.

    path, base: the folders of both pipelines.
    test: a folder of DocBins, with gold of `labels`.
    corpus: the folder of DocBins that base_model/data.py wrote.
    shared: the labels that base and name corpora share.

    Returns F of `labels` on test (`new`, `new_base`), `agreement` on the name corpora and F on
    their gold (`gold`, `gold_base`), `words_per_second`, `time_ratio` (running time divided by the
    base's), and `megabytes`.
    """
    nlp, before = spacy.load(path), spacy.load(base)
    docs = list(read_docs(test, nlp.vocab))
    new, new_base = (score(predict(pipe, docs), docs, labels)["ents_f"] for pipe in (nlp, before))
    parts = [corpus / f"test_{name}.spacy" for name in GOLD]
    general = [doc for part in parts for doc in read_docs(part, nlp.vocab)]
    tuned, own = predict(nlp, general), predict(before, general)
    gold, gold_base = (score(found, general, list(shared))["ents_f"] for found in (tuned, own))
    speed, ratio = running_time(nlp, before, general[::10])
    return {
        "new": new,
        "new_base": new_base,
        "agreement": score(tuned, own, sorted(entity_labels(before)))["ents_f"],
        "gold": gold,
        "gold_base": gold_base,
        "words_per_second": speed,
        "time_ratio": ratio,
        "megabytes": megabytes(path),
    }


def report(runs: pd.DataFrame) -> str:
    """Write a Markdown table with a line for each base, task and strategy.

    runs: the records of `make_run`, one a row; those with the text of params.yaml are used.

    Returns the table. A figure is the mean ± standard deviation over the seeds; F of the gold's
    labels has the base's in brackets.
    """
    header = ["base", "task", "strategy", "new F", "agreement", "F on gold (base's)"]
    header += ["words/s", "× base's time", "MB", "train s", "seeds"]
    lines = markdown(header)
    groups = runs[runs.texts == 0].groupby(["base", "task", "row"], sort=False)
    for names, group in groups:
        cells = [*names]
        cells += [spread(group.new), spread(group.agreement)]
        cells += [f"{spread(group.gold)} ({group.gold_base.mean():.3f})"]
        cells += [f"{group.words_per_second.mean():,.0f}", f"{group.time_ratio.median():.2f}"]
        cells += [f"{group.megabytes.mean():.1f}", f"{group.seconds.mean():.0f}", str(len(group))]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def spread(figures: pd.Series) -> str:
    """Write the mean and standard deviation of some figures."""
    return f"{figures.mean():.3f} ± {figures.std(ddof=0):.3f}"


def curve(runs: pd.DataFrame) -> str:
    """Write a Markdown table of new F and agreement for each number of general texts.

    runs: the records of `make_run`, one a row; those with a number of texts are used.
    """
    lines = markdown(["general texts", *(f"{row}: new F, agreement" for row in CURVE)])
    for texts in AMOUNTS:
        found = runs[runs.texts == texts].set_index("row").loc[list(CURVE)].itertuples()
        cells = [f"{texts:,}", *(f"{run.new:.3f}, {run.agreement:.3f}" for run in found)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def prepare(source: Path, corpus: Path, copies: dict[str, str], scratch: Path) -> None:
    """Lay out bases and tasks in a folder, and write the general texts of the second table.

    source: the folder of the downloaded assets.
    corpus: the folder of DocBins that base_model/data.py wrote.
    copies: for some keys of BASES, the wheel or folder to take.
    """
    assets = read_yaml(ROOT / "project.yml")["assets"]
    for name, base in BASES.items():
        model = copies.get(name, base.model)
        if model == base.model and model not in list_official(assets):
            model = str(ROOT / model)
        lay_out(model, assets, scratch / name)
    write_tasks(source, scratch)
    texts = read_general(corpus, spacy.blank("en"))
    for amount in AMOUNTS:
        lines = ({"text": text} for text in texts[:amount])
        srsly.write_jsonl(scratch / f"general-{amount}.jsonl", lines)


def main(
    source: Path,
    corpus: Path,
    output: Path,
    seeds: int = typer.Option(3, help="How many seeds each row is trained with"),
    jobs: int = typer.Option(
        1, help="How many runs at once; with more than one, times are less exact"
    ),
    base: list[str] = typer.Option(
        [], help="NAME=PATH: a wheel or folder to take for a base, instead of a download"
    ),
) -> None:
    """Compare the training strategies on real tasks: assets in SOURCE, DocBins in CORPUS."""
    output.parent.mkdir(parents=True, exist_ok=True)
    rows = srsly.read_json(output) if output.exists() else []
    done = {Run(*(row[key] for key in Run._fields)) for row in rows}
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(jobs) as pool:
        prepare(source, corpus, dict(copy.split("=", 1) for copy in base), Path(folder))
        work = partial(make_run, corpus=corpus, scratch=Path(folder))
        waiting = [pool.submit(work, run) for run in wanted_runs(seeds) if run not in done]
        for made in tqdm(as_completed(waiting), total=len(waiting), unit=" runs"):
            rows.append(made.result())
            srsly.write_json(output, rows)
    order = {run: place for place, run in enumerate(wanted_runs(seeds))}
    rows.sort(key=lambda row: order.get(Run(*(row[key] for key in Run._fields)), -1))
    runs = pd.DataFrame(rows)
    msg.good(f"{output}: {len(runs)} runs")
    print(report(runs), "", curve(runs), sep="\n")


if __name__ == "__main__":
    typer.run(main)
