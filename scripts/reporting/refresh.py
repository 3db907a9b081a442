"""Show the results that lie in the project's folder, after renewing the report where it is old.

Whatever is slow to import is imported within functions: this runs at the end of every
`weasel run all`, and most of the time there is nothing new.
"""

import json
from pathlib import Path
from typing import Any

from wasabi import msg

from scripts.exceptions import ProjectError
from scripts.reporting.summary import COMPARISON, DATA, HEAD, REPORT, SCORES, as_text, summary

# What stages make, but not what `weasel run check` does.
MADE, CHECK = ("corpus", "packages", "training"), Path("corpus/check")


def is_old() -> bool:
    """Whether results or commits are newer than the report, or there is none."""
    if not REPORT.exists() or not COMPARISON.exists():
        return True
    made = [path for folder in MADE for path in Path(folder).rglob("*") if path.is_file()]
    made = [path for path in made if CHECK not in path.parents]
    newest = max(path.stat().st_mtime for path in (SCORES, HEAD, *made) if path.exists())
    return REPORT.stat().st_mtime < newest


def refuse_damage() -> None:
    """Raise ProjectError where an output, or DVC's copy of it, is not what dvc.lock says."""
    from scripts.storage.damage import find_damage

    if damage := find_damage():
        raise ProjectError(damage[0])


def renew_report() -> None:
    """Write the report anew from results that are whole; raises ProjectError for others."""
    refuse_damage()
    from scripts.reporting.evaluation import write_report

    write_report(REPORT)
    msg.good(f"The evaluation as a page: {REPORT}")


def read_result(path: Path) -> Any:
    """Read JSON that a run wrote; raises ProjectError where it is missing or broken."""
    try:
        return json.loads(path.read_text(encoding="utf8"))
    except FileNotFoundError:
        raise ProjectError(f"{path} is not there yet: make run") from None
    except ValueError:
        raise ProjectError(f"{path} is not whole: python -m scripts.mend, then make run") from None


def show_summary() -> None:
    """Print what was learned and what was kept, and renew the report where it is old.

    Raises ProjectError where results are missing or damaged.
    """
    scores, data = read_result(SCORES), read_result(DATA)
    if is_old():
        renew_report()
    comparison = read_result(COMPARISON)
    msg.divider("What was learned, what was kept")
    print(as_text(summary(scores, data, comparison, sorted(Path("packages").glob("*.whl")))))
