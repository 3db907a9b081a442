"""The model card: what the package does, how well, what it was made of, and how to make it again.

It is Markdown, and starts with the YAML that model hubs read. All of it comes from figures and
files of the run, and it holds no date, so the same run gives the same bytes. Every text in it is
escaped. The annotation guide lies beside the card, which links to it.
"""

import re
from collections import Counter
from io import StringIO
from pathlib import Path
from textwrap import indent
from typing import Any

import spacy
import srsly
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from scripts.params import Params
from scripts.reporting.escape import escape
from scripts.scoring.verdict import rare_labels
from scripts.storage.docbins import read_docs

# Identifiers that hubs know (huggingface.co/docs/hub/repositories-licenses).
LICENSES = {
    "agpl-3.0", "apache-2.0", "bsd-2-clause", "bsd-3-clause", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0",
    "cc-by-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-nd-3.0",
    "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0",
    "cc-by-sa-3.0", "cc-by-sa-4.0", "cc0-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0",
    "cdla-sharing-1.0", "epl-2.0", "etalab-2.0", "eupl-1.1", "eupl-1.2", "gfdl", "gpl", "gpl-2.0",
    "gpl-3.0", "isc", "lgpl", "lgpl-2.1", "lgpl-3.0", "lgpl-lr", "mit", "mpl-2.0", "odbl", "odc-by",
    "pddl", "unknown", "unlicense", "wtfpl", "zlib",
}  # fmt: skip
# Words that identifiers leave out: "Apache License, Version 2.0" is apache-2.0.
FILLERS = {"gnu", "licence", "license", "the", "version"}

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    finalize=escape,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def full_name(meta: dict) -> str:
    """The name that a pipeline is installed by: its language and its name, as `spacy package` does.

    meta: a pipeline's meta.json.
    """
    language = f"{meta['lang']}_"
    return language + meta["name"].removeprefix(language)


def name_license(text: str) -> dict[str, str]:
    """A licence in the fields that hubs read: its identifier, or `other` and its name."""
    words = re.findall(r"[\w.]+", text.lower())
    identifier = "-".join(word for word in words if word not in FILLERS) or "unknown"
    if identifier in LICENSES:
        return {"license": identifier}
    return {"license": "other", "license_name": DoubleQuotedScalarString("-".join(words))}


def make_result(kind: str, name: str, **values: float) -> dict[str, Any]:
    """An entry of a hub's `model-index`: what was measured on one data set (from 0 to 1)."""
    return {
        "task": {"type": "token-classification", "name": "NER"},
        "dataset": {"type": kind, "name": name},
        "metrics": [
            {"type": metric, "name": f"NER {metric}", "value": round(value, 4)}
            for metric, value in values.items()
        ],
    }


def make_metadata(meta: dict, scores: dict, data: dict) -> str:
    """Write the YAML that hubs read."""
    p, r, f = (scores["tuned"]["new"][f"ents_{key}"] for key in "prf")
    name = "New labels, the project's own test split"
    results = [make_result("test-split", name, precision=p, recall=r, f1=f)]
    if data["base_labels"]:
        name = "The base's labels, general text"
        if scores["gold"]:
            names = ", ".join(scores["gold"]["labels"])
            f1 = scores["tuned"]["kept"]["ents_f"]
            results.append(make_result("general-text", f"{name}, gold {names}", f1=f1))
        if (agreed := scores["agreement"]["ents_f"]) is not None:
            title = f"{name}, agreement with the base"
            results.append(make_result("general-text", title, f1=agreed))
    block = {
        # Quoted, as YAML 1.1 reads `no` (Norwegian) as false; a licence's name is quoted, too.
        "language": [DoubleQuotedScalarString(meta["lang"].replace("xx", "multilingual"))],
        **name_license(meta["license"]),
        "library_name": "spacy",
        "tags": ["spacy", "token-classification"],
        "pipeline_tag": "token-classification",
        "model-index": [{"name": full_name(meta), "results": results}],
    }
    text = StringIO()
    YAML().dump(block, text)
    return text.getvalue()


def make_card(
    *,
    meta: dict,
    base: dict,
    scores: dict,
    data: dict,
    params: Params,
    lineage: dict,
    licenses: dict[str, str],
    examples: dict[str, list[str]],
    guide: str | None,
) -> str:
    """Write the card; return its Markdown.

    meta, base: meta.json of the package, and of the base.
    scores, data: the content of metrics/scores.json and of corpus/data.json.
    lineage: the content of lineage.json.
    licenses: the licence of each path of data, as far as known (`find_licenses`).
    examples: names of each label that may be shown (`list_examples`).
    guide: where the annotation guide lies, as a link from the card; None without one.
    """
    card = TEMPLATES.get_template("card.md").render(
        metadata=Markup(make_metadata(meta, scores, data)),
        name=full_name(meta),
        base_name=full_name(base),
        meta=meta,
        base=base,
        scores=scores,
        data=data,
        params=params,
        lineage=lineage,
        # Markdown takes indented lines as code, so nothing in them needs to be escaped.
        values=Markup(indent(srsly.yaml_dumps(lineage["params"]), "    ").rstrip()),
        licenses=licenses,
        examples=examples,
        guide=guide,
        rare=rare_labels(scores),
    )
    return f"{card.rstrip()}\n"


def list_examples(corpus_part: Path, labels: list[str]) -> dict[str, list[str]]:
    """List the three most frequent names of each label that stand in two documents or more.

    A name in a single document may be confidential, and a card is for everybody: where no name is
    shared, there is no example. All Docs that do not name their document count as one document.

    corpus_part: a folder of DocBins with gold entities.
    """
    counts: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], str | None] = {}
    shared = set()
    for doc in read_docs(corpus_part, spacy.blank("xx").vocab):
        name = doc.user_data.get("doc")
        for ent in doc.ents:
            mention = (ent.label_, " ".join(ent.text.split()))
            counts[mention] += 1
            if first.setdefault(mention, name) != name:
                shared.add(mention)
    ranked = sorted(shared, key=lambda mention: (-counts[mention], mention))
    return {label: [text for own, text in ranked if own == label][:3] for label in labels}


def find_licenses(assets: list[dict], paths: list[str]) -> dict[str, str]:
    """Find the licence of each path that is an asset of project.yml or lies in an asset's folder.

    assets: entries of project.yml with `dest`, and with `license` where it is known.
    """
    return {
        path: asset["license"]
        # The innermost folder comes last, so that its licence wins.
        for asset in sorted(assets, key=lambda asset: len(Path(asset["dest"]).parts))
        for path in paths
        if asset.get("license") and Path(path).is_relative_to(asset["dest"])
    }
