"""The page of an evaluation, metrics/report.html."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from wasabi import msg

from scripts.exceptions import RevisionError
from scripts.params import PARAMS, read_yaml
from scripts.provenance.comparison import compare_revisions, verdict
from scripts.provenance.differences import flatten
from scripts.reporting.curves import DASHES, Curves, draw_curves, read_curves
from scripts.reporting.marks import make_texts
from scripts.scoring.kinds import KINDS
from scripts.scoring.rows import Row
from scripts.storage.atomic import write_text

# What is made by or after the evaluation, or is code. The hashes of these in dvc.lock can be those
# of the run before: the page leaves them out.
NOT_LISTED = ("scripts/", "metrics/", "packages")


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


def list_hashes(lock: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The entries of dvc.lock for the data and models that the evaluation depends on.

    Each has "path", "md5", and "made": whether a stage made it. Inputs come first.
    """
    stages = list((lock or {}).get("stages", {}).values())
    made = {out["path"] for stage in stages for out in stage.get("outs", [])}
    entries: dict[str, dict[str, Any]] = {}
    for key in ("outs", "deps"):
        for item in [item for stage in stages for item in stage.get(key, [])]:
            if not item["path"].startswith(NOT_LISTED):
                entries.setdefault(item["path"], item | {"made": item["path"] in made})
    return sorted(entries.values(), key=lambda entry: (entry["made"], entry["path"]))


def make_report(
    *,
    scores: dict[str, Any],
    predictions: list[Row],
    data: dict[str, Any],
    findings: dict[str, Any] | None,
    params: dict[str, Any],
    lock: dict[str, Any] | None,
    curves: Curves,
    comparison: dict[str, Any] | None,
) -> str:
    """Make the page: one HTML file that loads nothing, the same bytes for the same inputs.

    scores: metrics/scores.json.
    predictions: the lines of metrics/predictions.jsonl.
    data, findings: corpus/data.json and corpus/findings.json, or None where that is absent.
    params, lock: params.yaml and dvc.lock, or None where that is absent.
    curves: those of the training, perhaps none.
    comparison: what differs from the last commit; None where nothing can be compared.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    texts = make_texts(predictions, data, comparison)
    return environment.get_template("report.html").render(
        scores=scores,
        data=data,
        findings=findings,
        params=flatten(params),
        least=params.get("evaluate", {}).get("min_retention"),
        hashes=list_hashes(lock),
        figures=draw_curves(curves),
        dashes=DASHES,
        comparison=comparison,
        verdict=verdict,
        kinds=KINDS,
        splits=list(data.get("texts", data["spans"])),
        amounts=count_by_split(data),
        labels=texts["labels"],
        island=script_json(texts),
    )


def compare_with_last_commit() -> dict[str, Any] | None:
    """What differs from the last commit; None where that has no evaluation here."""
    try:
        return compare_revisions()
    except RevisionError as error:
        msg.info(f"Not compared with the last commit. {error}")
        return None


def write_report(page: Path) -> None:
    """Write the last evaluation as a page, and what differs from the last commit as JSON.

    page: where the page goes; comparison.json goes beside it.
    """
    comparison = compare_with_last_commit()
    findings, lock = Path("corpus/findings.json"), Path("dvc.lock")
    predictions = Path("metrics/predictions.jsonl")
    text = make_report(
        scores=json.loads(Path("metrics/scores.json").read_bytes()),
        predictions=[json.loads(line) for line in predictions.read_bytes().splitlines()],
        data=json.loads(Path("corpus/data.json").read_bytes()),
        findings=json.loads(findings.read_bytes()) if findings.exists() else None,
        params=read_yaml(PARAMS),
        lock=read_yaml(lock) if lock.exists() else None,
        curves=read_curves(Path("training/live/plots/metrics")),
        comparison=comparison,
    )
    page.parent.mkdir(parents=True, exist_ok=True)
    write_text(page.with_name("comparison.json"), json.dumps(comparison, indent=2))
    # The page is written last: where it is, the comparison is, too.
    write_text(page, text)
