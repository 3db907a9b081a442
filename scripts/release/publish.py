"""Make the folder `packages`: wheel, sdist, model card and guide, checked before they go there."""

from contextlib import closing
from itertools import chain, islice
from pathlib import Path

import spacy
from tqdm import tqdm
from wasabi import msg

from scripts.exceptions import BuildError
from scripts.keeping.gate import check_gates
from scripts.params import Params
from scripts.release.apart import annotate_installed
from scripts.release.contents import CARD, GUIDE, write_texts
from scripts.release.wheel import build_package
from scripts.storage.atomic import replace_folder, scratch_folder
from scripts.storage.docbins import read_docs
from scripts.storage.json_files import read_json

CHECKED_TEXTS = 200
"""How many texts at most are annotated by both the installed package and the model."""


def check_package(wheel: Path, model: Path, corpus: Path) -> int:
    """Install a wheel apart and compare what it says of the corpus's texts with what `model` says.

    Returns the number of texts that were compared, at most CHECKED_TEXTS. Raises BuildError when
    the wheel cannot be installed or run, or when one annotation differs.
    """
    nlp = spacy.load(model)
    docs = chain.from_iterable(read_docs(corpus / part, nlp.vocab) for part in ("test", "general"))
    texts = [doc.text for doc in islice(docs, CHECKED_TEXTS)]
    with closing(annotate_installed(wheel, texts)) as installed:
        both = zip(installed, nlp.pipe(texts), strict=True)
        for said, doc in tqdm(both, "Package and model", len(texts), unit=" texts"):
            if said != doc.to_json():
                raise BuildError("The installed package says something else than the model does.")
    return len(texts)


def publish_package(
    *, training: Path, corpus: Path, scores: Path, params: Params, output: Path
) -> tuple[Path, int]:
    """Build the package, check it, and only then replace the folder `output` by it.

    training: the folder with base, model, config.cfg and environment.json.
    corpus: the folder that `preprocess` wrote.
    scores: the file scores.json that `evaluate` wrote.

    Says what it does, as that takes a while. Returns the wheel's path and the number of texts that
    it was checked on. Raises PackageError when too little of the base's knowledge is left, too
    little was learned, or a fold was left out, and BuildError when the package cannot be built or
    does not say what the model says; `output` is then what it was before.
    """
    check_gates(read_json(scores), params)
    msg.text("Writing the card and the lineage")
    meta, files = write_texts(training, corpus, scores, params)
    with scratch_folder(output.parent, "package") as scratch:
        staging = scratch / "packages"
        msg.text("Building wheel and sdist")
        wheel = build_package(model=training / "model", meta=meta, files=files, output=staging)
        for name in files.keys() & {CARD, GUIDE}:
            (staging / name).write_text(files[name], encoding="utf8", newline="\n")
        msg.text("Installing the wheel in an environment of its own, with spaCy and no network")
        checked = check_package(wheel, training / "model", corpus)
        replace_folder(staging, output)
    return output / wheel.name, checked


def publish_nothing(output: Path) -> None:
    """Replace the folder `output` by an empty one."""
    with scratch_folder(output.parent, "package") as scratch:
        empty = scratch / "packages"
        empty.mkdir()
        replace_folder(empty, output)
