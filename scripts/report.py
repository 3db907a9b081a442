"""The last evaluation as a page: what was learned, what was kept, and every text.

    python -m scripts.report metrics/report.html

The page is one file that loads nothing; every text in it is escaped. It holds no date, so the same
evaluation gives the same bytes.
"""

from pathlib import Path
from typing import Any

import srsly
import typer
from wasabi import msg

from scripts.exceptions import RevisionError
from scripts.provenance.comparison import compare_revisions
from scripts.reporting.evaluation import make_report, read_curves
from scripts.storage.atomic import write_text


def since_last_commit() -> dict[str, Any] | None:
    """What differs from the last commit; None where that has no evaluation here."""
    try:
        return compare_revisions()
    except RevisionError as error:
        msg.info(f"Not compared with the last commit. {error}")
        return None


def main(page: Path) -> None:
    """Write the last evaluation as a page, and what differs from the last commit as JSON."""
    comparison = since_last_commit()
    findings, lock = Path("corpus/findings.json"), Path("dvc.lock")
    text = make_report(
        scores=srsly.read_json("metrics/scores.json"),
        predictions=list(srsly.read_jsonl("metrics/predictions.jsonl")),
        data=srsly.read_json("corpus/data.json"),
        findings=srsly.read_json(findings) if findings.exists() else None,
        params=srsly.read_yaml("params.yaml"),
        lock=srsly.read_yaml(lock) if lock.exists() else None,
        curves=read_curves(Path("training/live/plots/metrics")),
        comparison=comparison,
    )
    page.parent.mkdir(parents=True, exist_ok=True)
    write_text(page.with_name("comparison.json"), srsly.json_dumps(comparison, indent=2))
    # The page comes last: that it is there says that both are.
    write_text(page, text)
    msg.good(f"The evaluation as a page: {page}")


if __name__ == "__main__":
    typer.run(main)
