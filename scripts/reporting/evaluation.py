"""The page of an evaluation, metrics/report.html."""

import csv
import json
import math
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from scripts.provenance.comparison import verdict
from scripts.provenance.differences import flatten
from scripts.scoring.kinds import KINDS, kinds
from scripts.scoring.rows import Row, gold_and_found

Curves = dict[str, list[tuple[float, float]]]
"""Pairs of step and value by name; slashes in a name are folders."""

STATES = (*KINDS, "gold", "uncounted", "unknown")
"""What a mark in a text can be. The page names them by number."""
MODELS = ("base", "tuned")


def measured_labels(data: dict[str, Any]) -> dict[str, set[str]]:
    """The labels that count on each part: a base's label on the test split only if gold has it."""
    base = set(data["base_labels"])
    new = set(data["labels"])
    return {"test": new | base & set(data["spans"]["test"]), "general": base}


def join_spaces(text: str, parts: list[list[int]]) -> list[list[int]]:
    """Parts of a text with nothing but spaces between them become one."""
    joined: list[list[int]] = []
    for start, end in parts:
        if joined and not text[joined[-1][1] : start].strip():
            joined[-1][1] = end
        else:
            joined.append([start, end])
    return joined


def mark_gold(row: Row, labels: set[str]) -> list[list]:
    """The gold spans of a text, and the parts of which gold says nothing, as marks."""
    marks = [[*span, "gold" if span[2] in labels else "uncounted", ""] for span in row["gold"]]
    marks += [[*part, "", "unknown", ""] for part in join_spaces(row["text"], row["unknown"])]
    return sorted(marks)


def mark_found(row: Row, model: str, labels: set[str]) -> list[list]:
    """What a model found and missed in a text: [start, end, label, state, gold's other label]."""
    gold, found = gold_and_found(row, model, labels)
    marks = []
    for kind, truth, guess in kinds(gold, found):
        start, end, label = guess or truth or (0, 0, "")
        other = truth[2] if truth and truth[2] != label else ""
        marks.append([start, end, label, kind, other])
    rest = {tuple(span) for span in row[model]} - found
    return sorted(marks + [[*span, "uncounted", ""] for span in rest])


def score(marks: list[list]) -> int:
    """How many entities are right less how many are wrong, as `compare` counts."""
    states = [mark[3] for mark in marks if mark[3] != "uncounted"]
    return 2 * states.count("right") - len(states)


def make_text(row: Row, labels: set[str], change: int | None) -> dict[str, Any]:
    """A text as the page has it, with its change against the base and the last commit.

    change: against the last commit; None where it is not known.
    """
    lanes = {"gold": mark_gold(row, labels)} | {x: mark_found(row, x, labels) for x in MODELS}
    changes = [score(lanes["tuned"]) - score(lanes["base"]), change]
    return {key: row[key] for key in ("part", "doc", "text")} | lanes | {"change": changes}


def make_texts(
    predictions: list[Row], data: dict[str, Any], comparison: dict[str, Any] | None
) -> dict[str, Any]:
    """All texts, with labels and states as numbers: they repeat, and the page must stay small."""
    measured = measured_labels(data)
    moved = {
        (row["part"], row["doc"], row["text"]): row["change"]
        for row in (comparison["better"] + comparison["worse"] if comparison else [])
    }
    texts = []
    for row in predictions:
        change = moved.get((row["part"], row["doc"], row["text"]), 0) if comparison else None
        texts.append(make_text(row, measured[row["part"]], change))
    marks = [mark for text in texts for lane in ("gold", *MODELS) for mark in text[lane]]
    others = {label for mark in marks for label in (mark[2], mark[4]) if label}
    labels = list(dict.fromkeys([*data["labels"], *data["base_labels"], *sorted(others)]))
    numbers = {label: number for number, label in enumerate(labels)} | {"": -1}
    for mark in marks:
        mark[2:] = numbers[mark[2]], STATES.index(mark[3]), numbers[mark[4]]
    return {"labels": labels, "states": STATES, "texts": texts}


def embed(value: Any) -> Markup:
    """JSON that can stand inside <script>: no character of it can end the element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def read_curves(folder: Path) -> Curves:
    """The values of each step that DVCLive wrote; none where it wrote nothing."""
    curves: Curves = {}
    for path in sorted(folder.rglob("*.tsv")):
        with path.open(encoding="utf8", newline="") as file:
            table = csv.DictReader(file, delimiter="\t")
            rows = [(float(row["step"]), float([*row.values()][-1])) for row in table]
        finite = [(step, value) for step, value in rows if math.isfinite(value)]
        if finite:
            curves[path.relative_to(folder).with_suffix("").as_posix()] = finite
    return curves


def list_amounts(data: dict[str, Any]) -> list[tuple[str, dict[str, int]]]:
    """How many texts, documents, words and spans of each label the splits have."""
    totals = ("texts", "documents", "words")
    amounts: list[tuple[str, dict[str, int]]] = [(x, data[x]) for x in totals if x in data]
    spans = data["spans"]
    for label in sorted({label for counts in spans.values() for label in counts}):
        counts = {part: own[label] for part, own in spans.items() if label in own}
        amounts.append((f"spans of {label}", counts))
    return amounts


def hashes(lock: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Path and hash of what goes in and of what is made before the evaluation.

    What is made after it, this page too, is left out: its hash would be that of the run before.
    """
    stages = list((lock or {}).get("stages", {}).values())
    made = {out["path"] for stage in stages for out in stage.get("outs", [])}
    rows: dict[str, dict[str, Any]] = {}
    for key in ("deps", "outs"):
        for stage in stages:
            for item in stage.get(key, []):
                late = item["path"].startswith(("scripts/", "metrics/", "packages"))
                if not late and (key == "outs" or item["path"] not in made):
                    rows.setdefault(item["path"], item | {"made": key == "outs"})
    return sorted(rows.values(), key=lambda row: (row["made"], row["path"]))


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
    """The page. Of the inputs findings, lock and comparison may be None, and curves empty."""
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
        hashes=hashes(lock),
        curves=bool(curves),
        comparison=comparison,
        verdict=verdict,
        kinds=KINDS,
        splits=list(data.get("texts", data["spans"])),
        amounts=list_amounts(data),
        labels=texts["labels"],
        island=embed(texts | {"curves": curves}),
    )
