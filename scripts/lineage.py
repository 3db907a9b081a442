"""Where a model comes from: the commits that made it, its inputs, and what differs between two.

    python -m scripts.lineage packages/en_telecom_ner-1.0.0-py3-none-any.whl [OTHER]

What is not where it is said to be is looked for in packages/.

Takes a wheel, an sdist, an installed or unpacked package, or a pipeline's folder such as
training/model. Every commit's dvc.lock names what it made by content, so a model does not have to
name its commit. Ends with status 1 if no commit here made the model, or if its files were changed.
"""

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import typer
from wasabi import msg

from scripts.exceptions import RevisionError, door
from scripts.provenance.differences import differences
from scripts.provenance.origins import describe_commit, find_commits, inputs_of, relation
from scripts.provenance.packaged import read_model

PACKAGES = Path("packages")
# How many commits are listed.
SHOWN = 10


def find(path: Path) -> Path:
    """Find a model: where it is said to be, or in `packages`.

    Raises RevisionError, with what may be meant, if it is in neither.
    """
    if path.exists():
        return path
    if (PACKAGES / path.name).exists():
        return PACKAGES / path.name
    names = [x.name for x in sorted(PACKAGES.glob("*-*"))]
    alike = [str(PACKAGES / name) for name in get_close_matches(path.name, names, cutoff=0.5)]
    hint = f"Did you mean {' or '.join(alike)}?" if alike else "dvc checkout brings packages back."
    raise RevisionError(f"There is no {path}, here or in {PACKAGES}. {hint}")


def report(path: Path) -> tuple[dict[str, Any], bool]:
    """Print which commits made a model; return what it was made of, and whether any commit did."""
    model = read_model(path)
    commits = find_commits(model.md5)
    inputs = inputs_of(model, commits)
    msg.divider(str(path))
    print(f"The pipeline is {model.md5} in dvc.lock.")
    if not commits:
        msg.fail(
            "No commit in this repository made it.",
            "It may come from another repository, or its dvc.lock was not committed; "
            "git fetch --all brings the commits of others.",
        )
    for commit in commits[:SHOWN]:
        print(f"{describe_commit(commit)}\n    {relation(commit, model, inputs)}")
    if len(commits) > SHOWN:
        print(f"and {len(commits) - SHOWN} earlier ones")
    return inputs, bool(commits)


@door
def main(
    package: Annotated[Path, typer.Argument(help="Wheel, sdist, installed package or folder")],
    other: Annotated[Path | None, typer.Argument(help="What to compare it with")] = None,
) -> None:
    """Find the commits that made a model, and what differs between it and another one."""
    package, other = find(package), other and find(other)
    told = [report(path) for path in (package, other) if path]
    if other:
        rows = differences(told[0][0], told[1][0], "input")
        msg.divider("What differs")
        lines = [list(map(str, row.values())) for row in rows]
        if lines:
            msg.table(lines, header=("Input", str(package), str(other)), divider=True)
        else:
            print("Nothing: both were made of the same.")
    raise SystemExit(not all(found for _, found in told))


if __name__ == "__main__":
    typer.run(main)
