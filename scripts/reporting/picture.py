"""Draw the pictures of the README anew: the summary as a terminal shows it, and the page.

python -m scripts.reporting.picture docs/summary.svg docs/report.png
"""

import os
import re
import shutil
import subprocess
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

import typer
from rich.console import Console
from rich.text import Text
from wasabi import msg

from scripts.reporting.summary import DATA, REPORT, SCORES, summary
from scripts.storage.atomic import write_bytes, write_text
from scripts.storage.dvc import hash_path
from scripts.storage.json_files import read_json

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH, HEIGHT = 1100, 1230
IHDR_END = 33
"""The bytes of a PNG's signature and first chunk, after which other chunks may stand."""


def draw_summary(output: Path) -> None:
    """Draw the summary of the last run as SVG into `output`."""
    scores, data = (read_json(path) for path in (SCORES, DATA))
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
    write_text(output, svg)


def with_note(png: bytes, key: str, text: str) -> bytes:
    """A PNG with a note in it, as a chunk of text behind its first chunk."""
    chunk = b"tEXt" + f"{key}\0{text}".encode("latin1")
    sizes = (len(chunk) - 4).to_bytes(4, "big"), zlib.crc32(chunk).to_bytes(4, "big")
    return png[:IHDR_END] + sizes[0] + chunk + sizes[1] + png[IHDR_END:]


def photograph(page: Path, output: Path) -> bool:
    """Take a picture of the first part of a page with a browser; return whether there is one.

    output: a PNG; a note in it, `page`, is the MD5 of the page, so that an old one can be told.
    """
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        return False
    with TemporaryDirectory() as folder:
        taken = Path(folder) / "page.png"
        size = (f"--window-size={WIDTH},{HEIGHT}", f"--screenshot={taken}", "--hide-scrollbars")
        flags = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/own")
        command = [browser, *flags, *size, page.resolve().as_uri()]
        subprocess.run(command, check=True, capture_output=True)
        write_bytes(output, with_note(taken.read_bytes(), "page", hash_path(page)[0]))
    return True


def main(terminal: Path, page: Path) -> None:
    """Draw the summary of the last run into `terminal`, and its page into `page`."""
    draw_summary(terminal)
    if not photograph(REPORT, page):
        msg.warn(f"{page} is as it was: no Chromium on the path")


if __name__ == "__main__":
    typer.run(main)
