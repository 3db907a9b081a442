"""Run a commit again from nothing, and say bit by bit what comes out the same.

    python -m scripts.reproduce [COMMIT] [--here]

Clones the repository, installs what the commit's requirements.txt locks, runs every stage, and
compares what comes out with the commit's dvc.lock. Ends with status 1 if something differs, and
says which differences between the environments may be the reason. The project's folder is not
touched.
"""

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from scripts.exceptions import RevisionError, door
from scripts.provenance.rerun import (
    ENVIRONMENT,
    changed_files,
    clone,
    explain,
    list_outputs,
    repeat,
)
from scripts.provenance.revisions import LOCK, git, read_committed, resolve
from scripts.settings.yaml_file import parse_yaml, read_yaml


def compare(commit: str, folder: Path) -> bool:
    """Print what came out the same, and what may be the reason for the rest.

    folder: where the commit was run again.

    Returns whether everything is the same.
    """
    recorded = parse_yaml(git("show", f"{commit}:{LOCK}"), LOCK)
    outputs = list_outputs(recorded, read_yaml(folder / LOCK))
    caches = [Path(".dvc/cache"), folder / ".dvc/cache"]
    table = []
    for output in outputs:
        same = output.before == output.after
        files = ", ".join(changed_files(output, caches)[:3])
        table.append((output.stage, output.path, "the same" if same else f"differs {files}"))
    msg.table(table, header=("Stage", "Output", "Bits"), divider=True)
    different = [output for output in outputs if output.before != output.after]
    if not different:
        msg.good(f"All {len(outputs)} outputs of {commit} are the same, bit by bit.")
        return True
    msg.fail(f"{len(different)} of {len(outputs)} outputs differ, first in {different[0].stage}.")
    environment = (folder / ENVIRONMENT).read_text("utf8")
    for line in explain(read_committed(commit, ENVIRONMENT), environment):
        print(f"  {line}")
    return False


@door
def main(
    commit: Annotated[str, typer.Argument(help="Commit, branch or tag")] = "HEAD",
    here: Annotated[
        bool, typer.Option("--here", help="In this environment: faster, and proves less")
    ] = False,
) -> None:
    """Run a commit again from nothing, and say bit by bit what comes out the same."""
    # The full hash, because a clone does not have the names of experiments.
    found = resolve(commit)
    if not found or read_committed(found, LOCK) is None:
        raise RevisionError(f"{commit} has no {LOCK}: a new run can be compared with nothing.")
    # Beside the project, so that data beside it is found.
    with tempfile.TemporaryDirectory(dir=Path.cwd().parent, prefix=".reproduce-") as folder:
        clone(found, Path(folder))
        repeat(Path(folder), here)
        same = compare(found, Path(folder))
    raise SystemExit(not same)


if __name__ == "__main__":
    typer.run(main)
