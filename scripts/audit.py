"""Ask whether anything that is locked has a known vulnerability.

    python -m scripts.audit requirements.txt requirements-ray.txt

Leaves with 1 where one was found. What nobody could be asked about is counted and named, and never
called clean; that alone stops nothing, for whether a database answers is not up to a change.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import srsly
import typer
from wasabi import msg

from scripts.reporting.escape import printable

SECONDS = 120
SHOWN = 10
# Of pip-audit: it was called as it cannot be, and would never be able to answer.
USAGE = 2


class AuditError(Exception):
    """Why there is no answer."""


def ask(requirements: list[Path], *options: str, seconds: float = SECONDS) -> list[dict[str, Any]]:
    """What pip-audit reports of every package; AuditError where it reports nothing."""
    files = [part for path in requirements for part in ("--requirement", str(path))]
    # All that is needed stands in the files: nothing is resolved or installed.
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", *files]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command += ["--progress-spinner=off", "--format=json", f"--output={report}", *options]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
        except subprocess.TimeoutExpired:
            raise AuditError(f"no answer within {seconds} seconds") from None
        if done.returncode == USAGE:
            msg.fail(f"pip-audit cannot be called so: {done.stderr}", exits=1)
        if not report.is_file():
            raise AuditError((done.stderr.strip().splitlines() or ["no report"])[-1])
        return srsly.read_json(report)["dependencies"]


def show(packages: list[dict[str, Any]]) -> bool:
    """Print what was found, and what was not asked about; return whether anything was found."""
    skipped = sorted(package["name"] for package in packages if "skip_reason" in package)
    rows = [
        (package["name"], package["version"], found["id"], ", ".join(found["fix_versions"]) or "–")
        for package in packages
        for found in package.get("vulns", [])
    ]
    if rows:
        msg.fail(f"Known vulnerabilities: {len(rows)}. Raise what has them, then make lock.")
        cells = [tuple(map(printable, row)) for row in rows]
        msg.table(cells, header=("package", "version", "which", "mended in"), divider=True)
    if asked := len(packages) - len(skipped):
        msg.info(f"Audited: {asked} packages.")
    if skipped:
        more = ", ..." if len(skipped) > SHOWN else ""
        names = printable(", ".join(skipped[:SHOWN]))
        msg.warn(f"Not audited: {len(skipped)} packages, unknown to the database: {names}{more}")
    return bool(rows)


def main(requirements: Annotated[list[Path], typer.Argument(exists=True)]) -> None:
    """Ask whether anything that is locked has a known vulnerability."""
    try:
        packages = ask(requirements)
    except AuditError as error:
        msg.warn(f"Not audited: nothing at all. {printable(str(error))}")
    else:
        raise SystemExit(show(packages))


if __name__ == "__main__":
    typer.run(main)
