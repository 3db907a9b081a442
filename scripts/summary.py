"""Say what the last run came to, for a person, in ten lines; make the report where it is old.

    python -m scripts.summary

Imports nothing heavy unless there is something new: it runs at the end of every `weasel run all`.
"""

import json
from pathlib import Path
from typing import Any

from wasabi import msg

from scripts.reporting.summary import COMPARISON, DATA, HEAD, REPORT, SCORES, as_text, summary

# What stages make, but not what `weasel run check` does.
MADE, CHECK = ("corpus", "packages", "training"), Path("corpus/check")


def is_old() -> bool:
    """Whether results or commits are newer than the report."""
    made = [path for folder in MADE for path in Path(folder).rglob("*") if path.is_file()]
    made = [path for path in made if CHECK not in path.parents]
    inputs = [path.stat().st_mtime for path in (SCORES, HEAD, *made) if path.exists()]
    if not REPORT.exists() or not COMPARISON.exists():
        return True
    return REPORT.stat().st_mtime < max(inputs)


def refuse_damage() -> None:
    """Leave with status 1 where something is not what DVC believes it to be."""
    from scripts.storage.damage import find_damage

    if damage := find_damage():
        msg.fail(f"{damage[0]} is not whole. To throw away what is not, and see how to go on:")
        print("python -m scripts.mend")
        raise SystemExit(1)


def read(path: Path) -> Any:
    """Read JSON that a run wrote, or leave with status 1."""
    try:
        return json.loads(path.read_text(encoding="utf8"))
    except FileNotFoundError:
        msg.fail(f"{path} is not there yet: make run", exits=1)
    except ValueError:
        msg.fail(f"{path} is not whole: python -m scripts.mend, then make run", exits=1)


def main() -> None:
    """Print the summary of what lies in the project's folder."""
    scores, data = read(SCORES), read(DATA)
    if is_old():
        refuse_damage()
        from scripts.report import main as report

        report(REPORT)
    comparison = read(COMPARISON)
    msg.divider("What was learned, what was kept")
    print(as_text(summary(scores, data, comparison, sorted(Path("packages").glob("*.whl")))))


if __name__ == "__main__":
    main()
