"""The verdict in words: what speaks against the figures of an evaluation, and what to do."""

from typing import Any

import pytest

from scripts.reporting.evaluation import make_report
from scripts.reporting.summary import as_text, summary
from scripts.scoring.verdict import doubts
from tests.evaluations import everything, summary_data, summary_scores


def said(
    new: dict[str, Any] | None = None, dev: int = 30, documents: int = 38, **labels: Any
) -> list[str]:
    """What the verdict says where one thing differs from results that nothing speaks against.

    new: figures of the tuned model on the new labels that differ.
    dev: how many spans dev has. documents: how many test has.
    labels: the figures of labels that differ.
    """
    scores, data = summary_scores(), summary_data()
    scores["tuned"]["new"] |= new or {}
    scores["tuned"]["new"]["per_label"] |= labels
    scores["documents"]["test"] = documents
    data["spans"]["dev"] = {"BAND": dev, "ORG": 1_000}
    return [doubt.what for doubt in doubts(scores, data)]


def test_nothing_is_said_against_figures_that_can_be_relied_on() -> None:
    assert said() == []


@pytest.mark.parametrize(
    ("f", "what"),
    [
        (0.0, ["nothing learned: F of the new labels is 0"]),
        (0.299, ["little learned: F 0.299 is below 0.3"]),
        (0.3, []),
    ],
)
def test_little_learned(f: float, what: list[str]) -> None:
    assert said({"ents_f": f}) == what


def test_labels_of_which_nothing_was_learned_are_named() -> None:
    none = {"ents_f": 0.0, "true_positives": 0, "misses": 4}
    assert said(GEAR=none) == ["nothing learned of GEAR"]
    # Where test has none of a label, nothing can be said of it.
    assert said(GEAR=none | {"misses": 0}) == []


def test_dev_is_too_small_by_the_spans_of_what_is_learned_alone() -> None:
    (line,) = said(dev=1)
    assert line.startswith("dev too small to choose by")
    assert "1 entity in 12 documents" in line


@pytest.mark.parametrize(
    ("changed", "width"),
    [
        ({"new": {"true_positives": 19, "misses": 10}}, "not to be relied on"),
        ({"documents": 9}, "not to be relied on"),
        ({"new": {"ents_f_low": 0.5, "ents_f_high": 0.71}}, "wide"),
    ],
)
def test_test_is_too_small_by_spans_documents_or_the_width_of_the_interval(
    changed: dict[str, Any], width: str
) -> None:
    (line,) = said(**changed)
    assert line.startswith("test too small to tell") and line.endswith(f"that is {width}")


def test_summary_and_report_say_it_first_and_what_to_do() -> None:
    inputs = everything()
    scores, data = summary_scores(), summary_data()
    for one in (scores, inputs["scores"]):
        one["documents"]["test"] = 5
    text = as_text(summary(scores, data, None, []))
    assert "test too small to tell" in text.splitlines()[0]
    page = make_report(**inputs)
    assert page.index("Test too small to tell") < page.index("Retention</h3>")
    assert all("weasel run folds" in shown for shown in (text, page))


def test_summary_and_report_say_when_nothing_speaks_against_the_figures() -> None:
    inputs = everything()
    for one in (
        inputs["scores"]["tuned"]["new"],
        *inputs["scores"]["tuned"]["new"]["per_label"].values(),
    ):
        one |= {"ents_f_low": 0.8, "ents_f_high": 0.9}
    assert "large enough to say so" in make_report(**inputs)
    text = as_text(summary(summary_scores(), summary_data(), None, []))
    assert "large enough to say so" in text.splitlines()[0]
