"""What `spacy train` calls does what the configs need, and gives the same bytes each time."""

import csv
import io
import json
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy
import pytest
import spacy
import srsly
from spacy.cli.train import train
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.util import load_config

from scripts.functions import (
    OVERRIDES,
    batch_by_words,
    copy_weights,
    dvclive_logger,
    examples_once,
    follow,
    gradient,
    learn_labels,
    load_alone,
    move_names,
    probabilities,
    rehearse,
    score_new_and_kept,
    sort_scores,
    valid_moves,
    whole_epochs,
)
from tests.conftest import ROOT, general_records, write_config, write_world

rows: list[dict[str, Any]] = []
batches: list[list[str]] = []


@spacy.registry.loggers("test_rows.v1")
def log_rows() -> Callable[..., Any]:
    """Keep what the training loop logs after each evaluation."""

    def setup(nlp: Language, stdout: IO, stderr: IO) -> tuple[Callable, Callable]:
        def log(info: dict[str, Any] | None) -> None:
            if info is not None:
                rows.append({key: info[key] for key in ("step", "score")})

        return log, lambda: None

    return setup


def test_examples_are_read_once(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    texts = ["Swap the splitter.", "The mast swayed."]
    path = tmp_path / "train.spacy"
    DocBin(docs=[nlp(text) for text in texts]).to_disk(path)
    read = examples_once(str(path))
    first = read(nlp)
    path.unlink()
    again = read(nlp)
    assert [example.reference.text for example in first] == texts
    assert [id(example) for example in again] == [id(example) for example in first]


@spacy.registry.batchers("test_batches.v1")
def log_batches(size: int) -> Callable[..., Any]:
    """whole_epochs.v1, with the texts of its batches kept."""
    inner = whole_epochs(size)

    def batcher(examples: list[Example]) -> Any:
        for batch in inner(examples):
            batches.append([example.text for example in batch])
            yield batch

    return batcher


def examples(number: int) -> list[Example]:
    nlp = spacy.blank("en")
    return [Example(nlp.make_doc(f"text {i}"), nlp.make_doc(f"text {i}")) for i in range(number)]


def weights(model: Any) -> list[numpy.ndarray]:
    return [node.get_param(name) for node in model.walk() for name in node.param_names]


def same(first: Any, second: Any) -> bool:
    return all(
        numpy.array_equal(a, b) for a, b in zip(weights(first), weights(second), strict=True)
    )


# Batches


@pytest.mark.parametrize(("texts", "sizes"), [(1, [1]), (4, [4]), (5, [4, 1]), (12, [4, 4, 4])])
def test_one_empty_text_and_then_the_batches_of_each_epoch(texts: int, sizes: list[int]) -> None:
    batcher = whole_epochs(4)
    data = examples(texts)
    first, second, third = (list(batcher(iter(data))) for _ in range(3))
    assert [len(batch) for batch in first] == [1, *sizes]
    assert first[0][0].text == ""
    for epoch in (first[1:], second, third):
        assert [example for batch in epoch for example in batch] == data
        assert [len(batch) for batch in epoch] == sizes


def test_one_epoch_sees_every_text_once_and_is_evaluated_after_the_last_update(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    params = write_world(tmp_path, training__max_epochs=1, training__batch_size=7)
    path = write_config(tmp_path, params, bases["own"])
    config = load_config(path)
    config["training"]["logger"] = {"@loggers": "test_rows.v1"}
    config["training"]["batcher"]["@batchers"] = "test_batches.v1"
    config.to_disk(path)
    rows.clear()
    batches.clear()
    train(path, tmp_path)
    data = srsly.read_json(tmp_path / "corpus" / "data.json")
    steps = -(-data["texts"]["train"] // 7)
    assert data["texts"]["train"] % 7  # or the smaller last batch is not tried
    assert batches[0] == [""]
    seen = Counter(text for batch in batches[1:] for text in batch)
    assert len(seen) == data["texts"]["train"]
    assert set(seen.values()) == {1}
    assert [row["step"] for row in rows] == [0, steps]
    assert len(batches) - 1 == rows[-1]["step"]
    # The best of these is saved, with its score, which spaCy writes with ten decimals.
    meta = srsly.read_json(tmp_path / "model-best" / "meta.json")
    assert meta["performance"]["ents_f"] == pytest.approx(max(row["score"] for row in rows))


# Labels and weights


def test_labels_are_added_in_the_order_given(bases: dict[str, Path]) -> None:
    nlp = spacy.load(bases["alone"])
    old = [move for move in nlp.get_pipe("ner").move_names if move.startswith("B-")]  # type: ignore[attr-defined]
    learn_labels("ner", ["ZETA", "ALPHA", "MID"])(nlp)
    moves = [move for move in nlp.get_pipe("ner").move_names if move.startswith("B-")]  # type: ignore[attr-defined]
    assert moves == [*old, "B-ZETA", "B-ALPHA", "B-MID"]


def test_copied_weights_are_equal_and_independent(bases: dict[str, Path]) -> None:
    source, target = (spacy.load(bases[kind]).get_pipe("ner").model for kind in ("own", "alone"))  # type: ignore[attr-defined]
    for number, array in enumerate(weights(target)):
        array[...] = number + 1
    assert not same(source, target)
    copy_weights(source, target)
    assert same(source, target)
    weights(target)[0][...] = 7
    assert not same(source, target)


def test_models_of_another_shape_are_not_copied(bases: dict[str, Path]) -> None:
    nlp = spacy.load(bases["own"])
    with pytest.raises(ValueError, match="zip"):
        copy_weights(nlp.get_pipe("tagger").model, nlp.get_pipe("ner").model)  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["own", "listening"])
def test_a_new_component_starts_from_the_embedding_and_hidden_layer_of_the_base(
    kind: str, bases: dict[str, Path], tmp_path: Path
) -> None:
    nlp = init_nlp(load_config(write_config(tmp_path, write_world(tmp_path), bases[kind])))
    learner = nlp.get_pipe("ner_2").model  # type: ignore[attr-defined]
    base = spacy.load(bases[kind])
    old = base.get_pipe("ner").model  # type: ignore[attr-defined]
    embedding = base.get_pipe("tok2vec").model if kind == "listening" else old.get_ref("tok2vec")  # type: ignore[attr-defined]
    ours = learner.get_ref("tok2vec")
    # A copied shared layer stands before the layer that fits it to the component.
    assert same(ours.layers[0] if kind == "listening" else ours, embedding)
    assert same(learner.get_ref("lower"), old.get_ref("lower"))


def test_update_starts_as_the_component_of_the_base(bases: dict[str, Path], tmp_path: Path) -> None:
    params = write_world(tmp_path, training__strategy="update")
    nlp = init_nlp(load_config(write_config(tmp_path, params, bases["listening"])))
    base = spacy.load(bases["listening"])
    text = "Alice Smith lives in Paris ."
    known = [(span.text, span.label_) for span in base(text).ents]
    assert known == [("Alice Smith", "PERSON"), ("Paris", "LOC")]
    assert [(span.text, span.label_) for span in nlp(text).ents] == known
    assert set(nlp.get_pipe("ner").labels) == {"BAND", "GEAR", "LOC", "PERSON"}  # type: ignore[attr-defined]


def test_overrides_in_the_environment_are_refused(
    bases: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    nlp = spacy.load(bases["alone"])
    monkeypatch.setenv(OVERRIDES, "--training.max_epochs 1")
    with pytest.raises(ValueError, match=OVERRIDES):
        learn_labels("ner", ["BAND"])(nlp)


def test_scores_of_labels_are_saved_in_order() -> None:
    nlp = spacy.blank("en")
    nlp.meta["performance"] = {"ents_f": 0.5, "ents_per_type": {"B": {}, "C": {}, "A": {}}}
    assert sort_scores()(nlp) is nlp
    assert list(nlp.meta["performance"]["ents_per_type"]) == ["A", "B", "C"]
    assert nlp.meta["performance"]["ents_f"] == 0.5


# Rehearsal

TEXT = "Alice Smith lives in Paris ."


def recognizer(nlp: Language, name: str = "ner") -> Any:
    return nlp.get_pipe(name)


def learner_of(labels: list[str]) -> Any:
    """A recognizer that has learned nothing and knows these labels alone."""
    nlp = spacy.blank("en")
    ner: Any = nlp.add_pipe("ner")
    for name in labels:
        ner.add_label(name)
    nlp.initialize()
    return ner


def best_moves(learner: Any, targets: numpy.ndarray) -> list[str]:
    names = move_names(learner)
    return [names[best] for best in targets.argmax(axis=1)]


def test_an_open_entity_can_only_go_on_or_end(bases: dict[str, Path]) -> None:
    ner = recognizer(nlp := spacy.load(bases["own"]))
    (state,) = ner.moves.init_batch([nlp.make_doc("Alice Smith")])
    names = numpy.array(move_names(ner))

    def possible() -> set[str]:
        return set(names[valid_moves(ner, [state])[0]])

    assert possible() == {"B-LOC", "B-PERSON", "U-LOC", "U-PERSON", "O"}
    ner.moves.apply_transition(state, "B-PERSON")
    assert possible() == {"L-PERSON"}  # of the last token


def test_probabilities_are_those_of_the_valid_moves() -> None:
    scores = numpy.array([[1000.0, 0.0, 2000.0], [0.0, 0.0, -5.0]], dtype="float32")
    valid = numpy.array([[True, True, False], [True, True, False]])
    assert probabilities(scores, valid).tolist() == [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]]


def test_batches_have_enough_words_and_never_end() -> None:
    nlp = spacy.blank("en")
    docs = [nlp.make_doc(text) for text in ("one two three", "", "four five", "six")]
    batches = batch_by_words(docs, 4)
    found = [[doc.text for doc in next(batches)] for _ in range(3)]
    assert found == [
        ["one two three", "four five"],
        ["six", "one two three"],
        ["four five", "six", "one two three"],
    ]


def test_the_target_is_what_the_base_thinks_of_every_token(bases: dict[str, Path]) -> None:
    nlp = spacy.load(bases["own"])
    base, same_again = (recognizer(spacy.load(bases["own"])) for _ in range(2))
    docs = [nlp.make_doc(TEXT), nlp.make_doc("Rome .")]
    states, targets = follow(base, same_again, docs)
    # The states come token by token, the texts side by side.
    assert best_moves(same_again, targets) == [
        *("B-PERSON", "U-LOC"),
        *("L-PERSON", "O"),
        *("O", "O", "U-LOC", "O"),
    ]
    assert targets.sum(axis=1) == pytest.approx(1)
    # A learner that is the base itself has nothing to learn.
    scores = same_again.model.predict(docs).predict(states)
    own = probabilities(scores, valid_moves(same_again, states))
    assert own == pytest.approx(targets, abs=1e-5)


def test_new_labels_are_not_seen_in_general_text(bases: dict[str, Path]) -> None:
    nlp = spacy.load(bases["own"])
    learner = recognizer(nlp)
    learner.add_label("BAND")
    learner._resize()
    _, targets = follow(recognizer(spacy.load(bases["own"])), learner, [nlp.make_doc(TEXT)])
    new = [name.endswith("-BAND") for name in move_names(learner)]
    assert sum(new) == 4
    assert not targets[:, new].any()


@pytest.mark.parametrize(
    ("labels", "moves"),
    [
        (["BAND"], ["O", "O", "O", "O", "O", "O"]),
        (["BAND", "PERSON"], ["B-PERSON", "L-PERSON", "O", "O", "O", "O"]),
        (["LOC"], ["O", "O", "O", "O", "U-LOC", "O"]),
    ],
)
def test_labels_that_the_learner_has_not_are_nothing_to_it(
    labels: list[str], moves: list[str], bases: dict[str, Path]
) -> None:
    base = spacy.load(bases["own"])
    learner = learner_of(labels)
    states, targets = follow(recognizer(base), learner, [base.make_doc(TEXT)])
    assert best_moves(learner, targets) == moves
    assert targets.sum(axis=1) == pytest.approx(1)
    assert not targets[~valid_moves(learner, states)].any()


@pytest.mark.parametrize("against_new", [0.0, 0.2, 1.0])
def test_the_gradient_is_that_of_the_loss(against_new: float) -> None:
    """The loss as the docstring has it, its slope found by small steps."""
    random = numpy.random.default_rng(0)
    scores = random.normal(size=(1, 5))
    valid = numpy.array([[True, True, True, True, False]])
    old = numpy.array([True, True, False, False, True])
    p = numpy.array([0.7, 0.3, 0.0, 0.0, 0.0])

    def loss(scores: numpy.ndarray) -> float:
        q = numpy.exp(scores[0, :4])
        new = q[2:].sum() / q.sum()
        known = q[:2] / q[:2].sum()
        return float((p[:2] * numpy.log(p[:2] / known)).sum() - against_new * numpy.log(1 - new))

    step = 1e-6 * numpy.eye(5)
    slope = [(loss(scores + d) - loss(scores - d)) / 2e-6 for d in step]
    assert gradient(scores, valid, old, p, against_new)[0] == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize("kind", ["own", "listening", "vectors"])
def test_rehearsal_brings_back_what_was_forgotten(
    kind: str, bases: dict[str, Path], tmp_path: Path
) -> None:
    nlp = load_alone(str(bases[kind]), "ner")
    docs = [nlp.make_doc(record["text"]) for record in general_records()]
    DocBin(docs=docs).to_disk(tmp_path / "general.spacy")
    learner, base = recognizer(nlp), recognizer(load_alone(str(bases[kind]), "ner"))
    output = learner.model.get_ref("upper")
    output.set_param("W", output.get_param("W") * 0)
    states, targets = follow(base, learner, docs)

    def distance() -> float:
        scores = learner.model.predict(docs).predict(states)
        guesses = probabilities(scores, valid_moves(learner, states))
        return float(numpy.abs(guesses - targets).sum(axis=1).mean())

    forgotten = distance()
    path = str(tmp_path / "general.spacy")
    before_update = rehearse("ner", str(bases[kind]), "ner", path, 40, 0.5)
    optimizer = nlp.resume_training()
    before_update(nlp, {"step": 0, "epoch": 0})  # the empty text's
    learner.finish_update(optimizer)
    assert distance() == forgotten > 0.5
    for step in range(1, 60):
        before_update(nlp, {"step": step, "epoch": 0})
        learner.finish_update(optimizer)
    assert distance() < 0.2 * forgotten


# What is written while it learns


@pytest.fixture
def learner() -> Language:
    """A pipeline that learns two labels, one of them with a slash in it."""
    nlp = spacy.blank("en")
    ner: Any = nlp.add_pipe("ner")
    for name in ("BAND", "A/B"):
        ner.add_label(name)
    nlp.initialize()
    nlp.config["training"]["score_weights"] = {"ents_f": 1.0, "ents_p": 0.0, "unused": None}
    return nlp


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is called over the network, with everything set for DVC Studio."""
    addresses: list[Any] = []

    def refuse(*address: Any, **_: Any) -> None:
        addresses.append(address)
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("DVC_STUDIO_TOKEN", "token")
    monkeypatch.setenv("DVC_STUDIO_REPO_URL", "https://example.com/repository")
    monkeypatch.setenv("DVC_EXP_NAME", "trial")  # as `dvc exp run` does
    monkeypatch.setenv("DVC_STUDIO_OFFLINE", "")
    return addresses


def evaluation(step: int, best: tuple[float, int], **per_label: float) -> dict[str, Any]:
    """What the training loop hands to a logger; best: the score and step of an older row."""
    f = 0.123456 * step
    scores = {
        "ents_f": f,
        "ents_per_type": {name: {"p": 0.0, "r": 0.0, "f": f} for name, f in per_label.items()},
    }
    return {
        "epoch": 0,
        "step": step,
        "score": f,
        "other_scores": scores,
        "losses": {"ner": numpy.float32(10.126)},
        "checkpoints": [best, (f, step)],
    }


def log_two(nlp: Language, path: Path | None) -> str:
    """Log two evaluations and a step between them; return what was printed."""
    printed = io.StringIO()
    log_step, finalize = dvclive_logger(str(path) if path else None)(nlp, printed, io.StringIO())
    log_step(evaluation(0, (0.0, 0)))
    log_step(None)
    log_step(evaluation(2, (0.0, 0), BAND=0.5, PERSON=0.9))
    finalize()
    return printed.getvalue()


def read_rows(live: Path) -> dict[str, list[tuple[int, float]]]:
    """The steps and values of every figure that was written."""
    found = {}
    folder = live / "plots" / "metrics"
    for path in folder.rglob("*.tsv"):
        with path.open(encoding="utf8", newline="") as file:
            header, *rows = csv.reader(file, delimiter="\t")
        assert header == ["step", path.stem]
        name = path.relative_to(folder).with_suffix("").as_posix()
        found[name] = [(int(step), float(value)) for step, value in rows]
    return found


def test_every_evaluation_is_a_row_and_an_older_run_is_cleared(
    learner: Language, tmp_path: Path
) -> None:
    live = tmp_path / "live"
    for old in ("plots/metrics/ents_f.tsv", "plots/metrics/label_f/OLD.tsv", "metrics.json"):
        (live / old).parent.mkdir(parents=True, exist_ok=True)
        (live / old).write_text("old\trun\n")
    log_two(learner, live)
    assert read_rows(live) == {
        "score": [(0, 0.0), (2, 0.2469)],
        "ents_f": [(0, 0.0), (2, 0.2469)],
        "ents_p": [(0, 0.0), (2, 0.0)],
        "ents_r": [(0, 0.0), (2, 0.0)],
        "loss": [(0, 10.13), (2, 10.13)],
        "label_f/BAND": [(0, 0.0), (2, 0.5)],
        "label_f/A_B": [(0, 0.0), (2, 0.0)],
    }
    assert json.loads((live / "metrics.json").read_text()) == {
        "epoch": 0,
        "step": 2,
        "loss": 10.13,
        "score": 0.2469,
        "ents_f": 0.2469,
        "ents_p": 0.0,
        "ents_r": 0.0,
        "label_f": {"A_B": 0.0, "BAND": 0.5},
        "best": {"score": 0.2469, "step": 2},
    }


@pytest.mark.parametrize("in_git", [True, False])
def test_only_the_folder_is_written(
    in_git: bool,
    learner: Language,
    calls: list[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    if in_git:
        subprocess.run(["git", "init", "--quiet"], check=True)
    before = contents(tmp_path)
    log_two(learner, Path("live"))
    new = {name: data for name, data in contents(tmp_path).items() if before.get(name) != data}
    assert "live/metrics.json" in new
    assert {name.split("/")[0] for name in new} == {"live"}
    assert not any(str(tmp_path).encode() in data for data in new.values())
    assert calls == []


def test_without_a_folder_there_is_only_the_table(
    learner: Language, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    printed = log_two(learner, None)
    assert printed == log_two(learner, tmp_path / "live")
    assert "LOSS NER" in printed
    assert [path.name for path in tmp_path.iterdir()] == ["live"]


def test_a_model_that_is_only_used_does_without_dvclive() -> None:
    code = "import sys, scripts.functions; sys.exit('dvclive' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@spacy.registry.callbacks("test_interrupt.v1")
def interrupt(step: int) -> Callable[[Language, dict], None]:
    """Stop the training before an update, as Ctrl+C does; never at step 0."""

    def before_update(nlp: Language, info: dict) -> None:
        if step and info["step"] == step:
            raise KeyboardInterrupt

    return before_update


@pytest.mark.parametrize("strategy", ["extend", "update"])
@pytest.mark.parametrize("stop_at", [0, 8])
def test_the_rows_are_those_of_the_table(
    strategy: str,
    stop_at: int,
    bases: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    params = write_world(tmp_path, training__strategy=strategy, training__max_epochs=4)
    path = write_config(tmp_path, params, bases["own"])
    config = load_config(path)
    config["training"]["logger"]["path"] = str(tmp_path / "live")
    config["training"]["before_update"] = {"@callbacks": "test_interrupt.v1", "step": stop_at}
    config.to_disk(path)
    capsys.readouterr()
    if stop_at:
        with pytest.raises(KeyboardInterrupt):
            train(path, tmp_path)
    else:
        train(path, tmp_path)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    table = [list(map(float, line)) for line in lines if line and line[0].isdigit()]
    (header,) = (line for line in lines if line[:2] == ["E", "#"])
    live = read_rows(tmp_path / "live")
    steps = [int(row[1]) for row in table]
    assert len(steps) == (3 if stop_at else 5)
    assert all([step for step, _ in figures] == steps for figures in live.values())
    names = header[header.index("LOSS") + 2 :]
    assert len(names) == len(config["training"]["score_weights"]) + 1
    # A long name is cut; the table has percents, but for the score.
    for place, name in enumerate(names, start=3):
        (figures,) = (live[key] for key in live if key.startswith(name.lower().rstrip(".")))
        written = [value if name == "SCORE" else 100 * value for _, value in figures]
        assert written == pytest.approx([row[place] for row in table], abs=0.0051), name
    assert [value for _, value in live["loss"]] == [row[2] for row in table]
    labels = {"BAND", "GEAR"} | ({"PERSON", "LOC"} if strategy == "update" else set())
    assert {name.split("/")[1] for name in live if "/" in name} == labels
    # The model that is kept is the best one's.
    best = json.loads((tmp_path / "live" / "metrics.json").read_text())["best"]
    assert best["score"] == max(score for _, score in live["score"])
    assert (best["step"], best["score"]) in live["score"]


# The same bytes


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("strategy", ["extend", "update"])
def test_the_trained_model_does_not_depend_on_the_hash_seed(
    strategy: str, bases: dict[str, Path], tmp_path: Path
) -> None:
    params = write_world(tmp_path, training__strategy=strategy, training__max_epochs=1)
    config = load_config(write_config(tmp_path, params, bases["own"]))
    config["training"]["logger"]["path"] = "live"
    config.to_disk(tmp_path / "config.cfg")
    command = [sys.executable, "-m", "spacy", "train", "../config.cfg", "--output", "."]
    command += ["--code", str(ROOT / "scripts" / "functions.py")]
    for seed in ("1", "2"):
        (tmp_path / seed).mkdir()
    runs = [
        subprocess.Popen(
            command,
            cwd=tmp_path / seed,
            env=os.environ | {"PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for seed in ("1", "2")
    ]
    for process in runs:
        printed, _ = process.communicate()
        assert process.returncode == 0, printed.decode()
    first, second = (contents(tmp_path / seed) for seed in ("1", "2"))
    assert {"model-best/meta.json", "live/metrics.json", "live/plots/metrics/loss.tsv"} <= set(
        first
    )
    assert [name for name in first if first[name] != second.get(name)] == []


def test_a_model_that_learned_nothing_is_not_the_best_of_update() -> None:
    """Where the base's labels are the many, one F over all would pick it."""
    nlp = spacy.blank("en")

    def example(found: list[str]) -> Example:
        words = ["Ada", "Bo", "Cy", "Di", "n78"]
        labels = ["PERSON"] * 4 + ["BAND"]
        gold = Doc(nlp.vocab, words=words, ents=[f"B-{label}" for label in labels])
        guess = Doc(nlp.vocab, words=words, ents=[f"B-{x}" if x else "O" for x in found])
        return Example(guess, gold)

    score = score_new_and_kept(["BAND"])
    idle = score([example(["PERSON"] * 4 + [""])])
    learned = score([example(["PERSON", "PERSON", "PERSON", "", "BAND"])])
    assert (idle["new_f"], idle["kept_f"]) == (0.0, 1.0)
    assert learned["new_f"] == 1.0
    assert 0.8 < learned["kept_f"] < 0.9
    assert learned["new_f"] + learned["kept_f"] > idle["new_f"] + idle["kept_f"]
    # However little is learned, a model that has learned nothing is not the best.
    assert idle["new_and_kept_f"] == 0.0
    assert learned["new_and_kept_f"] == (learned["new_f"] * learned["kept_f"]) ** 0.5 > 0


def test_where_dev_has_no_gold_of_what_is_kept_the_new_labels_alone_decide() -> None:
    """Otherwise every model would have the score 0, and the one that learned nothing be kept."""
    nlp = spacy.blank("en")
    words = ["on", "n78"]

    def score_of(*found: str) -> float:
        gold = Doc(nlp.vocab, words=words, ents=["O", "B-BAND"])
        guess = Doc(nlp.vocab, words=words, ents=[*found])
        return score_new_and_kept(["BAND"])([Example(guess, gold)])["new_and_kept_f"]

    assert score_of("O", "O") == 0.0
    assert score_of("O", "B-BAND") == score_of("B-PERSON", "B-BAND") == 1.0
