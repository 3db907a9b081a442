"""The texts of an evaluation as the page shows them: marked with gold and with what models found.

A mark is [start, end, label, state, other label], with offsets in characters. The other label is
gold's where a model found the right place with a wrong label, and "" otherwise.
"""

from typing import Any

from scripts.scoring.kinds import KINDS, kinds
from scripts.scoring.rows import Row, gold_and_found

Mark = list[Any]

STATES = (*KINDS, "gold", "uncounted", "unknown")
"""What a mark can say of its part of the text; the page refers to these by position."""
MODELS = ("base", "tuned")
LANES = ("gold", *MODELS)


def measured_labels(scores: dict[str, Any], data: dict[str, Any]) -> dict[str, set[str]]:
    """The labels that are measured on each part: "test" and "general".

    A label of the base is measured on the test split only where gold has it there, and on general
    text only where gold has it and means the same by it.
    """
    known = set(data["base_labels"]) & set(data["spans"]["test"])
    return {
        "test": set(data["labels"]) | known,
        "general": set(scores["tuned"]["kept"]["per_label"]),
    }


def join_spaces(text: str, parts: list[list[int]]) -> list[list[int]]:
    """Join those [start, end] parts of a text that have only white space between them."""
    joined: list[list[int]] = []
    for start, end in parts:
        if joined and not text[joined[-1][1] : start].strip():
            joined[-1][1] = end
        else:
            joined.append([start, end])
    return joined


def mark_gold(row: Row, labels: set[str]) -> list[Mark]:
    """Mark the gold spans of a text, and the parts that gold says nothing about.

    labels: those that are measured; gold spans of other labels are "uncounted".
    """
    marks = [[*span, "gold" if span[2] in labels else "uncounted", ""] for span in row["gold"]]
    marks += [[*part, "", "unknown", ""] for part in join_spaces(row["text"], row["unknown"])]
    return sorted(marks)


def mark_found(row: Row, model: str, labels: set[str]) -> list[Mark]:
    """Mark what a model found in a text, rightly or wrongly, and what it missed."""
    gold, found = gold_and_found(row, model, labels)
    marks: list[Mark] = []
    for kind, truth, guess in kinds(gold, found):
        start, end, label = guess or truth or (0, 0, "")
        other = truth[2] if truth and truth[2] != label else ""
        marks.append([start, end, label, kind, other])
    rest = {tuple(span) for span in row[model]} - found
    return sorted(marks + [[*span, "uncounted", ""] for span in rest])


def score(marks: list[Mark]) -> int:
    """The number of right marks less the number of wrong ones, as comparisons of commits count."""
    states = [mark[3] for mark in marks if mark[3] != "uncounted"]
    return 2 * states.count("right") - len(states)


def make_text(row: Row, labels: set[str], change: int | None) -> dict[str, Any]:
    """Turn a row of the predictions into a text of the page.

    change: the tuned model's change against the last commit; None where it is not known. The
        text's "change" holds that against the base, and this one.
    """
    lanes = {"gold": mark_gold(row, labels)} | {x: mark_found(row, x, labels) for x in MODELS}
    changes = [score(lanes["tuned"]) - score(lanes["base"]), change]
    return {key: row[key] for key in ("part", "doc", "text")} | lanes | {"change": changes}


def changes_of(comparison: dict[str, Any]) -> dict[tuple[str, str, str], int]:
    """The change of each text that differs from the last commit, by part, document and text."""
    return {
        (row["part"], row["doc"], row["text"]): row["change"]
        for row in comparison["better"] + comparison["worse"]
    }


def number_marks(texts: list[dict[str, Any]], known: list[str]) -> list[str]:
    """Replace labels and states in all marks by numbers, which keeps the page small.

    known: labels that come first. Returns the labels in the order of their numbers; -1 means none.
    """
    marks = [mark for text in texts for lane in LANES for mark in text[lane]]
    others = {label for mark in marks for label in (mark[2], mark[4]) if label}
    labels = list(dict.fromkeys([*known, *sorted(others)]))
    numbers = {label: number for number, label in enumerate(labels)} | {"": -1}
    for mark in marks:
        mark[2:] = numbers[mark[2]], STATES.index(mark[3]), numbers[mark[4]]
    return labels


def make_texts(
    predictions: list[Row],
    scores: dict[str, Any],
    data: dict[str, Any],
    comparison: dict[str, Any] | None,
) -> dict[str, Any]:
    """Everything that the page's script shows: the texts, and the labels and states by number."""
    measured = measured_labels(scores, data)
    moved = changes_of(comparison) if comparison else {}
    unmoved = 0 if comparison else None
    texts = [
        make_text(
            row,
            measured[row["part"]],
            moved.get((row["part"], row["doc"], row["text"]), unmoved),
        )
        for row in predictions
    ]
    labels = number_marks(texts, [*data["labels"], *data["base_labels"]])
    return {"labels": labels, "states": STATES, "texts": texts}
