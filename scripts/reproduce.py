"""Run a commit again from nothing, and say bit by bit what comes out the same.

    python -m scripts.reproduce [COMMIT] [--here]

Clones the repository, installs what the commit's requirements.txt locks, runs every stage, and
compares what comes out with what the commit's dvc.lock says. Leaves with 1 where something differs,
and says what in the environment may have made it so. Nothing in the project's folder is touched.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, NamedTuple

import srsly
import typer
from wasabi import msg

from scripts.exceptions import RevisionError
from scripts.provenance.differences import differences, flatten
from scripts.provenance.revisions import resolve

LOCK, ENVIRONMENT = "dvc.lock", "training/environment.json"


class Output(NamedTuple):
    """What a stage writes, with its MD5 in the commit and in the new run."""

    stage: str
    path: str
    before: str | None
    after: str | None


def run(folder: Path, *command: str, **env: str) -> None:
    """Run a command in a folder, in nobody's environment; what it prints is shown."""
    clean = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    if subprocess.run(command, cwd=folder, env=clean | env).returncode:
        raise RevisionError(f"{' '.join(command)} failed; above it says why.")


def read(commit: str, path: str) -> str | None:
    """A file's text in a commit; None where it has none."""
    done = subprocess.run(
        ["git", "show", f"{commit}:{path}"], capture_output=True, text=True, encoding="utf8"
    )
    return None if done.returncode else done.stdout


def clone(commit: str, folder: Path) -> None:
    """A clean clone at a commit, with the data that DVC tracks, out of this project's cache."""
    run(Path.cwd(), "git", "clone", "--quiet", "--no-checkout", str(Path.cwd()), str(folder))
    run(folder, "git", "checkout", "--quiet", "--detach", commit)
    tracked = subprocess.run(
        ["git", "ls-files", "*.dvc"], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.split("\n")[:-1]
    if tracked:
        dvc = (sys.executable, "-m", "dvc")
        run(folder, *dvc, "cache", "dir", "--local", str(Path(".dvc/cache").resolve()))
        run(folder, *dvc, "checkout", "--quiet", *tracked)


def repeat(folder: Path, here: bool) -> None:
    """Run every stage of a clone, in an environment of its own unless `here`."""
    python = sys.executable
    if not here:
        run(folder, "make", "setup")
        python = str(folder / ".venv/bin/python")
    path = os.pathsep.join([str(Path(python).parent), os.environ["PATH"]])
    run(folder, python, "-m", "dvc", "repro", "--force", "--no-run-cache", PATH=path)


def list_outputs(before: dict, after: dict) -> list[Output]:
    """Every output of two dvc.lock, in the order of the stages."""
    old, new = (
        {(s, out["path"]): out["md5"] for s, stage in x["stages"].items() for out in stage["outs"]}
        for x in (before, after)
    )
    return [Output(*key, old.get(key), new.get(key)) for key in dict.fromkeys([*old, *new])]


def changed_files(output: Output, caches: list[Path]) -> list[str]:
    """The files that differ in a folder, as far as DVC's caches know what was in it."""
    listed = []
    for md5 in (output.before, output.after):
        name = Path("files/md5") / (md5 or "")[:2] / (md5 or "")[2:]
        known = [cache / name for cache in caches if (cache / name).is_file()]
        if not known or not (md5 or "").endswith(".dir"):
            return []
        listed.append({x["relpath"]: x["md5"] for x in json.loads(known[0].read_text("utf8"))})
    before, after = listed
    return [row["file"] for row in differences(before, after, "file")]


def explain(before: str | None, after: str) -> list[str]:
    """What differs between the environments of two runs."""
    if before is None:
        return [f"The commit has no {ENVIRONMENT}: what it ran on is not known."]
    old, new = (flatten(srsly.json_loads(text)) for text in (before, after))
    rows = differences(old, new, "key")
    lines = [f"{row['key']}: {row['before']} → {row['after']}" for row in rows]
    return lines or [
        "The environments are the same in all that is recorded: this difference should not be."
    ]


def compare(commit: str, folder: Path) -> bool:
    """Say what came out the same, and what may be why where it did not; return whether all did."""
    outputs = list_outputs(srsly.yaml_loads(read(commit, LOCK)), srsly.read_yaml(folder / LOCK))
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
    for line in explain(read(commit, ENVIRONMENT), (folder / ENVIRONMENT).read_text("utf8")):
        print(f"  {line}")
    return False


def main(
    commit: Annotated[str, typer.Argument(help="Commit, branch or tag")] = "HEAD",
    here: Annotated[
        bool, typer.Option("--here", help="In this environment: faster, and proves less")
    ] = False,
) -> None:
    """Run a commit again from nothing, and say bit by bit what comes out the same."""
    try:
        # A commit or experiment by its own name: a clone has no names of experiments.
        if not (found := resolve(commit)) or read(found, LOCK) is None:
            msg.fail(
                f"{commit} has no {LOCK}: nothing that a new run can be compared with.", exits=1
            )
        # Beside the project, so that data beside it is found.
        with tempfile.TemporaryDirectory(dir=Path.cwd().parent, prefix=".reproduce-") as folder:
            clone(found, Path(folder))
            repeat(Path(folder), here)
            same = compare(found, Path(folder))
    except RevisionError as error:
        msg.fail(str(error), exits=1)
    raise SystemExit(not same)


if __name__ == "__main__":
    typer.run(main)
