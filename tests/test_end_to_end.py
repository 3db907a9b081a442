"""The real pipeline on a small corpus, through both doors, as a user runs it."""

import csv
import email
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
import spacy
import srsly
from packaging.requirements import Requirement

from scripts.storage.dvc import hash_path
from tests.projects import ROOT, commit, copy_project, sh, stages_run

STAGES = [*srsly.read_yaml(ROOT / "dvc.yaml")["stages"]]

LEARNING = ["configure", "train", "assemble", "evaluate"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has run once, through weasel, at a path with a space in it."""
    folder = copy_project(tmp_path_factory.mktemp("end to end") / "a project")
    output = sh(folder, "python", "-m", "weasel", "run", "all").stdout
    assert "What was learned, what was kept" in output
    commit(folder)
    return folder


def test_one_command_makes_everything(project: Path) -> None:
    scores = srsly.read_json(project / "metrics/scores.json")
    for model in ("base", "tuned"):
        assert 0 <= scores[model]["new"]["ents_f"] <= 1
        assert scores[model]["kept"]["ents_f"] > 0.3
    assert 0 < scores["retention"] <= 1.2
    for name in ("training/config.cfg", "training/model-best", "training/model"):
        assert (project / name).exists()
    assert len(list((project / "packages").glob("*.whl"))) == 1
    assert [p.name for p in project.rglob(".fetch-*")] == []


def test_everything_else_the_base_says_is_the_same(project: Path) -> None:
    records = srsly.read_jsonl(project / "assets/general.jsonl")
    texts = [record["text"] for record in records][:1000]
    assert len(texts) == 1000
    base, tuned = (
        spacy.load(project / "training" / name, exclude=["ner", "ner_2"])
        for name in ("base", "model")
    )
    attributes = ["TAG", "POS", "MORPH", "LEMMA", "DEP", "HEAD", "SENT_START"]
    for before, after in zip(base.pipe(texts), tuned.pipe(texts), strict=True):
        assert (before.to_array(attributes) == after.to_array(attributes)).all()
        assert {token.tag_ for token in before} != {""}


@pytest.mark.parametrize(
    "door",
    [("dvc", "repro"), ("dvc", "repro", "train"), ("weasel", "run", "train")],
    ids=lambda door: " ".join(door),
)
def test_after_one_door_the_other_has_nothing_to_do(project: Path, door: tuple[str, ...]) -> None:
    before = (project / "dvc.lock").read_bytes()
    output = sh(project, "python", "-m", *door).stdout
    assert stages_run(output) == []
    assert (project / "dvc.lock").read_bytes() == before
    assert sh(project, "git", "status", "--porcelain").stdout == ""


def test_check_looks_and_leaves_nothing_to_do(project: Path) -> None:
    output = sh(project, "python", "-m", "weasel", "run", "check").stdout
    assert "records read" in output
    assert (project / "corpus/check/findings.html").is_file()
    assert stages_run(sh(project, "python", "-m", "dvc", "repro").stdout) == []
    assert sh(project, "git", "status", "--porcelain").stdout == ""


def test_a_change_in_the_readme_runs_nothing(project: Path) -> None:
    with (project / "README.md").open("a") as readme:
        readme.write("\nA comment.\n")
    assert stages_run(sh(project, "python", "-m", "dvc", "repro").stdout) == []
    sh(project, "git", "checkout", "README.md")


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("training.dropout=0.3", [*LEARNING, "judge", "report", "package"]),
        ("package.version=2.0.0", ["report", "package"]),
        ("evaluate.min_retention=0.1", ["judge", "report", "package"]),
        ("data.max_rejected=3", ["preprocess", "judge", "report", "package"]),
    ],
)
def test_a_param_runs_the_stages_that_use_it(project: Path, key: str, expected: list[str]) -> None:
    output = sh(project, "python", "-m", "dvc", "repro", "--dry").stdout
    assert stages_run(output) == []
    sh(project, "python", "-m", "dvc", "exp", "run", "--queue", "-S", key)
    sh(project, "python", "-m", "dvc", "queue", "remove", "--all")
    params = srsly.read_yaml(project / "params.yaml")
    (section, name), value = key.split("=")[0].split("."), key.split("=")[1]
    params[section][name] = type(params[section][name])(value)
    srsly.write_yaml(project / "params.yaml", params)
    output = sh(project, "python", "-m", "dvc", "repro", "--dry").stdout
    sh(project, "git", "checkout", "params.yaml")
    # A dry run cannot know that an output will come out the same: it names what may run.
    assert stages_run(output)[0] == expected[0]
    assert set(stages_run(output)) <= set(expected)


def shown_figures(project: Path) -> str:
    """The MD5 of scores.json, which the page has, with its figures."""
    page = (project / "metrics/report.html").read_text(encoding="utf8")
    scores = srsly.read_json(project / "metrics/scores.json")
    md5 = hash_path(project / "metrics/scores.json")[0]
    assert md5 in page and f"{scores['tuned']['new']['ents_f']:.3f}</p>" in page
    return md5


@pytest.mark.slow
def test_experiments_run_in_place_and_from_the_queue(project: Path) -> None:
    change = ("-S", "training.max_epochs=1")
    run = ("python", "-m", "dvc", "exp", "run")
    output = sh(project, *run, *change, "--name", "in-place").stdout
    assert stages_run(output) == STAGES[2:]
    metrics = sh(project, "python", "-m", "dvc", "metrics", "diff", "--all", "HEAD").stdout
    assert "retention" in metrics and "new_f" in metrics
    assert "training.max_epochs" in sh(project, "python", "-m", "dvc", "params", "diff").stdout
    # The page is that of the figures beside it, wherever they came from.
    here = shown_figures(project)
    sh(project, "git", "checkout", ".")
    sh(project, "python", "-m", "dvc", "checkout")
    before = shown_figures(project)
    assert before != here
    sh(project, "python", "-m", "dvc", "exp", "apply", "in-place")
    assert shown_figures(project) == here
    sh(project, "git", "checkout", ".")
    sh(project, "python", "-m", "dvc", "checkout")
    assert shown_figures(project) == before
    sh(project, *run, "--queue", "-S", "package.version=1.2.3", "--name", "queued")
    sh(project, "python", "-m", "dvc", "queue", "start")
    while "Success" not in (status := sh(project, "python", "-m", "dvc", "queue", "status").stdout):
        assert "Failed" not in status, sh(project, "dvc", "queue", "logs", "queued").stdout
        time.sleep(1)
    shown = sh(project, "python", "-m", "dvc", "exp", "show", "--csv").stdout
    assert "in-place" in shown and "queued" in shown
    # By name, without running anything.
    compare = ("python", "-m", "weasel", "run", "compare", ".", "--vars.after", "in-place")
    output = sh(project, *compare).stdout
    assert "all (new)" in output and "training.max_epochs: 2 → 1" in output
    assert sh(project, "git", "status", "--porcelain").stdout == ""


def test_dvc_shows_metrics_and_the_graph(project: Path) -> None:
    assert "retention" in sh(project, "python", "-m", "dvc", "metrics", "show").stdout
    assert "assemble" in sh(project, "python", "-m", "dvc", "dag", "--dot").stdout
    for path in ("metrics/labels.csv", "metrics/confusion.csv"):
        drawn = sh(project, "python", "-m", "dvc", "plots", "show", "--show-vega", path).stdout
        with (project / path).open(encoding="utf8", newline="") as file:
            rows = list(csv.DictReader(file))
        values = json.loads(drawn)["data"]["values"]
        assert [{key: row[key] for key in rows[0]} for row in values] == rows


def test_the_report_is_there_and_loads_nothing(project: Path) -> None:
    shown_figures(project)
    page = (project / "metrics/report.html").read_text(encoding="utf8")
    assert (
        "What was learned, what was kept" in page and "http:/" not in page and "https:/" not in page
    )
    assert len((project / "metrics/predictions.jsonl").read_text(encoding="utf8").splitlines()) > 60
    for name in ("en_small_ner 1.0.0", "en_base_sm 1.0.0", "assets/small", "extend"):
        assert name in page


def test_the_report_compared_is_another_page(project: Path) -> None:
    page = (project / "metrics/report.html").read_bytes()
    command = ("python", "-m", "scripts.compare", "--page", "metrics/comparison.html")
    assert "compared with HEAD" in " ".join(sh(project, *command).stdout.split())
    compared = (project / "metrics/comparison.html").read_text(encoding="utf8")
    assert "<h3>Against HEAD</h3>" in compared and "scripts.compare HEAD" not in compared
    assert (project / "metrics/report.html").read_bytes() == page
    assert sh(project, "git", "status", "--porcelain").stdout == ""
    other = sh(project, *command, "HEAD", "HEAD", check=False)
    assert other.returncode == 2 and "shows what lies here, not HEAD" in other.stderr


def use_one_core() -> None:
    """Leave one core to the process that starts, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


@pytest.mark.slow
def test_a_killed_run_goes_on_cleanly_and_gives_the_same_bytes(
    project: Path, tmp_path: Path
) -> None:
    folder = copy_project(tmp_path / "killed")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # Another hash seed, time zone, locale, umask and number of workers than in the first project.
    elsewhere: dict[str, Any] = {
        "cwd": folder,
        "env": os.environ
        | {"PATH": path, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C"},
        "umask": 0o077,
        "preexec_fn": use_one_core,
        "start_new_session": True,
    }
    command = [sys.executable, "-m", "dvc", "repro"]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **elsewhere
    )
    while not (folder / "training/model-last").exists():
        assert process.poll() is None
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    output = subprocess.run(command, capture_output=True, text=True, **elsewhere)
    assert output.returncode == 0, output.stdout + output.stderr
    assert stages_run(output.stdout)[0] == "train"
    lock = sh(project, "git", "show", "HEAD:dvc.lock").stdout
    assert (folder / "dvc.lock").read_text(encoding="utf8") == lock


@pytest.mark.slow
def test_a_commit_run_again_in_a_clean_clone_gives_the_same_bits(project: Path) -> None:
    command = ("python", "-m", "scripts.reproduce", "HEAD", "--here")
    output = " ".join(sh(project, *command, PYTHONHASHSEED="3").stdout.split())
    assert "are the same, bit by bit" in output and "differs" not in output
    assert [path.name for path in project.parent.iterdir()] == [project.name]


def test_a_package_names_the_commit_that_made_it(project: Path, tmp_path: Path) -> None:
    head = sh(project, "git", "log", "-1", "--format=%h", "--", "dvc.lock").stdout.strip()
    ask = ("python", "-m", "scripts.lineage")
    packages = sorted((project / "packages").glob("en_*"))
    assert [path.suffix for path in packages] == [".whl", ".gz"]
    for path in packages:
        output = sh(project, *ask, str(path)).stdout
        assert f"{head} " in output and "made this package" in output
    output = sh(project, "python", "-m", "weasel", "run", "lineage").stdout
    assert f"{head} " in output and "made this pipeline" in output
    # Another repository knows nothing of it.
    sh(tmp_path, "git", "init", "--quiet")
    stranger = sh(tmp_path, *ask, str(packages[0]), check=False, PYTHONPATH=str(project))
    assert stranger.returncode == 1 and "No commit" in stranger.stdout


@pytest.mark.slow
def test_the_package_works_where_spacy_alone_is(project: Path, tmp_path: Path) -> None:
    """In an environment of its own, with the oldest spaCy that the package says it works with."""
    (wheel,) = (project / "packages").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (x for x in archive.namelist() if x.endswith("dist-info/METADATA"))
        (needs,) = email.message_from_bytes(archive.read(name)).get_all("Requires-Dist") or []
    (oldest,) = (x.version for x in Requirement(needs).specifier if x.operator == ">=")
    sh(tmp_path, sys.executable, "-m", "venv", "env")
    python = tmp_path / "env/bin/python"
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    sh(tmp_path, str(python), *pip, f"spacy=={oldest}", str(wheel))
    nlp = spacy.load(project / "training/model")
    records = srsly.read_jsonl(project / "assets/general.jsonl")
    texts = [record["text"] for record in records][:200]
    srsly.write_json(tmp_path / "texts.json", texts)
    code = (
        f"import json, spacy\nassert spacy.__version__ == {oldest!r}\n"
        f"nlp = spacy.load({wheel.name.split('-')[0]!r})\n"
        "texts = json.load(open('texts.json', encoding='utf8'))\n"
        "json.dump([doc.to_json() for doc in nlp.pipe(texts)], open('said.json', 'w'))"
    )
    sh(tmp_path, str(python), "-c", code)
    said = srsly.read_json(tmp_path / "said.json")
    assert len(texts) == 200 and said == [doc.to_json() for doc in nlp.pipe(texts)]


def test_the_gate_stops_the_package_and_says_how_to_go_on(project: Path, tmp_path: Path) -> None:
    folder = tmp_path / "gate"
    shutil.copytree(project, folder)
    params = srsly.read_yaml(folder / "params.yaml")
    params["evaluate"]["min_retention"] = 1.0
    srsly.write_yaml(folder / "params.yaml", params)
    scores = srsly.read_json(folder / "metrics/scores.json")
    scores["gold"]["retention"] = 0.5
    srsly.write_json(folder / "metrics/scores.json", scores)
    files = ("metrics/scores.json", "training/verdict.json")
    script = ("-m", "scripts.package", "training", "corpus", *files, "out")
    done = sh(folder, "python", *script, check=False)
    assert done.returncode == 1
    said = " ".join((done.stdout + done.stderr).split())
    assert "Retention on gold 0.500" in said and "rehearsal.ratio" in said
    assert not (folder / "out").exists()


def wheels(folder: Path) -> list[str]:
    """The versions of the packages in a project."""
    return [path.name.split("-")[1] for path in (folder / "packages").glob("*.whl")]


def experiment(folder: Path, name: str, *options: str) -> None:
    sh(folder, "dvc", "exp", "run", "--name", name, *options)


@pytest.fixture
def own(project: Path, tmp_path: Path) -> Path:
    """A copy of the project, to run experiments in."""
    shutil.copytree(project, tmp_path / "own")
    return tmp_path / "own"


def test_an_experiment_below_the_gate_is_a_result_and_the_tables_fit(own: Path) -> None:
    experiment(own, "strict", "-S", "evaluate.min_retention=1.0")
    assert srsly.read_json(own / "metrics/scores.json")["retention"] < 1
    shown = list(csv.DictReader(sh(own, "dvc", "exp", "show", "--csv").stdout.splitlines()))
    (row,) = (row for row in shown if row["Experiment"] == "strict")
    # A failed one would have a state, and the figures of the commit.
    assert row.get("State", "") == ""
    assert (row["ships"], row["evaluate.min_retention"]) == ("False", "1.0")
    # Weasel prints the command, which is a long line.
    shown_command = sh(own, "weasel", "run", "experiments", COLUMNS="80").stdout
    table = shown_command.partition("Running command: ")[2].splitlines()[1:]
    difference = sh(own, "dvc", "metrics", "diff", COLUMNS="80").stdout.splitlines()
    for lines, name in ((table, "[strict]"), (difference, "metrics/summary.json")):
        text = "\n".join(lines)
        assert "ships" in text and name in text and "False" in text and "…" not in text
        assert max(map(len, lines)) <= 80
    assert "new_f" in table[1] and "retention" in table[1] and "evaluate.min_retention" in table[1]


def test_only_a_run_outside_of_experiments_packages(own: Path) -> None:
    def package_version(version: str) -> tuple[str, str]:
        return "-S", f"package.version={version}"

    # In place: what was there is gone, and what is there says that a package is due.
    experiment(own, "here", *package_version("2.0.0"))
    assert list((own / "packages").iterdir()) == []
    assert "verdict.json" in sh(own, "dvc", "status").stdout
    sh(own, "python", "-m", "scripts.summary")
    sh(own, "dvc", "repro")
    assert wheels(own) == ["2.0.0"]
    assert "up to date" in sh(own, "dvc", "status").stdout
    # Elsewhere, as the queue does it; then taken over.
    sh(own, "git", "checkout", ".")
    sh(own, "dvc", "checkout")
    experiment(own, "elsewhere", "--temp", *package_version("3.0.0"))
    assert wheels(own) == ["1.0.0"]
    sh(own, "dvc", "exp", "apply", "elsewhere")
    assert wheels(own) == []
    output = sh(own, "python", "-m", "weasel", "run", "all").stdout
    assert stages_run(output) == ["judge", "package"] and wheels(own) == ["3.0.0"]


@pytest.mark.slow
def test_one_experiment_after_another_can_be_applied(own: Path) -> None:
    experiment(own, "update", "--temp", "-S", "training.strategy=update")
    experiment(own, "one", "--temp", "-S", "training.max_epochs=1")
    for name in ("update", "one", "update"):
        sh(own, "dvc", "exp", "apply", name)
        # Nothing is due but the package, and before it the verdict that an experiment marks.
        assert stages_run(sh(own, "dvc", "repro", "--dry").stdout) == ["judge"]


@pytest.mark.slow
def test_update_learns_within_the_base_component(project: Path, tmp_path: Path) -> None:
    folder = tmp_path / "update"
    shutil.copytree(project, folder)
    sh(folder, "python", "-m", "dvc", "exp", "run", "-S", "training.strategy=update")
    meta = srsly.read_json(folder / "training/model/meta.json")
    assert meta["pipeline"] == srsly.read_json(folder / "training/base/meta.json")["pipeline"]
    assert {"PERSON", "BAND"} <= set(meta["labels"]["ner"])
    assert srsly.read_json(folder / "metrics/scores.json")["tuned"]["new"]["ents_f"] > 0


@pytest.mark.slow
def test_a_sweep_runs_in_the_queue_and_draws_its_points(project: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    shutil.copytree(project, folder)
    grid = {"training.strategy": ["extend"], "rehearsal.ratio": [0, 0.5]}
    srsly.write_yaml(folder / "configs/sweep.yaml", {"grid": grid})
    commit(folder)
    output = sh(folder, "python", "-m", "weasel", "run", "sweep").stdout
    with (folder / "metrics/sweep.csv").open(encoding="utf8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["strategy"], row["ratio"]) for row in rows] == [
        ("extend", "0.0"),
        ("extend", "0.5"),
    ]
    assert all(0 < float(row["new_f"]) < 1 and float(row["retention"]) > 0 for row in rows)
    assert "best" in {row["best"] for row in rows}
    written = {"metrics/sweep.csv", "docs/sweep.svg", "docs/trials.svg"}
    for name in written - {"metrics/sweep.csv"}:
        assert (folder / name).read_text(encoding="utf8").startswith("<svg")
    # Nothing of it is in the workspace but the table and the pictures.
    changed = sh(folder, "git", "status", "--porcelain").stdout.split()
    assert set(changed) - {"M", "??"} == written
    # The same, without running anything; and the command that is printed takes the best.
    (apply,) = (line for line in output.splitlines() if line.startswith("dvc exp apply "))
    assert apply in sh(folder, "python", "-m", "weasel", "run", "trials").stdout
    sh(folder, "git", "checkout", ".")
    sh(folder, *apply.split())
    assert srsly.read_json(folder / "metrics/scores.json")["retention"] > 0
