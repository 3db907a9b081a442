"""The page of an evaluation: metrics/report.html, and the same with a comparison in it."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from scripts.params import PARAMS
from scripts.provenance.comparison import verdict
from scripts.provenance.differences import flatten
from scripts.provenance.revisions import PREDICTIONS
from scripts.reporting.changes import list_examples
from scripts.reporting.curves import DASHES, Curves, draw_curves, read_curves
from scripts.reporting.marks import make_texts
from scripts.reporting.origin import read_origin
from scripts.reporting.summary import DATA, SCORES
from scripts.scoring.agreement import CHANGES
from scripts.scoring.kinds import KINDS
from scripts.scoring.rows import Row
from scripts.scoring.verdict import doubts
from scripts.settings.yaml_file import read_yaml
from scripts.storage.atomic import write_text
from scripts.storage.json_files import read_json


def script_json(value: Any) -> Markup:
    """A value as JSON for a <script> element, in which no text can end the element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def count_by_split(data: dict[str, Any]) -> list[tuple[str, dict[str, int]]]:
    """What the splits have: texts, documents, words, and spans of each label.

    Returns pairs of what is counted and the count in each split.
    """
    totals = ("texts", "documents", "words")
    amounts: list[tuple[str, dict[str, int]]] = [(x, data[x]) for x in totals if x in data]
    spans = data["spans"]
    for label in sorted({label for counts in spans.values() for label in counts}):
        counts = {part: own[label] for part, own in spans.items() if label in own}
        amounts.append((f"spans of {label}", counts))
    return amounts


def make_report(
    *,
    scores: dict[str, Any],
    predictions: list[Row],
    data: dict[str, Any],
    findings: dict[str, Any] | None,
    params: dict[str, Any],
    origin: dict[str, Any],
    curves: Curves,
    comparison: dict[str, Any] | None,
) -> str:
    """Make the page: one HTML file that loads nothing, the same bytes for the same inputs.

    scores: metrics/scores.json.
    predictions: the lines of metrics/predictions.jsonl.
    data, findings: corpus/data.json and corpus/findings.json, or None where that is absent.
    params: the values of params.yaml.
    origin: of `read_origin`.
    curves: those of the training, perhaps none.
    comparison: what differs from another revision (`compare_revisions`); None where nothing was
        compared.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    texts = make_texts(predictions, scores, data, comparison)
    return environment.get_template("report.html").render(
        scores=scores,
        data=data,
        findings=findings,
        params=flatten(params),
        least=params.get("evaluate", {}).get("min_retention"),
        origin=origin,
        figures=draw_curves(curves),
        dashes=DASHES,
        comparison=comparison,
        verdict=verdict,
        doubts=doubts(scores, data),
        kinds=KINDS,
        splits=list(data.get("texts", data["spans"])),
        amounts=count_by_split(data),
        labels=texts["labels"],
        changes=CHANGES,
        examples=list_examples(predictions, scores, data),
        island=script_json(texts),
    )


def write_report(page: Path, comparison: dict[str, Any] | None = None) -> None:
    """Write the evaluation that lies in the project's folder as a page.

    comparison: what differs from another revision, which the page then shows, too.
    """
    findings, params = Path("corpus/findings.json"), read_yaml(PARAMS)
    text = make_report(
        scores=read_json(SCORES),
        predictions=[json.loads(line) for line in Path(PREDICTIONS).read_bytes().splitlines()],
        data=read_json(DATA),
        findings=read_json(findings) if findings.exists() else None,
        params=params,
        origin=read_origin(params),
        curves=read_curves(Path("training/live/plots/metrics")),
        comparison=comparison,
    )
    page.parent.mkdir(parents=True, exist_ok=True)
    write_text(page, text)
