"""Say in ten figures what came of a training, and whether the model may be packaged.

    python -m scripts.judge metrics/scores.json training/live/metrics.json \\
        metrics/summary.json training/verdict.json

The figures are what `dvc exp show` and `dvc metrics diff` show. A model that must not be packaged
is a result like any other: `package` alone stops at it.
"""

from pathlib import Path

import typer
from wasabi import msg

from scripts.exceptions import door
from scripts.keeping.judgement import judge
from scripts.params import load_params


@door
def main(scores: Path, live: Path, summary: Path, verdict: Path) -> None:
    """Say in ten figures what came of a training, and whether the model may be packaged."""
    reason = judge(scores=scores, live=live, params=load_params(), summary=summary, verdict=verdict)
    if reason:
        msg.warn("This model will not be packaged.", reason)
    else:
        msg.good(f"The figures in brief: {summary}")


if __name__ == "__main__":
    typer.run(main)
