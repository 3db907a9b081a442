"""Build the package, install it apart, and run it once.

    python -m scripts.package training corpus metrics/scores.json packages

Stops where less of the base's knowledge is left than `evaluate.min_retention` asks for, unless
`training.strategy: replace` gave it up on purpose. Needs no network, and the same model gives the
same bytes: a wheel, an sdist, and the model card that both of them hold.
"""

import shutil
from itertools import chain, islice
from pathlib import Path
from typing import Any

import spacy
import srsly
import typer
from wasabi import msg

from scripts.card import find_licenses, list_examples, make_card, read_guide
from scripts.docbins import read_docs
from scripts.origin import NAME, describe
from scripts.params import Params, load_params
from scripts.wheel import BuildError, build_package, run_installed
from scripts.whole import scratch_folder

CHECKED_TEXTS = 200


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


def make_meta(pipeline: dict, scores: dict, dropped: list[str], params: Params) -> dict[str, Any]:
    """The package's meta.json: what the pipeline's says, params.yaml's words, and the scores."""
    tuned, own = scores["tuned"], params.package
    performance = {key: tuned["new"][key] for key in ("ents_p", "ents_r", "ents_f")}
    performance["ents_per_type"] = {
        label: {key: figures[f"ents_{key}"] for key in "prf"}
        for label, figures in tuned["new"]["per_label"].items()
    }
    performance["kept_ents_f"] = tuned["kept"]["ents_f"]
    performance["retention"] = scores["retention"]
    taught = (
        f"{pipeline['lang']}_{pipeline['name']} {pipeline['version']}, taught "
        f"{', '.join(tuned['new']['per_label'])}"
        + (f" in place of {', '.join(dropped)}, which it no longer finds." if dropped else ".")
    )
    return pipeline | {
        "name": own.name,
        "version": own.version,
        "author": own.author,
        # Those of the base are not the ones to ask.
        "email": "",
        "url": "",
        "license": own.license,
        "description": own.description or " ".join(taught.split()),
        "performance": pipeline.get("performance", {}) | performance,
    }


def summarize(scores: dict) -> dict[str, Any]:
    """What the lineage tells of scores.json."""
    measured = {
        name: {key: figures[key] for key in ("ents_p", "ents_r", "ents_f")}
        for name, figures in scores["tuned"].items()
    }
    return measured | {"retention": scores["retention"]}


def carry_licenses(base: Path, licenses: dict[str, str]) -> str:
    """The licences of what the model was made of, and the texts that the base came with."""
    texts = [
        f"{name} of the base model\n\n{(base / name).read_text(encoding='utf8').strip()}"
        for name in ("LICENSE", "LICENSES_SOURCES")
        if (base / name).exists()
    ]
    lines = [f"{path}: {license_}" for path, license_ in licenses.items()]
    return "\n\n".join(["\n".join(lines), *texts]) + "\n"


def write_texts(training: Path, corpus: Path, scores: Path, params: Params) -> tuple[dict, dict]:
    """The package's meta.json, and the texts that lie beside it, by their names."""
    data, figures = srsly.read_json(corpus / "data.json"), srsly.read_json(scores)
    base, model = training / "base", training / "model"
    config, environment = training / "config.cfg", training / "environment.json"
    meta = make_meta(srsly.read_json(model / "meta.json"), figures, data["dropped_labels"], params)
    sources = [params.data.source, params.evaluate.general, params.rehearsal.text]
    parts = [corpus / name for name in ("data.json", "general", "test", "train")]
    inputs = [base, config, environment, scores, *parts]
    lineage = describe(
        model=model,
        inputs=[*inputs, *map(Path, {*sources, "project.yml", "requirements.txt"})],
        params=params.model_dump(),
        environment=srsly.read_json(environment),
        scores=summarize(figures),
    )
    assets = srsly.read_yaml("project.yml").get("assets", [])
    licenses = find_licenses(assets, [params.base.model, *sources])
    card = make_card(
        meta=meta,
        base=srsly.read_json(base / "meta.json"),
        scores=figures,
        data=data,
        params=params,
        lineage=lineage,
        licenses=licenses,
        examples=list_examples(corpus / "train", data["labels"]),
        guide=read_guide(Path(params.data.source)),
    )
    return meta, {
        "README.md": card,
        "LICENSES_SOURCES": carry_licenses(base, licenses),
        NAME: srsly.json_dumps(lineage, indent=2),
    }


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
    except (PackageError, BuildError) as error:
        msg.fail(str(error), exits=1)


if __name__ == "__main__":
    typer.run(main)
