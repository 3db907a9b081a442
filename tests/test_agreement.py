"""What is kept of the base's labels: agreement with it, and gold where it means the same."""

from typing import Any

import pytest

from scripts.scoring.agreement import (
    CHANGES,
    against_base,
    against_base_in_domain,
    agreement,
    count_on_purpose,
    list_changes,
)
from scripts.scoring.base_and_tuned import score_all
from scripts.scoring.chance import resample
from scripts.scoring.gold import (
    count_found,
    counted_labels,
    other_meanings,
    shares_seen,
    uncovered_labels,
)
from scripts.scoring.retention import measure_kept
from scripts.scoring.rows import Row

LABELS = ["GPE", "ORG"]


def text(number: int = 0, part: str = "general", **spans: Any) -> Row:
    """The row of a text; each of gold, base, tuned and unknown is empty unless given."""
    none: dict[str, Any] = {"gold": [], "base": [], "tuned": [], "unknown": []}
    return {"part": part, "doc": f"d{number}", "text": "x" * 100} | none | spans


def at(start: int, label: str, width: int = 3) -> list:
    return [start, start + width, label]


def agree(rows: list[Row], labels: list[str] = LABELS, learned: tuple[str, ...] = ()) -> dict:
    draws = resample(len({row["doc"] for row in rows}))
    return agreement(against_base(rows, labels), labels, [*learned], draws)


def kept(rows: list[Row], labels: list[str] = LABELS, *, is_gold: bool = True) -> dict[str, Any]:
    draws = resample(len({row["doc"] for row in rows}))
    return measure_kept(rows, labels, [], draws, is_gold=is_gold)


# Agreement


def test_agreement_is_f_against_what_the_base_found_whatever_is_gold() -> None:
    base, half = [at(0, "ORG"), at(4, "ORG")], [at(0, "ORG"), at(8, "ORG")]
    odd: dict[str, Any] = {"gold": [at(0, "GPE")], "unknown": [[0, 9]], "base": base}
    rows = [text(i, **odd, tuned=base) for i in range(20)]
    found = agree(rows)
    assert (found["ents_p"], found["ents_r"], found["ents_f"]) == (1, 1, 1)
    assert (found["ents_f_low"], found["ents_f_high"]) == (1, 1)
    rows[:10] = [text(i, **odd, tuned=half) for i in range(10)]
    found = agree(rows)
    assert found["ents_f"] == found["per_label"]["ORG"]["ents_f"] == 0.75
    assert 0.5 < found["ents_f_low"] < 0.75 < found["ents_f_high"] < 1
    counts = ("true_positives", "false_positives", "misses")
    assert [found[key] for key in counts] == [30, 10, 10]
    # New entities of labels that are taught are no part of it.
    new = [row | {"tuned": [*row["tuned"], at(20, "NEW")]} for row in rows]
    assert agree(new, learned=("NEW",)) == found


def test_where_the_base_finds_nothing_agreement_is_unknown() -> None:
    found = agree([text(tuned=[at(0, "ORG")], base=[at(9, "GPE")])])
    assert found["per_label"]["ORG"]["ents_f"] is None
    assert found["per_label"]["ORG"]["ents_f_low"] is None
    assert found["per_label"]["ORG"]["false_positives"] == 1
    assert found["per_label"]["GPE"]["ents_f"] == 0
    for nothing in (agree([text(tuned=[at(0, "ORG")])]), agree([])):
        assert nothing["ents_f"] is None and nothing["ents_f_high"] is None


@pytest.mark.parametrize(
    ("tuned", "change"),
    [
        ([at(0, "ORG")], "same"),
        ([at(0, "ORG", 5)], "moved"),
        ([at(0, "GPE")], "relabelled"),
        ([at(0, "NEW")], "relabelled"),
        ([at(1, "NEW", 9)], "relabelled"),
        ([], "lost"),
        ([at(40, "NEW")], "lost"),
    ],
)
def test_what_can_become_of_an_entity_of_the_base(tuned: list, change: str) -> None:
    rows = [text(base=[at(0, "ORG")], tuned=tuned)]
    found = agree(rows, learned=("NEW",))
    expected = dict.fromkeys(CHANGES, 0) | {change: 1}
    assert found["changes"] == found["per_label"]["ORG"]["changes"] == expected
    assert sum(found["per_label"]["GPE"]["changes"].values()) == 0


def test_what_the_base_did_not_find_is_gained_under_its_own_label() -> None:
    found = agree([text(base=[at(0, "ORG")], tuned=[at(0, "ORG"), at(9, "GPE"), at(20, "NEW")])])
    assert found["per_label"]["GPE"]["changes"]["gained"] == 1
    assert found["changes"] == dict.fromkeys(CHANGES, 0) | {"same": 1, "gained": 1}


# In the labelled texts


def test_what_gold_takes_on_purpose_is_no_damage() -> None:
    gold = [at(0, "NEW", 5), at(50, "PERSON")]
    base = [at(0, "ORG"), at(20, "ORG"), at(30, "ORG"), at(50, "ORG"), at(80, "GPE")]
    tuned = [at(0, "NEW", 5), at(20, "NEW"), at(30, "ORG"), at(50, "ORG"), at(2, "GPE", 2)]
    row = text(part="test", gold=gold, base=base, tuned=tuned, unknown=[[79, 90]])
    rows = against_base_in_domain([row], LABELS, ["NEW"])
    # Gold takes the first; it says nothing of the last; the tuned model took the second by mistake.
    assert rows[0]["gold"] == [at(20, "ORG"), at(30, "ORG"), at(50, "ORG")]
    found = [change for change, _, _ in list_changes(rows[0], LABELS, ["NEW"])]
    assert sorted(found) == ["relabelled", "same", "same"]
    assert count_on_purpose([row], LABELS, ["NEW"]) == {"ORG": 1}
    # What the tuned model left as it was is not given up.
    assert count_on_purpose([row | {"tuned": base}], LABELS, ["NEW"]) == {}


def test_in_domain_only_labels_count_that_the_data_does_not_teach() -> None:
    data = {"labels": ["NEW", "ORG"], "base_labels": LABELS, "spans": {"test": {"NEW": 1}}}
    row = text(part="test", base=[at(0, "ORG"), at(9, "GPE")], tuned=[at(9, "NEW")])
    scores = score_all([row, text(base=[at(0, "ORG")])], data | {"general_is_gold": False}, set())
    own = scores["agreement_in_domain"]
    assert list(own["per_label"]) == ["GPE"] and own["ents_f"] == 0
    assert own["changes"]["relabelled"] == 1 and own["on_purpose"] == {}
    taught = data | {"labels": ["NEW", *LABELS], "general_is_gold": False}
    assert "agreement_in_domain" not in score_all([row], taught, set())


# What gold counts


def test_gold_counts_only_where_the_base_means_the_same() -> None:
    rows = [text(i, gold=[at(0, "LOC"), at(9, "ORG")], base=[at(0, "GPE")]) for i in range(9)]
    rows += [text(9, gold=[at(0, "LOC")], base=[at(0, "LOC")])]
    labels = ["GPE", "LOC", "ORG"]
    assert shares_seen(rows) == {"LOC": {"GPE": 0.9, "LOC": 0.1}, "ORG": {}}
    assert other_meanings(rows, labels, []) == {"LOC": {"GPE": 0.9}}
    # What the base mostly misses means the same; what it never marks counts for nothing.
    assert counted_labels(rows, labels) == ["ORG"]
    half = [text(i, gold=[at(0, "LOC")], base=[at(0, "LOC" if i % 2 else "GPE")]) for i in (0, 1)]
    assert counted_labels(half, labels) == ["LOC"]


def test_gold_labels_that_the_base_does_not_have_are_named_unless_they_are_taught() -> None:
    rows = [text(gold=[at(0, "person"), at(9, "MISC"), at(20, "NEW")], base=[at(0, "ORG")])]
    assert other_meanings(rows, LABELS, ["NEW"]) == {"MISC": {}, "person": {"ORG": 1.0}}


@pytest.mark.parametrize(
    ("found", "uncovered"),
    [
        ({"ORG": 100, "DATE": 4}, []),
        ({"ORG": 100, "DATE": 6}, ["DATE"]),
        ({"ORG": 10_000, "DATE": 29}, []),
        ({"ORG": 10_000, "DATE": 30}, ["DATE"]),
        ({"ORG": 0, "DATE": 0}, []),
    ],
)
def test_a_label_matters_from_30_entities_or_a_twentieth_on(
    found: dict[str, int], uncovered: list[str]
) -> None:
    assert uncovered_labels(found, ["ORG"]) == uncovered


def test_a_label_that_gold_never_marks_is_never_a_false_positive() -> None:
    base = [at(0, "ORG"), at(9, "DATE"), at(20, "DATE")]
    rows = [text(i, gold=[at(0, "ORG")], base=base, tuned=[at(0, "ORG")]) for i in range(4)]
    found = kept(rows, ["DATE", "ORG"])
    for model in ("base", "tuned"):
        assert list(found["kept"][model]["per_label"]) == ["ORG"]
        assert found["kept"][model]["ents_f"] == 1
    assert count_found(rows, ["DATE", "ORG"]) == {"DATE": 8, "ORG": 4}


def test_retention_is_what_gold_says_where_it_covers_the_base() -> None:
    rows = [text(i, gold=[at(0, "ORG")], base=[at(0, "ORG")]) for i in range(4)]
    rows[:2] = [row | {"tuned": [at(0, "ORG")]} for row in rows[:2]]
    found = kept(rows, ["ORG"])
    assert found["retention_by"] == "gold"
    assert found["retention"] == found["gold"]["retention"] == 0.6667
    assert found["retention_low"] == found["gold"]["retention_low"] <= 0.6667
    assert found["retention_per_label"] == {"ORG": 0.6667}


def test_retention_is_agreement_where_gold_leaves_labels_out() -> None:
    base = [at(0, "ORG"), at(9, "DATE")]
    rows = [text(i, gold=[at(0, "ORG")], base=base, tuned=base[:1]) for i in range(4)]
    found = kept(rows, ["DATE", "ORG"])
    assert found["retention_by"] == "agreement"
    assert found["gold"]["uncovered"] == ["DATE"] and found["gold"]["retention"] == 1
    assert found["retention"] == found["agreement"]["ents_f"] == 0.6667
    assert found["retention_high"] == found["agreement"]["ents_f_high"]
    assert found["retention_per_label"] == {"DATE": 0.0, "ORG": 1.0}


def test_where_gold_finds_nothing_right_in_the_base_agreement_decides() -> None:
    found = kept([text(gold=[at(9, "ORG")], base=[at(0, "ORG")], tuned=[at(0, "ORG")])], ["ORG"])
    assert (found["retention_by"], found["retention"]) == ("agreement", 1.0)
    assert found["gold"]["retention"] is None


def test_raw_text_beside_gold_is_measured_by_agreement_alone() -> None:
    own: dict[str, Any] = {"base": [at(0, "ORG")], "tuned": [at(0, "ORG")]}
    raw = text(1, unknown=[[0, 100]], base=[at(0, "ORG")])
    found = kept([text(0, gold=[at(0, "ORG")], **own), raw], ["ORG"])
    assert found["retention"] == 1.0 and found["retention_by"] == "gold"
    assert found["agreement"]["ents_f"] == 0.6667


def test_without_gold_there_is_agreement_alone() -> None:
    span = [at(0, "ORG")]
    found = kept([text(gold=span, base=span, tuned=span)], is_gold=False)
    assert found["gold"] is None and found["retention_by"] == "agreement"
    nothing = kept([], is_gold=False)
    assert nothing["retention"] is None and nothing["agreement"]["ents_f"] is None
