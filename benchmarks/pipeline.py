"""How fast the project is, each figure against a yardstick in the same run.

    python -m benchmarks.pipeline

Prints a table of medians and ratios. Works on a clone of the last commit in a scratch folder; the
machine should be idle. Takes about ten minutes on two cores.
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
ONE_STAGE = "stages:\n  one:\n    cmd: python -c \"open('out', 'w')\"\n    outs: [out]\n"
STEPS = 400


def run(command: list[str], folder: Path) -> None:
    """Run a command in a folder, in silence; stop where it fails."""
    environment = os.environ | {"PATH": f"{Path(PYTHON).parent}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)


def seconds(work: Callable[[], object], times: int) -> float:
    """The median time of `work` in seconds."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def cold_run(scratch: Path) -> tuple[Path, float]:
    """Clone the last commit, run everything without any cache; return the clone and the time."""
    clone = scratch / "clone"
    run(["git", "clone", "--quiet", str(ROOT), str(clone)], scratch)
    return clone, seconds(lambda: run(DVC, clone), 1)


def no_op(scratch: Path, clone: Path, times: int) -> list[tuple[str, float, float, str]]:
    """Nothing to do: ours against DVC's in a repository of one stage, and weasel's own start."""
    empty = scratch / "empty"
    empty.mkdir()
    run(["git", "init", "--quiet"], empty)
    run([PYTHON, "-m", "dvc", "init", "--quiet"], empty)
    (empty / "dvc.yaml").write_text(ONE_STAGE)
    (empty / "project.yml").write_text(
        "workflows: {all: [one]}\ncommands: [{name: one, script: [python --version]}]\n"
    )
    run(DVC, empty)
    run(WEASEL, clone)  # makes the report, which dvc alone does not
    yardstick = seconds(lambda: run(DVC, empty), times)
    weasel = seconds(lambda: run(WEASEL, empty), times)
    ours = seconds(lambda: run(DVC, clone), times)
    both = seconds(lambda: run(WEASEL, clone), times)
    return [
        ("dvc repro, nothing to do (s)", ours, yardstick, "at most 1.30"),
        ("weasel run all, nothing to do (s)", both, 1.3 * yardstick + weasel, "at most 1.00"),
    ]


def training(scratch: Path, clone: Path, times: int) -> list[tuple[str, float, float, str]]:
    """The same steps: the component alone against the full pipeline with frozen components, and
    the chosen kernels against those that the libraries take on this processor.
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


def main(times: int = typer.Option(5, help="Runs of each command; the median counts")) -> None:
    """How fast the project is, each figure against a yardstick in the same run."""
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
