"""Experiments run once, in DVC's queue or on workers elsewhere, whatever fails or dies."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from scripts.experiments.cluster import SENT
from scripts.experiments.on_worker import Trial, run_trial
from scripts.provenance.comparison import compare_revisions
from tests.ray_cluster import cluster
from tests.standin import make_project, runs_of, save, sh, table_of

# The tests here start DVC's queue or Ray.
pytestmark = pytest.mark.slow

SWEEP = (sys.executable, "-m", "scripts.sweep")


def wait_for_runs(project: Path, expected: dict[str, int], driver: subprocess.Popen) -> None:
    """Wait until the stage has begun so many times with each ratio, as long as the command runs."""
    while runs_of(project) != expected:
        assert driver.poll() is None, f"the command ended with {driver.returncode}"
        time.sleep(0.1)


def test_what_failed_is_named_and_runs_again_alone(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    save(project, "grid:\n  rehearsal.ratio: [0, 1]\n")
    fail = tmp_path / "runs/fail-0.0"
    fail.touch()
    output = sh(project, *SWEEP, "--jobs", "2", check=False)
    assert "Failed: 1 of 2" in output
    (line,) = (line for line in output.splitlines() if ": dvc queue logs " in line)
    logs = sh(project, "dvc", *line.rpartition(": dvc ")[2].split())
    assert "it cannot be done" in logs
    assert [row["ratio"] for row in table_of(project)] == ["1.0"]
    fail.unlink()
    output = sh(project, *SWEEP)
    assert runs_of(project) == {"0.0": 2, "1.0": 1}
    rows = table_of(project)
    assert [(row["ratio"], row["new_f"]) for row in rows] == [("0.0", "0.6667"), ("1.0", "1.0")]
    (line,) = (line for line in output.splitlines() if line.startswith("dvc exp apply"))
    sh(project, *line.split())
    assert "ratio: 1.0" in (project / "params.yaml").read_text(encoding="utf8")


def sweep_all(project: Path) -> None:
    """Sweep until every trial has run: a worker of DVC's that is about to end can lose one."""
    if "Failed: " in sh(project, *SWEEP, check=False):
        sh(project, *SWEEP)


def test_trials_of_other_data_are_not_shown(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    save(project, "grid:\n  rehearsal.ratio: [0, 1]\n")
    sweep_all(project)
    rows = table_of(project)
    assert len(rows) == 2 and len({row["made_of"] for row in rows}) == 1
    pictures = [(project / f"docs/{name}.svg").read_bytes() for name in ("sweep", "trials")]
    # A commit that changes nothing that figures depend on.
    params, trials = project / "params.yaml", (sys.executable, "-m", "scripts.trials")
    params.write_text(params.read_text().replace("1.0.0", "2.0.0"), encoding="utf8")
    sh(project, "git", "commit", "--quiet", "--all", "--message", "version")
    sh(project, *trials)
    with (project / "data/texts").open("a", encoding="utf8") as file:
        file.write("\nn78-more")
    sh(project, "dvc", "add", "--quiet", "data")
    sh(project, "git", "commit", "--quiet", "--all", "--message", "data")
    output = sh(project, *trials, check=False)
    assert "Not shown: trials of" in output and "made with other data" in output
    assert "made of what is here" in output and "dvc exp apply" not in output
    assert pictures == [(project / f"docs/{name}.svg").read_bytes() for name in ("sweep", "trials")]
    sweep_all(project)
    assert {row["made_of"] for row in table_of(project)}.isdisjoint({rows[0]["made_of"]})
    assert runs_of(project) == {"0.0": 2, "1.0": 2}


def test_a_queue_without_workers_gets_others(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    save(project, "grid:\n  rehearsal.ratio: [0, 1]\n")
    (tmp_path / "runs/wait-0.0").touch()
    (tmp_path / "runs/wait-1.0").touch()
    driver = subprocess.Popen(SWEEP, cwd=project, env=environment())
    while not (began := runs_of(project)):
        assert driver.poll() is None, f"the command ended with {driver.returncode}"
        time.sleep(0.1)
    (ratio,) = began
    ((stage, _),) = stages_of(project, ratio)
    (worker,) = (x for x in psutil.Process(stage).parents() if "queue-worker" in x.cmdline())
    worker.kill()
    for wait in ("0.0", "1.0"):
        (tmp_path / f"runs/wait-{wait}").unlink()
    assert driver.wait() == 1
    # The other trial, which waited in the queue, has run; that of the dead worker has failed.
    (other,) = {"0.0", "1.0"} - {ratio}
    assert [row["ratio"] for row in table_of(project)] == [other]
    sh(project, *SWEEP)
    assert runs_of(project) == {ratio: 2, other: 1}
    assert [row["ratio"] for row in table_of(project)] == ["0.0", "1.0"]


def stages_of(project: Path, ratio: str) -> list[tuple[int, Path]]:
    """The process and the folder of each run of the stage with a ratio, in their order."""
    text = (project.parent / "runs" / ratio).read_text(encoding="utf8")
    parts = [line.split(maxsplit=1) for line in text.splitlines()]
    return [(int(process), Path(folder)) for process, folder in parts]


def worker_of(project: Path, ratio: str) -> psutil.Process:
    """Ray's process that runs the trial with a ratio."""
    stage = psutil.Process(stages_of(project, ratio)[0][0])
    (worker,) = (x for x in stage.parents() if "ray::run_trial" in " ".join(x.cmdline()))
    return worker


def test_a_worker_that_dies_costs_its_trial_alone(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = make_project(tmp_path)
    save(project, "grid:\n  rehearsal.ratio: [0.5, 1]\n")
    waits = [tmp_path / f"runs/wait-{ratio}" for ratio in ("0.5", "1.0")]
    for wait in waits:
        wait.touch()
    clones = tmp_path / "cache"
    with cluster(2, XDG_CACHE_HOME=str(clones)) as address:
        on_ray = ("--engine", "ray", "--address", address)
        driver = subprocess.Popen([*SWEEP, *on_ray], cwd=project, env=environment())
        wait_for_runs(project, {"0.5": 1, "1.0": 1}, driver)
        worker_of(project, "0.5").kill()
        wait_for_runs(project, {"0.5": 2, "1.0": 1}, driver)
        for wait in waits:
            wait.unlink()
        assert driver.wait() == 0
    assert runs_of(project) == {"0.5": 2, "1.0": 1}
    (_, first), (_, second) = stages_of(project, "0.5")
    ((_, other_trial),) = stages_of(project, "1.0")
    # The other trial ran all the while, and shared its clone with none of them.
    assert other_trial not in (first, second)
    assert all(folder.is_relative_to(clones) for folder in (first, second, other_trial))
    rows = table_of(project)
    assert [row["new_f"] for row in rows] == ["0.8571", "1.0"]
    # Everything is in one place: here, and for whoever pulls it.
    other = tmp_path / "other"
    sh(tmp_path, "git", "clone", "--quiet", "remote.git", str(other))
    sh(other, "dvc", "exp", "pull", "--quiet", "origin")
    shown = sh(other, "dvc", "exp", "show", "--csv")
    assert all(row["name"] in shown for row in rows)
    for place in (project, other):
        monkeypatch.chdir(place)
        compared = compare_revisions(rows[0]["name"], rows[1]["name"])
        assert compared["rows"][0]["difference"] == 0.1429
    assert "dvc exp apply " + rows[1]["name"] in sh(other, sys.executable, "-m", "scripts.trials")


def environment() -> dict[str, str]:
    root = str(Path(__file__).parents[1])
    return os.environ | {"PYTHONPATH": root, "RAY_USAGE_STATS_ENABLED": "0"}


def test_workers_need_no_file_of_the_project(tmp_path: Path) -> None:
    cloudpickle = pytest.importorskip("ray").cloudpickle
    trial = Trial("name", [], ("evaluate",), "HEAD", "refs/", str(tmp_path / "nowhere"), ("", ""))
    for module in SENT:
        cloudpickle.register_pickle_by_value(module)
    sent = cloudpickle.dumps((run_trial, trial))
    for module in SENT:
        cloudpickle.unregister_pickle_by_value(module)
    (tmp_path / "sent").write_bytes(sent)
    # Python starts in a folder where there is no package `scripts`.
    code = "import pickle; run, trial = pickle.load(open('sent', 'rb')); print(run(trial))"
    log = sh(tmp_path, sys.executable, "-c", code, PYTHONPATH="", XDG_CACHE_HOME=str(tmp_path))
    assert "nowhere' does not exist" in log


def test_what_workers_could_not_get_or_give_is_said_before_any_work(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    project = make_project(tmp_path)
    save(project, "grid:\n  rehearsal.ratio: [0, 0.5, 1]\n")
    on_ray = ("--engine", "ray", "--address", "127.0.0.1:1")
    assert "No Ray cluster at 127.0.0.1:1" in sh(project, *SWEEP, *on_ray, check=False)
    sh(project, "git", "commit", "--quiet", "--allow-empty", "--message", "not pushed")
    assert "git push" in sh(project, *SWEEP, *on_ray, check=False)
    assert "nowhere: git does not reach it" in sh(
        project, *SWEEP, *on_ray, "--remote", "nowhere", check=False
    )
    sh(project, "dvc", "remote", "remove", "store")
    sh(project, "git", "commit", "--quiet", "--all", "--message", "no store")
    sh(project, "git", "push", "--quiet", "origin", "main")
    assert "dvc remote add --default" in sh(project, *SWEEP, *on_ray, check=False)
    assert runs_of(project) == {}
