"""Write the folder `metrics`: scores, what was found, and the tables that `dvc plots` draws."""

import csv
from collections.abc import Iterator
from pathlib import Path

import srsly

from scripts.scoring.kinds import kinds
from scripts.scoring.rows import Row, gold_and_found


def write_metrics(rows: list[Row], scores: dict, metrics: Path) -> None:
    """Write predictions.jsonl, labels.csv, confusion.csv and scores.json into `metrics`.

    rows, scores: what `evaluate` returns.
    """
    metrics.mkdir(parents=True, exist_ok=True)
    # An old scores.json goes first and the new one comes last: where there is one, the other files
    # are complete and belong to it.
    (metrics / "scores.json").unlink(missing_ok=True)
    srsly.write_jsonl(metrics / "predictions.jsonl", rows)
    write_labels(scores, metrics / "labels.csv")
    write_confusion(rows, list(scores["tuned"]["new"]["per_label"]), metrics / "confusion.csv")
    srsly.write_json(metrics / "scores.json", scores)


def write_labels(scores: dict, path: Path) -> None:
    """Write a row for each label of each measurement and model: precision, recall and F."""
    with path.open("w", encoding="utf8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["measured", "label", "model", "ents_p", "ents_r", "ents_f"])
        for model, measured, block in blocks_of(scores):
            for label, own in block["per_label"].items():
                values = [own[key] for key in ("ents_p", "ents_r", "ents_f")]
                # Unknown where the base finds nothing to agree with.
                if None not in values:
                    table.writerow([measured, f"{label} ({measured})", model, *values])


def blocks_of(scores: dict) -> Iterator[tuple[str, str, dict]]:
    """Yield every measurement in scores.json: the model, the measurement's name and its figures."""
    for model in ("base", "tuned"):
        for measured, block in scores[model].items():
            yield model, measured, block
    for measured in ("agreement", "agreement_in_domain"):
        if measured in scores:
            yield "tuned", measured, scores[measured]


def write_confusion(rows: list[Row], labels: list[str], path: Path) -> None:
    """Write a row for each entity of the test split: its gold label, and the tuned model's.

    "none" stands for the gold label of a spurious entity, and for the label of a missed one.
    labels: the labels to compare; entities with others are left out.
    """
    wanted = set(labels)
    with path.open("w", encoding="utf8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["gold", "tuned"])
        for row in rows:
            if row["part"] == "test":
                for _, truth, guess in kinds(*gold_and_found(row, "tuned", wanted)):
                    table.writerow([span[2] if span else "none" for span in (truth, guess)])
