"""Examples of what became of the base's entities in the texts of test.

They are on the page alone, which DVC keeps: scores.json is in git, and these are words of your
texts.
"""

from typing import Any, NamedTuple

from scripts.scoring.agreement import CHANGES, against_base_in_domain, list_changes
from scripts.scoring.kinds import Span
from scripts.scoring.rows import Row

SHOWN = 3
"""So many examples are shown of each change of each label."""


class Example(NamedTuple):
    """An entity of the base that is no longer the same, or that it did not find."""

    change: str
    """One of CHANGES."""
    before: str
    """What the base says, as "words LABEL"; empty where it says nothing."""
    after: str
    """The same of the tuned model."""
    doc: str


def show(text: str, span: Span | None) -> str:
    """The words and the label of a span; an empty string for none."""
    return f"{' '.join(text[span[0] : span[1]].split())} {span[2]}" if span else ""


def list_examples(
    predictions: list[Row], scores: dict[str, Any], data: dict[str, Any]
) -> dict[str, list[Example]]:
    """The first examples of each change of each label of the base, in the order of the texts.

    predictions: the lines of metrics/predictions.jsonl. scores: metrics/scores.json.
    data: corpus/data.json.
    """
    labels = list(scores.get("agreement_in_domain", {"per_label": {}})["per_label"])
    test = [row for row in predictions if row["part"] == "test"]
    found: dict[tuple[str, str], list[Example]] = {}
    for row in against_base_in_domain(test, labels, data["labels"]):
        for change, before, after in list_changes(row, labels, data["labels"]):
            if change == "same":
                continue
            label = (before or after or (0, 0, ""))[2]
            said = [show(row["text"], span) for span in (before, after)]
            own = found.setdefault((label, change), [])
            if len(own) < SHOWN:
                own.append(Example(change, said[0], said[1], row["doc"]))
    return {
        label: [one for change in CHANGES for one in found.get((label, change), [])]
        for label in labels
    }
