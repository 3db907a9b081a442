"""Measure how fast the demo runs: from nothing, with nothing to do, and in training.

    python -m weasel run pipeline benchmarks

Prints a table with the median of each measurement, a yardstick to compare it with, and the ratio of
the two. All yardsticks are measured in the same run, except that of the cold run, which is two
minutes. Works on a clone of the last commit in a temporary folder. Takes about ten minutes on two
cores, which should be idle.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import spacy
import typer
from spacy.util import load_config
from wasabi import msg

PYTHON = sys.executable
DVC, WEASEL = [PYTHON, "-m", "dvc", "repro"], [PYTHON, "-m", "weasel", "run", "all"]
ROOT = Path(__file__).parents[1]
# A dvc.yaml of one stage, the least that DVC can be given to do.
ONE_STAGE = "stages:\n  one:\n    cmd: python -c \"open('out', 'w')\"\n    outs: [out]\n"
# How many training steps are measured.
STEPS = 400


def run(command: list[str], folder: Path) -> None:
    """Run a command in a folder without showing its output.

    Raises CalledProcessError when the command fails.
    """
    environment = os.environ | {"PATH": f"{Path(PYTHON).parent}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)


def seconds(work: Callable[[], object], times: int) -> float:
    """Call `work` as often as `times` says; return the median of the elapsed seconds."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def cold_run(scratch: Path) -> tuple[Path, float]:
    """Clone the last commit and run every stage, with nothing in DVC's cache.

    scratch: the folder to clone into.

    Returns the clone's folder and the elapsed seconds. Raises CalledProcessError when a stage
    fails.
    """
    clone = scratch / "clone"
    run(["git", "clone", "--quiet", str(ROOT), str(clone)], scratch)
    return clone, seconds(lambda: run(DVC, clone), 1)


def no_op(scratch: Path, clone: Path, times: int) -> list[tuple[str, float, float, str]]:
    """Measure `dvc repro` and `weasel run all` where every stage is up to date.

    The yardstick of `dvc repro` is the same command in a new repository with only one stage. The
    yardstick of `weasel run all` is 1.3 times that, plus weasel's time for a trivial command.

    scratch: the folder to make that repository in.
    clone: the folder of `cold_run`.
    times: how often each command is run.

    Returns rows of (what is measured, seconds, yardstick in seconds, aim for the ratio). Raises
    CalledProcessError when a command fails.
    """
    empty = scratch / "empty"
    empty.mkdir()
    run(["git", "init", "--quiet"], empty)
    run([PYTHON, "-m", "dvc", "init", "--quiet"], empty)
    (empty / "dvc.yaml").write_text(ONE_STAGE)
    (empty / "project.yml").write_text(
        "workflows: {all: [one]}\ncommands: [{name: one, script: [python --version]}]\n"
    )
    run(DVC, empty)
    # Compare with the last commit, which `dvc repro` does not do: nothing is left to do below.
    run(WEASEL, clone)
    yardstick = seconds(lambda: run(DVC, empty), times)
    weasel = seconds(lambda: run(WEASEL, empty), times)
    ours = seconds(lambda: run(DVC, clone), times)
    both = seconds(lambda: run(WEASEL, clone), times)
    return [
        ("dvc repro, nothing to do (s)", ours, yardstick, "at most 1.30"),
        ("weasel run all, nothing to do (s)", both, 1.3 * yardstick + weasel, "at most 1.00"),
    ]


def training(scratch: Path, clone: Path, times: int) -> list[tuple[str, float, float, str]]:
    """Measure STEPS steps of training against two other ways to train them.

    One yardstick is the full pipeline with all other components frozen, where the project trains
    the component alone. The other is training with the BLIS kernels that the library picks for this
    processor, where the project chooses them itself (scripts/runtime/kernels.py).

    scratch: the folder for configs and models.
    clone: the folder of `cold_run`.
    times: how often each training is run.

    Returns rows of (what is measured, seconds, yardstick in seconds, aim for the ratio). Raises
    CalledProcessError when a training fails.
    """
    lean = load_config(clone / "training/config.cfg")
    lean["training"] |= {"max_steps": STEPS, "eval_frequency": 50, "patience": 0, "max_epochs": 0}
    lean["training"]["logger"]["progress_bar"] = None
    (name,) = lean["nlp"]["pipeline"]
    base = spacy.load(clone / "training/base")
    full = lean.copy()
    full["nlp"]["pipeline"] = [*base.pipe_names, name]
    full["components"] |= {other: {"source": "training/base"} for other in base.pipe_names}
    full["training"]["frozen_components"] = base.pipe_names
    paths = {"lean": scratch / "lean.cfg", "full": scratch / "full.cfg"}
    lean.to_disk(paths["lean"])
    full.to_disk(paths["full"])

    def train(kind: str, *modules: str) -> float:
        command = [PYTHON, "-m", *modules, "train", str(paths[kind])]
        command += ["--output", str(scratch / kind), "--code", "scripts/functions.py"]
        return seconds(lambda: run(command, clone), times)

    chosen = ("scripts.runtime.kernels", "spacy")
    own = train("lean", *chosen)
    return [
        (f"training, {STEPS} steps (s)", own, train("full", *chosen), "at most 0.75"),
        ("the same, kernels (s)", own, train("lean", "spacy"), "at most 1.10"),
    ]


def main(
    times: int = typer.Option(
        5, help="How often each command is run, training three times at most"
    ),
) -> None:
    """Measure how fast the demo runs: from nothing, with nothing to do, and in training."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        msg.info("Cold run of the demo")
        clone, cold = cold_run(scratch)
        rows = [("cold run of the demo (s)", cold, 120.0, "at most 1.00")]
        msg.info("Nothing to do")
        rows += no_op(scratch, clone, times)
        msg.info("Training")
        rows += training(scratch, clone, min(times, 3))
    table = [
        (name, f"{own:,.2f}", f"{other:,.2f}", f"{own / other:.2f}", aim)
        for name, own, other, aim in rows
    ]
    header = ("", "measured", "yardstick", "ratio", "aim for the ratio")
    msg.table(table, header=header, divider=True, aligns=("l", "r", "r", "r", "l"))


if __name__ == "__main__":
    typer.run(main)
