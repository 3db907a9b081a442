"""What goes into a package besides the pipeline: meta.json, card, guide, licences and lineage."""

import hashlib
import json
import re
from functools import partial
from pathlib import Path
from typing import Any

from scripts.params import Params
from scripts.provenance.describe import NAME, describe
from scripts.release.card import find_licenses, list_examples, make_card
from scripts.settings.yaml_file import read_yaml
from scripts.storage.json_files import read_json

CARD = "README.md"
GUIDE = "GUIDE.md"


def make_meta(pipeline: dict, scores: dict, dropped: list[str], params: Params) -> dict[str, Any]:
    """Make the package's meta.json: the pipeline's own, with values of params.yaml and the scores.

    pipeline: the trained pipeline's meta.json.
    scores: the content of metrics/scores.json.
    dropped: the labels of the base that were given up on purpose.
    """
    tuned, own = scores["tuned"], params.package
    performance = {key: tuned["new"][key] for key in ("ents_p", "ents_r", "ents_f")}
    performance["ents_per_type"] = {
        label: {key: own_scores[f"ents_{key}"] for key in "prf"}
        for label, own_scores in tuned["new"]["per_label"].items()
    }
    performance["kept_ents_f"] = tuned["kept"]["ents_f"]
    performance |= figures_kept(scores)
    taught = (
        f"{pipeline['lang']}_{pipeline['name']} {pipeline['version']}, taught "
        f"{', '.join(tuned['new']['per_label'])}"
        + (f" in place of {', '.join(dropped)}, which it no longer finds." if dropped else ".")
    )
    return pipeline | {
        # The language stands before it in the package's name, where spaCy puts it twice otherwise,
        # and then cannot build.
        "name": own.name.removeprefix(f"{pipeline['lang']}_"),
        "version": own.version,
        "author": own.author,
        # These are the base's, whose authors cannot answer for this model.
        "email": "",
        "url": "",
        "license": own.license,
        "description": own.description or " ".join(taught.split()),
        "performance": pipeline.get("performance", {}) | performance,
    }


def summarize(scores: dict) -> dict[str, Any]:
    """What the lineage says of scores.json: precision, recall and F, and what is kept."""
    measured = {
        name: {key: block[key] for key in ("ents_p", "ents_r", "ents_f")}
        for name, block in scores["tuned"].items()
    }
    return measured | figures_kept(scores)


def figures_kept(scores: dict) -> dict[str, Any]:
    """Retention, what it is the figure of, and agreement with the base."""
    kept = {key: scores[key] for key in ("retention", "retention_by")}
    return kept | {"agreement": scores["agreement"]["ents_f"]}


def carry_licenses(base: Path, licenses: dict[str, str]) -> str:
    """Make the text of LICENSES_SOURCES: the data's licences, then the base's licence texts.

    base: the base's folder.
    licenses: the licence of each path of data (`find_licenses`).
    """
    texts = [
        f"{name} of the base model\n\n{(base / name).read_text(encoding='utf8').strip()}"
        for name in ("LICENSE", "LICENSES_SOURCES")
        if (base / name).exists()
    ]
    lines = [f"{path}: {license_}" for path, license_ in licenses.items()]
    return "\n\n".join(["\n".join(lines), *texts]) + "\n"


def read_guide(source: Path) -> str | None:
    """Read the annotation guide, GUIDE.md, of a folder of data; None where there is none.

    What lies beside a single file of data is not read: it is no input of the run.
    """
    path = source / GUIDE
    return path.read_text(encoding="utf-8-sig", errors="replace") if path.is_file() else None


def mark(meta: dict, files: dict[str, str]) -> str:
    """Make the mark of a package's content that goes into its version, as PEP 440 has it.

    meta, files: meta.json and the texts of the package; lineage.json stands for the pipeline.

    Returns eight hexadecimal digits, of which at least one is a letter: PEP 440 takes only digits
    for a number, and leaves its first zeros out.
    """
    content = json.dumps([meta, files], sort_keys=True)
    digest = hashlib.md5(content.encode()).hexdigest()
    return re.findall(r"(?=\d{0,7}[a-f])[0-9a-f]{8}", f"{digest}a0000000")[0]


def trace(
    training: Path, corpus: Path, scores: Path, measured: dict[str, Any], params: Params
) -> dict[str, Any]:
    """Describe the content of lineage.json: by MD5, all that the package was made of.

    measured: the content of `scores`.
    """
    environment = training / "environment.json"
    inputs = [training / "base", training / "config.cfg", environment, scores]
    inputs += [corpus / name for name in ("data.json", "general", "test", "train")]
    sources = {params.data.source, params.evaluate.general, params.rehearsal.text}
    return describe(
        model=training / "model",
        inputs=[*inputs, *map(Path, {*sources, "project.yml", "requirements.txt"})],
        params=params.model_dump(),
        environment=read_json(environment),
        scores=summarize(measured),
    )


def write_texts(training: Path, corpus: Path, scores: Path, params: Params) -> tuple[dict, dict]:
    """Make the package's meta.json, and the texts that go into the pipeline's folder.

    training: the folder with base, model, config.cfg and environment.json.
    corpus: the folder that `preprocess` wrote.
    scores: the file scores.json.

    Returns meta.json's content, and each text by its name: the card (README.md), LICENSES_SOURCES,
    lineage.json, and GUIDE.md where the data has a guide.
    """
    data, measured = read_json(corpus / "data.json"), read_json(scores)
    pipeline = read_json(training / "model" / "meta.json")
    meta = make_meta(pipeline, measured, data["dropped_labels"], params)
    lineage = trace(training, corpus, scores, measured, params)
    sources = [params.data.source, params.evaluate.general, params.rehearsal.text]
    assets = read_yaml(Path("project.yml")).get("assets", [])
    licenses = find_licenses(assets, [params.base.model, *sources])
    guide = read_guide(Path(params.data.source))
    write_card = partial(
        make_card,
        base=read_json(training / "base" / "meta.json"),
        scores=measured,
        data=data,
        params=params,
        lineage=lineage,
        licenses=licenses,
        examples=list_examples(corpus / "train", data["labels"]),
        guide=GUIDE if guide is not None else None,
    )
    files = {
        CARD: write_card(meta=meta),
        "LICENSES_SOURCES": carry_licenses(training / "base", licenses),
        NAME: json.dumps(lineage, indent=2),
    }
    if guide is not None:
        files[GUIDE] = guide
    if params.package.build == "content":
        meta["version"] += f"+{mark(meta, files)}"
        files[CARD] = write_card(meta=meta)
    return meta, files
