"""Run every stage whose inputs changed, then say what was learned and kept.

    python -m scripts.run

This is `dvc repro`, in this process, and the summary. If DVC cannot go on because a killed run left
half of a file that DVC writes, that file is thrown away and DVC runs again. If a stage fails and
something that it may have read is damaged, that is said, too.
"""

import sys

from wasabi import msg

from scripts.exceptions import RunningError, door
from scripts.reporting.last_run import refuse_damage, show_summary
from scripts.storage.dvc import lock_repo, reproduce


def throw_half_written() -> bool:
    """Throw away what DVC cannot read; return whether there was anything."""
    from scripts.storage.damage import throw_unreadable

    try:
        with lock_repo() as repo:
            thrown = [*throw_unreadable(repo)]
    except RunningError:
        return False
    for path in thrown:
        msg.warn(f"{path} was half-written, by a run that was killed: thrown away")
    return bool(thrown)


@door
def main() -> None:
    """Run every stage whose inputs changed, then say what was learned and kept."""
    status = reproduce()
    if status and throw_half_written():
        status = reproduce()
    if status:
        refuse_damage()
        sys.exit(status)
    show_summary()


if __name__ == "__main__":
    main()
