"""A small project whose one stage takes hardly any time, for tests of running experiments.

Its Git remote and its DVC remote are folders beside it. Its data is tracked by DVC, not by Git.
"""

import csv
import os
import subprocess
import sys
from pathlib import Path

import srsly

from tests.conftest import ROOT, write_world

STAGES = """
stages:
  judge:
    cmd: python standin.py
    deps: [data, standin.py]
    params: [data, rehearsal, training]
    outs:
      - metrics/scores.json: {cache: false}
      - metrics/predictions.jsonl
  report:
    cmd: echo
    deps: [metrics/scores.json]
"""
# The program of the stage. F is highest at a ratio of 1, and retention rises with the ratio. Each
# run adds a line to the file in `runs` that is named by its ratio. It waits as long as `runs` has a
# file wait-RATIO, and fails if there is a file fail-RATIO.
STAGE = """
import json, os, pathlib, sys, time
runs = pathlib.Path(RUNS)
import srsly
params = srsly.read_yaml("params.yaml")
ratio = params["rehearsal"]["ratio"]
with (runs / str(ratio)).open("a") as file:
    file.write(f"{os.getpid()} {os.getcwd()}\\n")
while (runs / f"wait-{ratio}").exists():
    time.sleep(0.1)
if (runs / f"fail-{ratio}").exists():
    sys.exit("it cannot be done")
right = int(40 - 20 * abs(ratio - 1))
gold = [[0, 3, "BAND"]]
row = {"gold": gold, "unknown": [], "base": [], "part": "test", "doc": "d"}
texts = pathlib.Path("data/texts").read_text().split()
rows = [row | {"text": x, "doc": x, "tuned": gold * (i < right)} for i, x in enumerate(texts)]
rows += [row | {"text": x, "doc": x, "tuned": gold, "part": "general"} for x in texts]
pathlib.Path("metrics").mkdir(exist_ok=True)
with open("metrics/predictions.jsonl", "w") as file:
    file.writelines(json.dumps(row) + "\\n" for row in rows)
f = round(2 * right / (40 + right), 4)
new = {"ents_f": f, "ents_f_low": f - 0.02, "ents_f_high": f + 0.02, "per_label": {"BAND": {}}}
scores = {"retention": round(0.85 + ratio / 10, 4), "retention_low": 0.8, "retention_high": 1.0}
scores |= {"retention_by": "gold", "gold": {"retention": scores["retention"]}}
scores["agreement"] = {"ents_f": 1.0, "per_label": {"BAND": {}}}
scores["tuned"] = {"new": new, "kept": {"per_label": {"BAND": {}}}}
json.dump(scores, open("metrics/scores.json", "w"))
"""


def sh(folder: Path, *command: str, check: bool = True, **env: str) -> str:
    """Run a command as in the activated environment, and return what it prints, errors included.

    check: whether the test fails when the command does.
    env: environment variables besides those of this process.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "200"} | env
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def make_project(folder: Path) -> Path:
    """Make the project, its remotes and `runs` in `folder`, and return the project's folder.

    The project is a git repository in which nothing is committed yet.
    """
    for name in ("runs", "store", "project"):
        (folder / name).mkdir(parents=True)
    project = folder / "project"
    write_world(project)
    params = srsly.read_yaml(project / "params.yaml")
    params["data"]["source"] = params["rehearsal"]["text"] = "data"
    params["evaluate"]["general"] = "data"
    for path in (*project.glob("data/*"), project / "general.jsonl"):
        path.unlink()
    srsly.write_yaml(project / "params.yaml", params)
    (project / "data/texts").write_text("\n".join(f"n78-{i}" for i in range(40)), encoding="utf8")
    (project / "dvc.yaml").write_text(STAGES, encoding="utf8")
    runs = f"RUNS = {str(folder / 'runs')!r}\n"
    (project / "standin.py").write_text(runs + STAGE, encoding="utf8")
    sh(folder, "git", "init", "--quiet", "--bare", "--initial-branch", "main", "remote.git")
    sh(project, "git", "init", "--quiet", "--initial-branch", "main")
    for key, value in (("user.name", "Test"), ("user.email", "test@localhost")):
        sh(project, "git", "config", key, value)
    dvc = (sys.executable, "-m", "dvc")
    sh(project, *dvc, "init", "--quiet")
    for key, value in (("core.analytics", "false"), ("core.check_update", "false")):
        sh(project, *dvc, "config", key, value)
    sh(project, *dvc, "remote", "add", "--quiet", "--default", "store", str(folder / "store"))
    sh(project, *dvc, "add", "--quiet", "data")
    sh(project, "git", "remote", "add", "origin", str(folder / "remote.git"))
    return project


def save(project: Path, declared: str) -> None:
    """Write the declaration of a sweep, commit everything, and push the commit and the data.

    declared: the text of configs/sweep.yaml.
    """
    (project / "configs").mkdir(exist_ok=True)
    (project / "configs/sweep.yaml").write_text(declared, encoding="utf8")
    sh(project, "git", "add", "--all")
    sh(project, "git", "commit", "--quiet", "--message", "state")
    sh(project, "git", "push", "--quiet", "origin", "main")
    sh(project, sys.executable, "-m", "dvc", "push", "--quiet")


def runs_of(project: Path) -> dict[str, int]:
    """Return how often the stage has begun with each ratio."""
    files = (project.parent / "runs").glob("[0-9]*")
    return {x.name: len(x.read_text(encoding="utf8").splitlines()) for x in files}


def table_of(project: Path) -> list[dict[str, str]]:
    """Return the rows of the sweep's table, metrics/sweep.csv."""
    with (project / "metrics/sweep.csv").open(encoding="utf8", newline="") as file:
        return list(csv.DictReader(file))
