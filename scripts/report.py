"""Show the evaluation as a page: what was learned, what was kept, and every text.

    python -m scripts.report metrics/report.html

The page is one file that loads nothing; every text in it is escaped. It names what it was made of
by content, and holds no date and no commit, so the same evaluation gives the same bytes.
"""

from pathlib import Path

import typer
from wasabi import msg

from scripts.exceptions import door
from scripts.reporting.evaluation import write_report


@door
def main(page: Path) -> None:
    """Show the evaluation as a page."""
    write_report(page)
    msg.good(f"The evaluation as a page: {page}")


if __name__ == "__main__":
    typer.run(main)
