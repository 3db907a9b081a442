"""Findings for people and programs: a page, JSON, and a table in the terminal.

The page is one file that loads nothing; every text in it is escaped. It runs no script, and its
policy forbids even that.
"""

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from wasabi import msg

from scripts.intake.findings import CODES, Finding
from scripts.intake.tally import Outcome
from scripts.reporting.escape import printable

ORDER = {code: number for number, code in enumerate(CODES)}


def records_of(total: Outcome) -> dict[str, int]:
    """How many records were read, used and rejected."""
    return {"read": total.read, "used": total.used, "rejected": total.read - total.used}


def sort_findings(findings: list[Finding]) -> list[Finding]:
    """In the order of CODES, within a code as they were found."""
    return sorted(findings, key=lambda finding: ORDER[finding.code])


def count_codes(total: Outcome) -> list[dict[str, Any]]:
    """Each code that was found, errors first."""
    return [
        {"code": code, "severity": CODES[code][0], "count": total.found[code], "meaning": meaning}
        for code, (_, meaning) in CODES.items()
        if total.found[code]
    ]


def write_findings(total: Outcome, folder: Path) -> None:
    """Write findings.json and findings.html."""
    findings = sort_findings(total.findings)
    counts, records = count_codes(total), records_of(total)
    rows = [
        {
            "code": finding.code,
            "severity": finding.severity,
            "path": finding.path,
            "line": finding.line,
            "doc": finding.doc,
            "text": finding.text,
            "advice": finding.advice,
        }
        for finding in findings
    ]
    # All in ASCII: half of a character can stand in what was rejected.
    text = json.dumps({"records": records, "counts": counts, "findings": rows}, indent=2)
    (folder / "findings.json").write_text(text, encoding="utf8")
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    groups = [(code, list(group)) for code, group in groupby(findings, key=lambda x: x.code)]
    page = environment.get_template("findings.html").render(
        records=records, counts=counts, groups=groups, codes=CODES, found=total.found
    )
    (folder / "findings.html").write_text(page, encoding="utf8", errors="backslashreplace")


def show_findings(total: Outcome, folder: Path, most: int = 3) -> None:
    """Print counts by code, the first findings of each, and where the rest is."""
    records = records_of(total)
    msg.info(
        f"{records['read']:,} records read: {records['used']:,} used, "
        f"{records['rejected']:,} rejected"
    )
    if not total.findings:
        msg.good("Nothing found that is wrong.")
        return
    rows = [(x["count"], x["severity"], x["code"], x["meaning"]) for x in count_codes(total)]
    header = ("count", "severity", "code", "what it is")
    msg.table([(f"{n:,}", *row) for n, *row in rows], header=header, divider=True)
    for finding in first_findings(sort_findings(total.findings), most):
        where = f"{finding.path}:{finding.line}" if finding.line else finding.path
        title = f"{finding.code}: {where}" + (f" ({finding.doc})" if finding.doc else "")
        getattr(msg, "fail" if finding.severity == "error" else "warn")(printable(title))
        for line in (finding.text, finding.advice):
            msg.text(printable(line), show=bool(line))
    msg.text(f"All of them: {folder / 'findings.html'}")


def first_findings(findings: list[Finding], most: int) -> Iterator[Finding]:
    """The first findings of each code."""
    for _, group in groupby(findings, key=lambda finding: finding.code):
        yield from list(group)[:most]
