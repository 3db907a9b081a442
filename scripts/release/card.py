"""The model card: what the package does, how well, what it was made of, and how to make it again.

It is Markdown, and starts with the YAML that model hubs read. All of it comes from figures and
files of the run, and it holds no date, so the same run gives the same bytes. Every text in it is
escaped; the annotation guide, which is Markdown itself, keeps its markup but no HTML.
"""

import re
from collections import Counter
from io import StringIO
from itertools import pairwise
from pathlib import Path
from textwrap import indent
from typing import Any

import spacy
import srsly
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from scripts.params import Params
from scripts.reporting.escape import escape
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
# No part of an identifier: Apache License, Version 2.0 is apache-2.0.
FILLERS = {"gnu", "licence", "license", "the", "version"}
# What is likely to be code, or else what may start HTML.
CODE_OR_HTML = re.compile(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)|<", re.DOTALL)
# Of the guide's highest heading: it stands below a section of the card.
GUIDE_LEVEL = 3
GUIDES = MarkdownIt().enable("table")


def full_name(meta: dict) -> str:
    """The name that a pipeline is installed by, as `spacy package` makes it."""
    language = f"{meta['lang']}_"
    return language + meta["name"].removeprefix(language)


def name_license(text: str) -> dict[str, str]:
    """A licence as hubs have it: its identifier, or `other` and its name."""
    words = re.findall(r"[\w.]+", text.lower())
    identifier = "-".join(word for word in words if word not in FILLERS) or "unknown"
    if identifier in LICENSES:
        return {"license": identifier}
    return {"license": "other", "license_name": DoubleQuotedScalarString("-".join(words))}


def make_result(kind: str, name: str, **values: float) -> dict[str, Any]:
    """What was measured on one data set."""
    return {
        "task": {"type": "token-classification", "name": "NER"},
        "dataset": {"type": kind, "name": name},
        "metrics": [
            {"type": metric, "name": f"NER {metric}", "value": round(value, 4)}
            for metric, value in values.items()
        ],
    }


def make_metadata(meta: dict, scores: dict, data: dict) -> str:
    """The YAML that hubs read."""
    p, r, f = (scores["tuned"]["new"][f"ents_{key}"] for key in "prf")
    name = "New labels, the project's own test split"
    results = [make_result("test-split", name, precision=p, recall=r, f1=f)]
    if data["base_labels"]:
        gold = "" if data["general_is_gold"] else ", agreement with the base"
        name = f"The base's labels, general text{gold}"
        results.append(make_result("general-text", name, f1=scores["tuned"]["kept"]["ents_f"]))
    block = {
        # Quoted, for YAML 1.1 takes `no` for false; so is a licence's name.
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


def has_html(text: str) -> bool:
    """Whether HTML is left in a text as HTML."""
    blocks = GUIDES.parse(text)
    tokens = [token for block in blocks for token in (block, *(block.children or ()))]
    return any(token.type.startswith("html") for token in tokens)


def push_down(text: str) -> str:
    """A guide with its headings below the section that it stands in."""
    lines = text.split("\n")
    # A heading's words are the token after the one that opens it.
    headings = [pair for pair in pairwise(GUIDES.parse(text)) if pair[0].type == "heading_open"]
    down = GUIDE_LEVEL - min((int(opened.tag[1]) for opened, _ in headings), default=0)
    for opened, words in reversed(headings):
        start, end = opened.map or (0, 0)
        level = min(int(opened.tag[1]) + down, 6)
        # Underlined headings, too, become lines with #: they know two levels alone.
        lines[start:end] = [f"{'#' * level} {' '.join(words.content.split())}"]
    return "\n".join(lines).strip("\n")


def embed_guide(guide: str) -> str:
    """A guide as a part of the card: its HTML is text, and so it stays in code, where it can."""
    spared = CODE_OR_HTML.sub(lambda found: "&lt;" if found[0] == "<" else found[0], guide)
    texts = map(push_down, (spared, guide.replace("<", "&lt;")))
    return next(text for text in texts if not has_html(text))


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
    """The card. Of the inputs licenses and examples may be empty, and guide None."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        finalize=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    card = environment.get_template("card.md").render(
        metadata=Markup(make_metadata(meta, scores, data)),
        name=full_name(meta),
        base_name=full_name(base),
        meta=meta,
        base=base,
        scores=scores,
        data=data,
        params=params,
        lineage=lineage,
        # Indented lines are code, whatever stands in them.
        values=Markup(indent(srsly.yaml_dumps(lineage["params"]), "    ").rstrip()),
        licenses=licenses,
        examples=examples,
        guide=Markup(embed_guide(guide or "")),
    )
    return f"{card.rstrip()}\n"


def list_examples(corpus_part: Path, labels: list[str]) -> dict[str, list[str]]:
    """The three most frequent names of each label, of those that two documents or more share.

    What stands in a single document may be confidential, and a card is for everybody: where no name
    is shared there is no example. Docs whose document is not named are one document.
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
    """The licence of each path that is an asset of project.yml or lies in one's folder."""
    return {
        path: asset["license"]
        # The nearest folder comes last, and counts.
        for asset in sorted(assets, key=lambda asset: len(Path(asset["dest"]).parts))
        for path in paths
        if asset.get("license") and Path(path).is_relative_to(asset["dest"])
    }


def read_guide(source: Path) -> str | None:
    """The annotation guide, GUIDE.md, of a folder of data; None without one."""
    path = source / "GUIDE.md"
    return path.read_text(encoding="utf-8-sig", errors="replace") if path.is_file() else None
