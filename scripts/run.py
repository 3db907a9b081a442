"""Run every stage whose inputs changed, then say what was learned and kept.

    python -m scripts.run

`dvc repro`, in this process, and the summary. Where DVC cannot go on because a killed run left half
of what DVC writes, that is thrown away first. Where a stage fails, the reason may be that what it
read was damaged; then that is said, too.
"""

import sys

from dvc.cli import main as dvc
from dvc.repo import Repo
from wasabi import msg

from scripts.reporting.refresh import refuse_damage
from scripts.reporting.refresh import show_summary as summary


def heal() -> bool:
    """Throw away what DVC cannot read; return whether there was anything."""
    from dvc.lock import LockError

    from scripts.exceptions import RunningError
    from scripts.storage.damage import throw_unreadable

    try:
        with Repo() as repo, repo.lock:
            thrown = [*throw_unreadable(repo)]
    except (LockError, RunningError):
        return False
    for path in thrown:
        msg.warn(f"{path} was half-written, by a run that was killed: thrown away")
    return bool(thrown)


def main() -> None:
    """Run every stage whose inputs changed, then say what was learned and kept."""
    status = dvc(["repro"])
    if status and heal():
        status = dvc(["repro"])
    if status:
        refuse_damage()
        sys.exit(status)
    summary()


if __name__ == "__main__":
    main()
