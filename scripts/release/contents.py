"""What goes into a package besides the pipeline."""

from pathlib import Path
from typing import Any

import srsly

from scripts.params import Params
from scripts.provenance.describe import NAME, describe
from scripts.release.card import find_licenses, list_examples, make_card, read_guide

CHECKED_TEXTS = 200


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
