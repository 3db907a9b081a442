"""Install locked packages with pip, and say in one line which one is loaded and how far it is.

    .venv/bin/python -m scripts.runtime.install requirements.txt

Leaves with pip's status. This runs where nothing is installed yet, so it imports nothing but
Python's own library.
"""

import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

PIP = "install --disable-pip-version-check --progress-bar off --require-hashes --requirement"
UNITS = {"kB": 0.001, "MB": 1.0, "GB": 1000.0}
# Where no terminal shows the line, it is printed for each of so many packages.
EVERY = 25


def count_packages(requirements: str) -> int:
    """How many packages a file of locked requirements names."""
    return len(re.findall(r"^\S+==", requirements, re.MULTILINE))


def follow(lines: Iterable[str], packages: int) -> Iterator[tuple[int, str]]:
    """Turn what pip says into messages: yield the number of the package and the message.

    lines: pip's output. packages: how many are named; those for other systems are taken off.
    """
    number, megabytes = 0, 0.0
    for line in lines:
        if line.startswith("Ignoring "):
            packages -= 1
        elif line.startswith(("Collecting ", "Processing ")):
            number += 1
            name = line.split()[1].rpartition("/")[2]
            yield number, f"{number} of {packages} packages, {megabytes:.0f} MB: {name}"
        elif size := re.match(r"\s+(?:Downloading|Using cached) .*\(([\d.]+) (kB|MB|GB)\)", line):
            megabytes += float(size[1]) * UNITS[size[2]]
        elif line.startswith("Installing collected packages"):
            yield 0, f"{number} packages, {megabytes:.0f} MB: unpacking them, about a minute"


def main(path: Path) -> int:
    """Install what a file of locked requirements names; return pip's status."""
    packages = count_packages(path.read_text(encoding="utf8"))
    begin, is_terminal = time.monotonic(), sys.stdout.isatty()
    command = [sys.executable, "-m", "pip", *PIP.split(), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as pip:
        for number, message in follow(pip.stdout or (), packages):
            if is_terminal:
                print(f"\r\x1b[K{message[:78]}", end="", flush=True)
            elif not number % EVERY:
                print(message, flush=True)
    if is_terminal:
        print()
    if not pip.returncode:
        print(f"Everything is there, after {time.monotonic() - begin:.0f} s")
    return pip.returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
