"""Figures agree with an independent scorer; intervals and p-values do what they say."""

import random
from collections import Counter
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nervaluate.evaluator import Evaluator

from scripts.scoring.chance import compare_f, interval, randomize, resample
from scripts.scoring.figures import measure_labels, precision_recall_f, recall_of_mentions
from scripts.scoring.kinds import KINDS, kinds, overlap
from scripts.scoring.rows import Row, count_by_document, f_score

LABELS = ["BAND", "GEAR", "LOC"]
SPANS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(1, 4), st.sampled_from(LABELS)), max_size=6
).map(lambda spans: without_overlaps([(s, s + n, label) for s, n, label in spans]))


def without_overlaps(spans: list[tuple[int, int, str]]) -> set[tuple[int, int, str]]:
    kept: list[tuple[int, int, str]] = []
    for span in spans:
        if not any(overlap(span, other) for other in kept):
            kept.append(span)
    return set(kept)


def random_rows(seed: int, documents: int = 30, texts: int = 4) -> list[dict[str, Any]]:
    """Rows of texts, `texts` in each of `documents`; most of what was found is right."""
    chance = random.Random(seed)
    rows = []
    for number in range(documents * texts):
        gold = without_overlaps(
            [(s, s + chance.randint(1, 3), chance.choice(LABELS)) for s in range(0, 30, 3)]
        )
        found = set(gold)
        for span in sorted(gold):
            fate = chance.random()
            if fate < 0.4:
                found.remove(span)
            if fate < 0.1:
                found.add((span[0], span[1], chance.choice(LABELS)))
            elif fate < 0.2:
                found.add((span[0], span[1] + 1, span[2]))
        row = {"part": "test", "doc": f"d{number // texts}", "text": "x" * 40, "unknown": []}
        rows.append(row | {"gold": sorted(gold), "found": sorted(without_overlaps(sorted(found)))})
    return rows


# Counts


@pytest.mark.parametrize("seed", range(3))
def test_figures_are_those_of_an_independent_scorer(seed: int) -> None:
    rows = random_rows(seed)
    # Its spans end at their last position, ours one after it.
    true, found = (
        [[{"start": s, "end": e - 1, "label": x} for s, e, x in row[key]] for row in rows]
        for key in ("gold", "found")
    )
    theirs = Evaluator(true, found, tags=LABELS, loader="dict").evaluate()
    ours = measure_labels(rows, "found", LABELS)
    pairs = [(ours, theirs["overall"]["strict"])]
    pairs += [(ours["per_label"][x], theirs["entities"][x]["strict"]) for x in LABELS]
    assert 0.3 < ours["ents_f"] < 0.9
    for own, other in pairs:
        assert own["ents_f"] == round(other.f1, 4)
        assert own["ents_p"] == round(other.precision, 4)
        assert own["ents_r"] == round(other.recall, 4)
        assert own["true_positives"] == other.correct
    errors, by_type = ours["errors"], theirs["overall"]["ent_type"]
    assert errors["missed"] == by_type.missed and errors["spurious"] == by_type.spurious
    assert errors["right"] + errors["wrong_boundary"] == by_type.correct


@given(gold=SPANS, found=SPANS)
def test_every_span_is_in_one_kind(
    gold: set[tuple[int, int, str]], found: set[tuple[int, int, str]]
) -> None:
    result = kinds(gold, found)
    assert sorted(x for _, x, _ in result if x) == sorted(gold)
    assert sorted(x for _, _, x in result if x) == sorted(found)
    assert {x for kind, x, _ in result if kind == "right"} == gold & found
    for kind, truth, guess in result:
        assert kind in KINDS
        assert (kind == "missed") == (guess is None)
        assert (kind == "spurious") == (truth is None)
        if truth and guess:
            assert overlap(truth, guess)
            assert (truth[2] == guess[2]) == (kind in ("right", "wrong_boundary"))
            assert (truth[:2] == guess[:2]) == (kind in ("right", "wrong_label"))


def test_kinds_of_a_small_case() -> None:
    gold = {(0, 3, "A"), (5, 8, "A"), (10, 14, "A"), (20, 24, "B"), (30, 33, "B")}
    found = {(0, 3, "A"), (5, 8, "B"), (10, 13, "A"), (21, 25, "A"), (40, 42, "A")}
    assert Counter(kind for kind, _, _ in kinds(gold, found)) == dict.fromkeys(KINDS, 1)


def test_recall_of_names_that_train_has_and_of_others() -> None:
    text = "n78 N78 n41 n78"
    gold = [[0, 3, "BAND"], [4, 7, "BAND"], [8, 11, "BAND"], [12, 15, "GEAR"]]
    row = {"part": "test", "doc": "d", "text": text, "unknown": [], "gold": gold}
    row["found"] = [gold[0], gold[2]]
    assert recall_of_mentions([row], "found", LABELS, {("n78", "BAND")}) == {
        "seen": {"ents_r": 0.5, "true_positives": 1, "misses": 1},
        "unseen": {"ents_r": 0.5, "true_positives": 1, "misses": 1},
    }


# Chance


def test_a_resample_draws_as_many_documents_and_is_the_same_each_time() -> None:
    draws = resample(20)
    assert draws.shape == (1000, 20)
    assert (draws.sum(axis=1) == 20).all()
    assert draws.mean() == pytest.approx(1)
    assert (resample(20) == draws).all()


def test_an_interval_of_a_share_is_that_of_theory() -> None:
    """F of documents with one entity each, found or missed: as wide as a binomial share's."""
    found = numpy.random.default_rng(1).random(400) < 0.7
    counts = numpy.stack([found, ~found & False, ~found], axis=1).astype(int)
    recalls = (resample(400) @ counts)[:, 0] / 400
    low, high = interval(recalls)
    share = found.mean()
    width = 2 * 1.96 * (share * (1 - share) / 400) ** 0.5
    assert high - low == pytest.approx(width, rel=0.1)
    assert low < share < high


def test_intervals_contain_the_truth_as_often_as_they_say() -> None:
    """The interval of about 95 in 100 samples from one population contains the population's F."""
    population = count_by_document(random_rows(0, documents=2000), "found", LABELS)
    whole = sum(population.values(), start=numpy.zeros((2000, 3), dtype="i8"))
    truth = float(f_score(whole.sum(axis=0)))
    rng = numpy.random.default_rng(0)
    draws = resample(60)
    hits = 0
    for _ in range(300):
        sample = whole[rng.choice(2000, 60)]
        made = precision_recall_f(sample, draws)
        hits += made["ents_f_low"] <= truth <= made["ents_f_high"]
    assert 0.9 <= hits / 300 <= 0.99


def test_texts_of_one_document_are_drawn_together() -> None:
    rows = random_rows(0, documents=10, texts=20)
    alone = [row | {"doc": str(i)} for i, row in enumerate(rows)]
    wide = measure_labels(rows, "found", LABELS, resample(10))
    narrow = measure_labels(alone, "found", LABELS, resample(200))
    assert wide["ents_f"] == narrow["ents_f"]
    assert counts_of(rows).shape == (10, 3) and counts_of(alone).shape == (200, 3)


def counts_of(rows: list[dict[str, Any]], model: str = "found") -> numpy.ndarray:
    counts = count_by_document(rows, model, LABELS)
    return sum(counts.values(), start=numpy.zeros_like(counts["BAND"]))


def test_the_same_model_differs_by_nothing() -> None:
    counts = counts_of(random_rows(0))
    row = compare_f(counts, counts, resample(len(counts)))
    assert (row["difference"], row["low"], row["high"], row["p"]) == (0, 0, 0, 1)


def test_a_better_model_is_told_from_chance() -> None:
    rows = random_rows(0)
    better = [
        row | {"better": row["gold"] if i % 2 else row["found"]} for i, row in enumerate(rows)
    ]
    before, after = counts_of(better), counts_of(better, "better")
    row = compare_f(before, after, resample(len(before)))
    assert row["difference"] > 0.1 and row["low"] > 0 and row["p"] < 0.001
    back = compare_f(after, before, resample(len(before)))
    assert back["difference"] == -row["difference"] and back["p"] == pytest.approx(row["p"])


def test_p_values_of_models_that_do_not_differ_are_even() -> None:
    """Under the null hypothesis, one in ten is below 0.1."""
    rng = numpy.random.default_rng(0)
    below = 0
    for _ in range(100):
        first, second = (
            numpy.stack([x := rng.random(40) < 0.7, ~x & (rng.random(40) < 0.5), ~x], axis=1)
            for _ in range(2)
        )
        below += randomize(first.astype("i8"), second.astype("i8")) < 0.1
    assert 2 <= below <= 20


def test_a_sample_without_an_entity_is_no_sample_where_all_are_wrong() -> None:
    """Of 20 documents one has a name, which is found: a third of the samples have none."""
    found = [[0, 3, "BAND"]]
    none: list = []
    row = {"part": "test", "text": "x" * 9, "gold": none, "unknown": none, "found": none}
    rows: list[Row] = [row | {"doc": str(i)} for i in range(20)]
    rows[7] |= {"gold": found, "found": found}
    draws = resample(20)
    assert (draws[:, 7] == 0).mean() > 0.3
    figures = measure_labels(rows, "found", LABELS, draws)["per_label"]
    assert (figures["BAND"]["ents_f_low"], figures["BAND"]["ents_f_high"]) == (1, 1)
    assert (figures["GEAR"]["ents_f_low"], figures["GEAR"]["ents_f_high"]) == (0, 0)


def test_no_document_gives_no_figure() -> None:
    empty = measure_labels([], "found", LABELS, resample(0))
    assert (empty["ents_f"], empty["ents_f_low"], empty["ents_f_high"]) == (0, 0, 0)
