"""Measure base and tuned model side by side: what was learned, what was kept.

    python -m scripts.evaluate training/base training/model corpus metrics

Both whole pipelines run over the test split and the general text. Writes scores.json (numbers from
0 to 1, counts beside them), predictions.jsonl (what was found in every text, so that commits can be
compared without running anything), labels.csv and confusion.csv (for `dvc plots`).
"""

from pathlib import Path

import typer
from wasabi import msg

from scripts.exceptions import door
from scripts.scoring.base_and_tuned import evaluate
from scripts.scoring.tables import write_metrics
from scripts.scoring.verdict import doubts
from scripts.storage.json_files import read_json


@door
def main(base: Path, tuned: Path, corpus: Path, metrics: Path) -> None:
    """Measure base and tuned model side by side."""
    rows, scores = evaluate(base=base, tuned=tuned, corpus=corpus)
    write_metrics(rows, scores, metrics)
    new, kept = (
        f"{scores['base'][part]['ents_f']:.3f} → {scores['tuned'][part]['ents_f']:.3f}"
        for part in ("new", "kept")
    )
    found = doubts(scores, read_json(corpus / "data.json"))
    show = msg.warn if found else msg.good
    show(
        f"New labels: F {new}; kept: {kept} (retention {scores['retention']}, by "
        f"{scores['retention_by']}; agreement {scores['agreement']['ents_f']})"
    )
    for doubt in found:
        msg.warn(doubt.title, f"What to do: {doubt.todo}")


if __name__ == "__main__":
    typer.run(main)
