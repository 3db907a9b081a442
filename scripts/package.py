"""Build the package, install it apart, and run it once.

    python -m scripts.package training corpus metrics/scores.json packages

Stops where less of the base's knowledge is left than `evaluate.min_retention` asks for, unless
`training.strategy: replace` gave it up on purpose. Needs no network, and the same model gives the
same bytes: a wheel, an sdist, and the model card that both of them hold.
"""

import shutil
from itertools import chain, islice
from pathlib import Path

import spacy
import srsly
import typer
from wasabi import msg

from scripts.exceptions import BuildError, PackageError
from scripts.keeping.gate import check_retention
from scripts.params import Params, load_params
from scripts.release.contents import CHECKED_TEXTS, write_texts
from scripts.release.wheel import build_package, run_installed
from scripts.storage.atomic import scratch_folder
from scripts.storage.docbins import read_docs


def check_package(wheel: Path, model: Path, corpus: Path) -> int:
    """Refuse a wheel that says something else of a text than the model; return their number."""
    nlp = spacy.load(model)
    docs = chain.from_iterable(read_docs(corpus / part, nlp.vocab) for part in ("test", "general"))
    texts = [doc.text for doc in islice(docs, CHECKED_TEXTS)]
    if run_installed(wheel, texts) != [doc.to_json() for doc in nlp.pipe(texts)]:
        raise BuildError("The installed package says something else than the model does.")
    return len(texts)


def package(*, training: Path, corpus: Path, scores: Path, params: Params, output: Path) -> None:
    """Build the package, and check that what is installed says what the model says."""
    if params.training.strategy != "replace":
        check_retention(srsly.read_json(scores), params.evaluate.min_retention)
    meta, files = write_texts(training, corpus, scores, params)
    with scratch_folder(output.parent, "package") as scratch:
        staging = scratch / "packages"
        wheel = build_package(model=training / "model", meta=meta, files=files, output=staging)
        (staging / "README.md").write_text(files["README.md"], encoding="utf8", newline="\n")
        checked = check_package(wheel, training / "model", corpus)
        if output.exists():
            shutil.rmtree(output)
        staging.replace(output)
    msg.good(
        f"{output / wheel.name}: installed beside spaCy alone, it says what the model says "
        f"({checked} texts)"
    )


def main(training: Path, corpus: Path, scores: Path, output: Path) -> None:
    """Build the package, install it apart, and run it once."""
    params = load_params()
    try:
        package(training=training, corpus=corpus, scores=scores, params=params, output=output)
    except PackageError as error:
        msg.fail(str(error), exits=1)


if __name__ == "__main__":
    typer.run(main)
