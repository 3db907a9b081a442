"""Scores agree with spaCy's, unannotated tokens do not count, and retention is a quotient of F."""

import csv
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import spacy
import srsly
from spacy.scorer import Scorer, get_ner_prf
from spacy.tokens import Doc, Span
from spacy.training import Example

from scripts.evaluate import main
from scripts.keeping.corpus import preprocess
from scripts.scoring.base_and_tuned import evaluate, score
from scripts.scoring.tables import write_labels
from tests.conftest import general_records, write_world

Tuned = Callable[[str, str], Path]
VOCAB = spacy.blank("en").vocab
LABELS = ["BAND", "GEAR", "LOC"]
FIGURES = ("ents_p", "ents_r", "ents_f")


def make(*spans: tuple[int, int, str], missing: tuple[int, ...] = (), words: int = 6) -> Doc:
    """A text of the words w0 w1 w2 ... with entities; the tokens `missing` are not annotated."""
    doc = Doc(VOCAB, [f"w{number}" for number in range(words)])
    ents = [Span(doc, *span) for span in spans]
    doc.set_ents(ents, missing=[doc[i : i + 1] for i in missing], default="outside")
    return doc


def random_docs(seed: int, missing: float = 0.0) -> tuple[list[Doc], list[Doc]]:
    """Predicted and gold Docs of the same texts; most predictions are right, but not all."""
    chance = random.Random(seed)
    predicted, gold = [], []
    for _ in range(60):
        pair: list[Doc] = []
        truth: list[tuple[int, int, str]] = []
        for _ in range(2):
            spans, at = [], 0
            while (at := at + chance.randint(0, 3)) < 10:
                end = min(10, at + chance.randint(1, 3))
                spans.append((at, end, chance.choice([*LABELS, "OTHER"])))
                at = end
            if truth and chance.random() < 0.7:
                spans = chance.sample(truth, len(truth) - 1)
            truth = spans
            pair.append(make(*spans, words=10))
        covered = {token.i for span in pair[0].ents for token in span}
        free = [i for i in range(10) if i not in covered and chance.random() < missing]
        gold.append(
            make(*((s.start, s.end, s.label_) for s in pair[0].ents), missing=(*free,), words=10)
        )
        predicted.append(pair[1])
    return predicted, gold


def as_examples(predicted: list[Doc], gold: list[Doc]) -> list[Example]:
    return [Example(guess, truth) for guess, truth in zip(predicted, gold, strict=True)]


def check(ours: dict[str, Any], theirs: dict[str, Any], per_type: dict[str, Any]) -> None:
    assert 0.2 < ours["ents_f"] < 0.95
    for key in FIGURES:
        assert ours[key] == round(theirs[key], 4)
        for label in LABELS:
            assert ours["per_label"][label][key] == round(per_type[label][key[-1]], 4)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_scores_are_those_of_spacy(seed: int) -> None:
    predicted, gold = random_docs(seed)
    theirs = Scorer.score_spans(
        as_examples(predicted, gold),
        "ents",
        getter=lambda doc, attr: [span for span in doc.ents if span.label_ in LABELS],
    )
    check(score(predicted, gold, LABELS), theirs, theirs["ents_per_type"])


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_scores_with_unannotated_tokens_are_those_of_spacy(seed: int) -> None:
    predicted, gold = random_docs(seed, missing=0.5)
    for docs in (predicted, gold):
        for doc in docs:
            spans = [span for span in doc.ents if span.label_ in LABELS]
            still_open = [doc[token.i : token.i + 1] for token in doc if not token.ent_iob]
            doc.set_ents(spans, missing=still_open, default="outside")
    theirs = get_ner_prf(as_examples(predicted, gold))
    assert theirs != get_ner_prf(as_examples(predicted, [make(words=10)] * len(gold)))
    check(score(predicted, gold, LABELS), theirs, theirs["ents_per_type"])


def counts(figures: dict[str, Any]) -> tuple[int, int, int]:
    return figures["true_positives"], figures["false_positives"], figures["misses"]


def test_counts_of_a_small_case() -> None:
    gold = make((0, 1, "BAND"), (2, 4, "GEAR"))
    guess = make((0, 1, "BAND"), (2, 3, "GEAR"), (4, 5, "OTHER"))
    scores = score([guess], [gold], LABELS)
    assert counts(scores) == (1, 1, 1)
    assert [scores[key] for key in FIGURES] == [0.5, 0.5, 0.5]
    by_label = {label: counts(figures) for label, figures in scores["per_label"].items()}
    assert by_label == {"BAND": (1, 0, 0), "GEAR": (0, 1, 1), "LOC": (0, 0, 0)}


def test_a_prediction_that_touches_an_unannotated_token_counts_neither_way() -> None:
    gold = make((0, 1, "BAND"), missing=(3,))
    for guess, expected in [
        (make((0, 1, "BAND"), (3, 4, "GEAR")), (1, 0, 0)),
        (make((0, 1, "BAND"), (2, 4, "GEAR")), (1, 0, 0)),
        (make((0, 1, "BAND"), (2, 3, "GEAR")), (1, 1, 0)),
        (make((4, 5, "GEAR")), (0, 1, 1)),
    ]:
        assert counts(score([guess], [gold], LABELS)) == expected


def test_a_text_that_nobody_has_looked_at_counts_neither_way() -> None:
    gold = [make((0, 1, "BAND")), Doc(VOCAB, ["w0", "w1"]), make(missing=(0, 1), words=2)]
    guesses = [make((0, 1, "BAND")), make((0, 1, "GEAR"), words=2), make((0, 1, "GEAR"), words=2)]
    assert counts(score(guesses, gold, LABELS)) == (1, 0, 0)


# The stage


@pytest.fixture(scope="module")
def scores(tuned: Tuned, bases: dict[str, Path]) -> dict[str, Any]:
    world = tuned("own", "update")
    return evaluate(base=bases["own"], tuned=world / "model", corpus=world / "corpus")[1]


def test_the_base_knows_none_of_the_new_labels_and_the_tuned_model_some(
    scores: dict[str, Any],
) -> None:
    new = scores["base"]["new"]
    assert counts(new) == (0, 0, 15)
    assert new["ents_f"] == 0.0
    assert scores["tuned"]["new"]["ents_f"] > 0.3
    assert list(new["per_label"]) == ["BAND", "GEAR"]
    assert list(scores["base"]["kept"]["per_label"]) == ["LOC", "PERSON"]
    assert scores["base"]["kept"]["ents_f"] > 0.9


def test_retention_is_kept_after_over_kept_before(scores: dict[str, Any]) -> None:
    before, after = (scores[name]["kept"]["ents_f"] for name in ("base", "tuned"))
    assert scores["retention_by"] == "gold"
    assert scores["retention"] == scores["gold"]["retention"] == round(after / before, 4)
    assert scores["retention"] > 0
    assert scores["retention_per_label"] == scores["gold"]["retention_per_label"]
    for label, share in scores["retention_per_label"].items():
        before, after = (scores[m]["kept"]["per_label"][label]["ents_f"] for m in ("base", "tuned"))
        assert share == (round(after / before, 4) if before else None)


def test_labels_of_the_base_in_the_test_split_are_measured_where_there_are_any(
    scores: dict[str, Any], tuned: Tuned, bases: dict[str, Path], tmp_path: Path
) -> None:
    assert "kept_in_domain" not in scores["base"]
    params = write_world(tmp_path)
    gold = general_records()[:4]
    with (tmp_path / "data" / "test.jsonl").open("a", encoding="utf8") as file:
        file.writelines(srsly.json_dumps(record) + "\n" for record in gold)
    preprocess(params=params, base=bases["own"], output=tmp_path / "corpus")
    model = tuned("own", "extend") / "model"
    _, found = evaluate(base=bases["own"], tuned=model, corpus=tmp_path / "corpus")
    in_domain = found["base"]["kept_in_domain"]
    assert in_domain["true_positives"] + in_domain["misses"] == 8
    assert list(in_domain["per_label"]) == ["LOC", "PERSON"]


def test_on_raw_text_agreement_with_the_base_is_measured(
    tuned: Tuned, bases: dict[str, Path], tmp_path: Path
) -> None:
    params = write_world(tmp_path, evaluate__general=str(tmp_path / "raw.jsonl"))
    raw = [{"text": record["text"]} for record in general_records()]
    srsly.write_jsonl(tmp_path / "raw.jsonl", raw)
    preprocess(params=params, base=bases["own"], output=tmp_path / "corpus")
    model = tuned("own", "update") / "model"
    _, found = evaluate(base=bases["own"], tuned=model, corpus=tmp_path / "corpus")
    assert found["base"]["kept"]["ents_f"] == 1.0
    assert found["gold"] is None and found["retention_by"] == "agreement"
    assert found["retention"] == found["agreement"]["ents_f"] == found["tuned"]["kept"]["ents_f"]
    base, tuned_nlp = spacy.load(bases["own"]), spacy.load(model)
    agreed = disagreed = 0
    for record in raw:
        mine, yours = (
            {
                (s.start, s.end, s.label_)
                for s in nlp(record["text"]).ents
                if s.label_ in ("LOC", "PERSON")
            }
            for nlp in (base, tuned_nlp)
        )
        agreed += len(mine & yours)
        disagreed += len(mine ^ yours)
    assert found["retention"] == round(2 * agreed / (2 * agreed + disagreed), 4)


def test_labels_have_a_row_for_each_measurement_and_model(
    scores: dict[str, Any], tmp_path: Path
) -> None:
    scores = scores | {"agreement_in_domain": {"per_label": {"LOC": dict.fromkeys(FIGURES)}}}
    write_labels(scores, tmp_path / "labels.csv")
    with (tmp_path / "labels.csv").open(encoding="utf8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["model"], row["measured"], row["label"]) for row in rows] == [
        (model, measured, f"{label} ({measured})")
        for model in ("base", "tuned")
        for measured, labels in (("new", ("BAND", "GEAR")), ("kept", ("LOC", "PERSON")))
        for label in labels
    ] + [("tuned", "agreement", f"{label} (agreement)") for label in ("LOC", "PERSON")]
    for row in rows:
        blocks = scores[row["model"]] | {"agreement": scores["agreement"]}
        figures = blocks[row["measured"]]["per_label"][row["label"].split()[0]]
        assert {key: float(row[key]) for key in FIGURES} == {key: figures[key] for key in FIGURES}


def test_the_command_writes_the_same_scores_again(
    scores: dict[str, Any],
    tuned: Tuned,
    bases: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_world(tmp_path)
    monkeypatch.chdir(tmp_path)
    world = tuned("own", "update")
    main(bases["own"], world / "model", world / "corpus", Path("metrics"))
    # Five documents are too few, and that is said at once.
    printed = capsys.readouterr().out
    assert "Dev too small to choose by" in printed and "Test too small to tell" in printed
    srsly.write_json(tmp_path / "expected.json", scores)
    written = (tmp_path / "metrics" / "scores.json").read_bytes()
    assert written == (tmp_path / "expected.json").read_bytes()
    assert (tmp_path / "metrics" / "labels.csv").is_file()
    rows = list(srsly.read_jsonl(tmp_path / "metrics" / "predictions.jsonl"))
    assert [row["part"] for row in rows] == ["test"] * 10 + ["general"] * 10
    assert {row["doc"] for row in rows[:10]} == {f"test-{number}" for number in range(5)}
    with (tmp_path / "metrics" / "confusion.csv").open(encoding="utf8", newline="") as file:
        table = Counter((row["gold"], row["tuned"]) for row in csv.DictReader(file))
    errors = scores["tuned"]["new"]["errors"]
    assert sum(table.values()) == sum(errors.values())
    assert sum(n for (gold, _), n in table.items() if gold == "none") == errors["spurious"]
    assert sum(n for (_, found), n in table.items() if found == "none") == errors["missed"]


def test_names_that_stand_in_train_are_told_from_others(scores: dict[str, Any]) -> None:
    """In this test's data, all names of the test split do."""
    new = scores["tuned"]["new"]
    assert new["seen"]["true_positives"] == new["true_positives"]
    assert new["seen"]["ents_r"] == new["ents_r"]
    assert new["unseen"] == {"ents_r": 0.0, "true_positives": 0, "misses": 0}


def test_intervals_are_over_documents_and_contain_the_figure(scores: dict[str, Any]) -> None:
    assert scores["documents"] == {"test": 5, "general": 10}
    for model in ("base", "tuned"):
        for block in (scores[model]["new"], scores[model]["kept"]):
            for figures in (block, *block["per_label"].values()):
                assert figures["ents_f_low"] <= figures["ents_f"] <= figures["ents_f_high"]
    assert scores["retention_low"] <= scores["retention"] <= scores["retention_high"]
