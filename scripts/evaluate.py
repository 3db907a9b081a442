"""Measure base and tuned model side by side: what was learned, what was kept.

    python -m scripts.evaluate training/base training/model corpus metrics

Both whole pipelines run over the test split and the general text. Writes scores.json (numbers from
0 to 1, counts beside them), predictions.jsonl (what was found in every text, so that commits can be
compared without running anything), labels.csv and confusion.csv (for `dvc plots`).
"""

import csv
from pathlib import Path

import srsly
import typer
from wasabi import msg

from scripts.scoring.base_and_tuned import predict_all, read_mentions, score_all
from scripts.scoring.kinds import kinds
from scripts.scoring.rows import Row, gold_and_found


def write_labels(scores: dict, path: Path) -> None:
    """Write a row for each label of each measurement and model."""
    with path.open("w", encoding="utf8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["measured", "label", "model", "ents_p", "ents_r", "ents_f"])
        for name in ("base", "tuned"):
            for measured, block in scores[name].items():
                for label, figure in block["per_label"].items():
                    values = [figure[key] for key in ("ents_p", "ents_r", "ents_f")]
                    rows.writerow([measured, f"{label} ({measured})", name, *values])


def write_confusion(rows: list[Row], labels: list[str], path: Path) -> None:
    """Write a row for each entity of the test split: its gold label, and what was found there."""
    wanted = set(labels)
    with path.open("w", encoding="utf8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["gold", "tuned"])
        for row in rows:
            if row["part"] == "test":
                for _, truth, guess in kinds(*gold_and_found(row, "tuned", wanted)):
                    table.writerow([span[2] if span else "none" for span in (truth, guess)])


def evaluate(*, base: Path, tuned: Path, corpus: Path) -> tuple[list[Row], dict]:
    """Run both models and score them; return what was found in every text, and the scores."""
    data = srsly.read_json(corpus / "data.json")
    rows = predict_all(base, tuned, corpus, data["general_is_gold"])
    return rows, score_all(rows, data, read_mentions(corpus / "train"))


def main(base: Path, tuned: Path, corpus: Path, metrics: Path) -> None:
    """Measure base and tuned model side by side."""
    rows, scores = evaluate(base=base, tuned=tuned, corpus=corpus)
    metrics.mkdir(parents=True, exist_ok=True)
    # What says that the others are whole goes first and comes last.
    (metrics / "scores.json").unlink(missing_ok=True)
    srsly.write_jsonl(metrics / "predictions.jsonl", rows)
    write_labels(scores, metrics / "labels.csv")
    write_confusion(rows, list(scores["tuned"]["new"]["per_label"]), metrics / "confusion.csv")
    srsly.write_json(metrics / "scores.json", scores)
    new, kept = (
        f"{scores['base'][part]['ents_f']:.3f} → {scores['tuned'][part]['ents_f']:.3f}"
        for part in ("new", "kept")
    )
    msg.good(f"New labels: F {new}; kept: {kept} (retention {scores['retention']})")


if __name__ == "__main__":
    typer.run(main)
