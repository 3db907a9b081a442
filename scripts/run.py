"""Run every stage whose inputs changed, then say what was learned and kept.

    python -m scripts.run [STAGE]

This is `dvc repro`, in this process, and the summary. Before anything, params.yaml is checked as a
whole. If DVC cannot go on because a killed run left half of a file that DVC writes, that file is
thrown away and DVC runs again. If a stage fails and a copy in DVC's cache that it may have read is
damaged, that is said, too. With a stage, it runs up to that, and says only what is wrong.
"""

from typing import Annotated

import typer
from wasabi import msg

from scripts.exceptions import RunningError, door
from scripts.params import load_params
from scripts.reporting.last_run import show_summary
from scripts.runtime.gpu import refuse_missing_gpu
from scripts.storage.dvc import lock_repo, open_repo, remove, reproduce
from scripts.storage.paths import refuse_missing_paths


def throw_half_written() -> bool:
    """Throw away what DVC cannot read; return whether there was anything."""
    from scripts.storage.damage import find_unreadable

    try:
        with lock_repo() as repo:
            thrown = [*find_unreadable(repo)]
            for path in thrown:
                remove(repo, path)
    except RunningError:
        return False
    for path in thrown:
        msg.warn(f"{path} was half-written, by a run that was killed: thrown away")
    return bool(thrown)


def show_damage() -> None:
    """Say whether a copy in DVC's cache is damaged; nothing is said of what merely differs."""
    from scripts.storage.damage import find_damaged_copies

    with open_repo() as repo:
        for sentence in find_damaged_copies(repo)[:1]:
            msg.fail(sentence)


@door
def main(
    stage: Annotated[str, typer.Argument(help="Run up to this stage; all if none is named")] = "",
) -> None:
    """Run every stage whose inputs changed, then say what was learned and kept."""
    params = load_params()
    refuse_missing_paths(params)
    if stage:
        raise SystemExit(reproduce(stage, quiet=True))
    refuse_missing_gpu(params.training.gpu_id)
    status = reproduce()
    if status and throw_half_written():
        status = reproduce()
    if status:
        show_damage()
        raise SystemExit(status)
    show_summary()


if __name__ == "__main__":
    typer.run(main)
