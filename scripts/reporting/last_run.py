"""Show the results that lie in the project's folder, after a look at whether they are whole.

Whatever is slow to import is imported within functions: this runs at the end of every
`weasel run all`, and most of the time there is nothing new.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from wasabi import msg

from scripts.exceptions import ProjectError, RevisionError
from scripts.reporting.summary import DATA, REPORT, SCORES, as_text, summary
from scripts.storage.atomic import write_text

# What stages make, but not what `weasel run check` does.
MADE, CHECK = ("corpus", "metrics", "packages", "training"), Path("corpus/check")
# Git appends to this file at every commit: what differs from the last one is then another.
HEAD = Path(".git/logs/HEAD")
# What differs from the last commit, kept until a result or the commit is newer.
COMPARISON = Path(".dvc/tmp/comparison.json")


def is_old() -> bool:
    """Whether results or commits are newer than the comparison, or there is none."""
    if not COMPARISON.exists():
        return True
    made = [path for folder in MADE for path in Path(folder).rglob("*") if path.is_file()]
    made = [path for path in (HEAD, *made) if path.exists() and CHECK not in path.parents]
    return COMPARISON.stat().st_mtime < max(path.stat().st_mtime for path in made)


def refuse_damage() -> None:
    """Raise ProjectError where an output, or DVC's copy of it, is not what dvc.lock says."""
    from scripts.storage.damage import find_damage

    if damage := find_damage():
        raise ProjectError(damage[0])


def compare_anew() -> None:
    """Compare results that are whole with the last commit; raises ProjectError for others."""
    refuse_damage()
    from scripts.provenance.comparison import compare_revisions

    comparison = None
    try:
        comparison = compare_revisions()
    except RevisionError as error:
        msg.info(f"Not compared with the last commit. {error}")
    COMPARISON.parent.mkdir(parents=True, exist_ok=True)
    write_text(COMPARISON, json.dumps(comparison))


def read_result(path: Path) -> Any:
    """Read JSON that a run wrote; raises ProjectError where it is missing or broken."""
    try:
        return json.loads(path.read_text(encoding="utf8"))
    except FileNotFoundError:
        raise ProjectError(f"{path} is not there yet: make run") from None
    except ValueError:
        raise ProjectError(f"{path} is not whole: python -m scripts.mend, then make run") from None


def is_shown() -> bool:
    """Whether the page is that of the scores that lie here: it names them by their MD5."""
    if not REPORT.exists():
        return False
    return hashlib.md5(SCORES.read_bytes()).hexdigest().encode() in REPORT.read_bytes()


def show_summary() -> None:
    """Print what was learned and what was kept.

    Raises ProjectError where results are missing or damaged.
    """
    scores, data = read_result(SCORES), read_result(DATA)
    if is_old():
        compare_anew()
    comparison = read_result(COMPARISON)
    msg.divider("What was learned, what was kept")
    print(as_text(summary(scores, data, comparison, sorted(Path("packages").glob("*.whl")))))
    if not is_shown():
        msg.warn(f"{REPORT} is not there, or shows another evaluation: dvc repro report")
