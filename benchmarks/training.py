"""Train and measure as the project does, on any base and any data: what the comparisons share."""

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import srsly
from spacy.language import Language
from spacy.tokens import Doc

from scripts.assemble import assemble
from scripts.keeping.corpus import preprocess
from scripts.params import Params
from scripts.training.config import configure

# The project, seen from this folder, where weasel runs the command.
ROOT = Path("..")


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


def markdown(header: list[str]) -> list[str]:
    """Return the header line of a Markdown table and the line below it."""
    return ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
