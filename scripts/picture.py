"""Draw what the last run came to, as a terminal shows it, for the README.

python -m scripts.picture docs/summary.svg
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text


def main(output: Path) -> None:
    """Draw the summary of the last run."""
    command = [sys.executable, "-m", "scripts.summary"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf8")
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=100, file=nowhere, force_terminal=True)
        console.print(Text("$ make run", style="bold"))
        console.print(Text.from_ansi(done.stdout.strip("\n")))
    svg = console.export_svg(title="", unique_id="summary")
    # A picture loads nothing from elsewhere: the reader's own fixed-width font will do.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(svg, encoding="utf8")


if __name__ == "__main__":
    typer.run(main)
