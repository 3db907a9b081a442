"""Build the wheel, install it apart, and run it once.

    python -m scripts.package training/model corpus metrics/scores.json packages

Stops where less of the base's knowledge is left than `evaluate.min_retention` asks for, unless
`training.strategy: replace` gave it up on purpose. Needs no
network, and the same model gives the same bytes.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path

import spacy
import srsly
import typer
from spacy.cli.package import package as spacy_package
from wasabi import msg

from scripts.docbins import read_docs
from scripts.params import Params, load_params

# The earliest time that a zip archive can hold: files in the wheel have no time of their own.
EPOCH = "315532800"
CHECKED_TEXTS = 20


class PackageError(Exception):
    """Why nothing is packaged, and how to go on."""


def check_retention(scores: dict, minimum: float) -> None:
    """Refuse a model that has forgotten more than `evaluate.min_retention` allows."""
    if scores["retention"] is None and minimum > 0:
        raise PackageError(
            "The base finds none of its labels in evaluate.general, so nothing can be said of what "
            "is kept: give text that has them, or set evaluate.min_retention to 0."
        )
    if minimum > 0 and scores["retention"] < minimum:
        base, tuned = scores["base"]["kept"]["per_label"], scores["tuned"]["kept"]["per_label"]
        lost = ", ".join(
            f"{label} {base[label]['ents_f']:.2f} → {tuned[label]['ents_f']:.2f}" for label in base
        )
        raise PackageError(
            f"Retention {scores['retention']:.3f} is below evaluate.min_retention {minimum} "
            f"({lost}). Give more general text (rehearsal.ratio, rehearsal.text), or take "
            "training.strategy: extend; or lower evaluate.min_retention, if the loss is accepted."
        )


def build_wheel(*, model: Path, name: str, version: str, meta: dict, output: Path) -> Path:
    """Write the wheel of a pipeline's folder into the folder `output`; return its path."""
    environment = os.environ | {"SOURCE_DATE_EPOCH": EPOCH, "PYTHONHASHSEED": "0"}
    with tempfile.TemporaryDirectory() as scratch:
        meta_path = Path(scratch) / "meta.json"
        srsly.write_json(meta_path, meta)
        sources = Path(scratch) / "sources"
        sources.mkdir()
        spacy_package(
            model,
            sources,
            meta_path=meta_path,
            name=name,
            version=version,
            create_sdist=False,
            silent=True,
        )
        (folder,) = sources.iterdir()
        # A wheel holds the modes of its files, which depend on who makes them.
        for path in folder.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        # Not isolated: the environment's own setuptools builds it, without a network.
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", str(folder)]
        built = subprocess.run(
            command, env=environment, umask=0o022, capture_output=True, text=True
        )
        if built.returncode:
            raise PackageError(f"Building the wheel failed:\n{built.stdout}{built.stderr}")
        (wheel,) = (folder / "dist").glob("*.whl")
        output.mkdir(parents=True, exist_ok=True)
        return Path(shutil.move(wheel, output / wheel.name))


def installed_entities(wheel: Path, texts: list[str]) -> list[list]:
    """Install a wheel into a folder of its own, load it by name there, and return its entities."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / "installed"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
        pip += [
            "--disable-pip-version-check",
            "--no-compile",
            "--target",
            str(place),
            str(wheel.resolve()),
        ]
        code = (
            "import json, sys, spacy\n"
            "nlp = spacy.load(sys.argv[1])\n"
            "docs = nlp.pipe(json.load(sys.stdin))\n"
            "json.dump([[[e.start_char, e.end_char, e.label_] for e in d.ents] for d in docs],"
            " sys.stdout)"
        )
        run = [sys.executable, "-c", code, wheel.name.split("-")[0]]
        for command, given in ((pip, ""), (run, srsly.json_dumps(texts))):
            done = subprocess.run(
                command,
                input=given,
                capture_output=True,
                text=True,
                encoding="utf8",
                # Away from the project: its code must not be needed.
                cwd=scratch,
                env=os.environ | {"PYTHONPATH": str(place), "PYTHONUTF8": "1"},
            )
            if done.returncode:
                raise PackageError(f"The installed package does not work:\n{done.stderr}")
        return srsly.json_loads(done.stdout)


def package(*, model: Path, corpus: Path, scores: dict, params: Params, output: Path) -> Path:
    """Build the wheel and check that the installed package finds what the model finds."""
    if params.training.strategy != "replace":
        check_retention(scores, params.evaluate.min_retention)
    dropped = srsly.read_json(corpus / "data.json")["dropped_labels"]
    nlp = spacy.load(model)
    tuned = scores["tuned"]
    performance = {key: tuned["new"][key] for key in ("ents_p", "ents_r", "ents_f")}
    performance["ents_per_type"] = {
        label: {key: figures[f"ents_{key}"] for key in "prf"}
        for label, figures in tuned["new"]["per_label"].items()
    }
    performance["kept_ents_f"] = tuned["kept"]["ents_f"]
    performance["retention"] = scores["retention"]
    meta = nlp.meta | {"performance": nlp.meta.get("performance", {}) | performance}
    meta["description"] = (
        f"{nlp.meta['lang']}_{nlp.meta['name']} {nlp.meta['version']}, taught "
        f"{', '.join(tuned['new']['per_label'])}"
        + (f" in place of {', '.join(dropped)}, which it no longer finds." if dropped else ".")
    )
    wheel = build_wheel(
        model=model,
        name=params.package.name,
        version=params.package.version,
        meta=meta,
        output=output,
    )
    docs = list(islice(read_docs(corpus / "test", nlp.vocab), CHECKED_TEXTS))
    texts = [doc.text for doc in docs]
    wanted = [[[e.start_char, e.end_char, e.label_] for e in d.ents] for d in nlp.pipe(texts)]
    try:
        if installed_entities(wheel, texts) != wanted:
            raise PackageError("The installed package finds other entities than the model does.")
    except PackageError:
        wheel.unlink()
        raise
    msg.good(f"{wheel}: installed and run")
    return wheel


def main(model: Path, corpus: Path, scores: Path, output: Path) -> None:
    """Build the wheel, install it apart, and run it once."""
    try:
        package(
            model=model,
            corpus=corpus,
            scores=srsly.read_json(scores),
            params=load_params(),
            output=output,
        )
    except PackageError as error:
        msg.fail(str(error), exits=1)


if __name__ == "__main__":
    typer.run(main)
