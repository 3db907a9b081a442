"""Show the findings in the data: as a page, as JSON for programs, and as a table in the terminal.

The page is one file that loads nothing and runs no script, which its policy forbids, too. Every
text in it is escaped.
"""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from wasabi import msg

from scripts.intake.findings import CODES, Finding
from scripts.intake.lost_spans import group_fates
from scripts.intake.tally import Outcome, Tally
from scripts.reporting.escape import printable
from scripts.words import amount

# What findings.json says of each finding.
FIELDS = ("code", "severity", "path", "line", "doc", "text", "advice")
ORDER = {code: number for number, code in enumerate(CODES)}


def records_of(total: Outcome) -> dict[str, int]:
    """Count the records that were read, used and rejected."""
    return {"read": total.read, "used": total.used, "rejected": total.read - total.used}


def account_for_spans(total: Tally) -> dict[str, Any]:
    """Count the spans of the labelled data: read = used + left out, in all and of each label.

    "left_out" has how many there are for each reason, a key of CODES.
    """
    groups = group_fates(total.fates)
    return count_fates(sum(groups.values(), Counter())) | {
        "labels": {label: count_fates(lost) for label, lost in groups.items()}
    }


def count_fates(lost: Counter[str]) -> dict[str, Any]:
    """How many spans were read, were used, and were left out for each reason.

    lost: how many spans there are for each reason; the reason of those that are used is empty.
    """
    left_out = {code: number for code, number in lost.most_common() if code}
    return {"read": lost.total(), "used": lost[""], "left_out": left_out}


def sort_findings(findings: list[Finding]) -> list[Finding]:
    """Sort findings in the order of CODES; those of one code stay in the order they were found."""
    return sorted(findings, key=lambda finding: ORDER[finding.code])


def count_codes(total: Outcome) -> list[dict[str, Any]]:
    """Count the findings of each code that occurs, in the order of CODES: errors come first.

    Each row has "code", "severity", "count", and "meaning": what the code stands for.
    """
    return [
        {"code": code, "severity": CODES[code][0], "count": total.found[code], "meaning": meaning}
        for code, (_, meaning) in CODES.items()
        if total.found[code]
    ]


def write_findings(total: Tally, folder: Path) -> None:
    """Write findings.json and findings.html into `folder`."""
    findings = sort_findings(total.findings)
    content = {
        "records": records_of(total),
        "spans": account_for_spans(total),
        "files": [file._asdict() for file in total.understood],
        "passed_over": total.beside,
        "counts": count_codes(total),
    }
    rows = [{name: getattr(finding, name) for name in FIELDS} for finding in findings]
    # As ASCII, which json.dumps writes: a rejected text can hold half of a surrogate pair, and that
    # has no encoding in UTF-8.
    text = json.dumps(content | {"findings": rows}, indent=2)
    (folder / "findings.json").write_text(text, encoding="utf8")
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    groups = [(code, list(group)) for code, group in groupby(findings, key=lambda x: x.code)]
    page = environment.get_template("findings.html").render(
        content | {"groups": groups, "codes": CODES, "found": total.found}
    )
    (folder / "findings.html").write_text(page, encoding="utf8", errors="backslashreplace")


def show_findings(total: Tally, folder: Path, most: int = 3) -> None:
    """Print the count of each code, its first findings, and where all of them are.

    most: how many findings of each code are printed.
    """
    records = records_of(total)
    msg.info(
        f"{amount(records['read'], 'record')} read: {records['used']:,} used, "
        f"{rejected_of(total, folder)}"
    )
    spans = account_for_spans(total)
    reasons = ", ".join(f"{code} {number:,}" for code, number in spans["left_out"].items())
    left_out = spans["read"] - spans["used"]
    msg.info(
        f"{amount(spans['read'], 'span')} read: {spans['used']:,} used, {left_out:,} left out"
        + (f" ({reasons})" if reasons else "")
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


def rejected_of(total: Outcome, folder: Path) -> str:
    """How many records are rejected; where they lie, if there are some."""
    rejected = records_of(total)["rejected"]
    if not rejected:
        return "none rejected"
    stand = "stands" if rejected == 1 else "stand"
    aside = ", ".join(f"{number:,} {answer}" for answer, number in sorted(total.answers.items()))
    aside = f" ({aside})" if aside else ""
    return f"{rejected:,} rejected{aside}, which {stand} whole in {folder / 'rejected.jsonl'}"


def first_findings(findings: list[Finding], most: int) -> Iterator[Finding]:
    """Yield at most `most` findings of each code, from sorted findings."""
    for _, group in groupby(findings, key=lambda finding: finding.code):
        yield from list(group)[:most]
