"""Draw the summary of the last run for the README, as a terminal shows it.

python -m scripts.reporting.picture docs/summary.svg
"""

import json
import os
import re
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from scripts.reporting.summary import DATA, SCORES, summary


def main(output: Path) -> None:
    """Draw the summary of the last run as SVG into `output`."""
    scores, data = (json.loads(path.read_text(encoding="utf8")) for path in (SCORES, DATA))
    # Without a comparison: what changed since the last commit tells a reader of the README nothing.
    parts = summary(scores, data, None, sorted(Path("packages").glob("*.whl")))
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=120, file=nowhere, force_terminal=True)
        console.print(Text("$ make run", style="bold"))
        for name, lines in parts:
            for number, line in enumerate(lines):
                title = "" if number else name
                console.print(Text.assemble((f"{title:12}", "bold"), line))
    svg = console.export_svg(title="", unique_id="summary")
    # Rich's picture would load a font from the network: the reader's own fixed-width font will do.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(svg, encoding="utf8")


if __name__ == "__main__":
    typer.run(main)
