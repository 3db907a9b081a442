"""The verdict in words: was enough learned, and are dev and test large enough to say so?

Why the thresholds are what they are: docs/metrics.md. Nothing slow is imported,
because the summary is printed at the end of every run.
"""

from typing import Any, NamedTuple

from scripts.words import amount

LITTLE = 0.3
"""Below this F, more than two thirds of what a model finds, or should find, are wrong."""
LEAST_SPANS = 30
"""Where 30 spans are all found, or all missed, the true share is within 0.1 of that: 3 / 30, by the
rule of three. Of fewer, one span more or less changes F by more than 0.03."""
LEAST_DOCUMENTS = 10
"""The interval is drawn from documents: with fewer, it is too narrow itself."""
WIDEST = 0.2
"""With an interval wider than this, F is not known to a tenth in either direction."""


class Doubt(NamedTuple):
    """What speaks against the figures of an evaluation, and what to do about it."""

    what: str
    todo: str

    @property
    def title(self) -> str:
        """What it is, with a capital at its beginning."""
        return self.what[0].upper() + self.what[1:]


def doubts(scores: dict[str, Any], data: dict[str, Any]) -> list[Doubt]:
    """What speaks against the figures: little learned, dev or test too small. Empty if nothing.

    scores, data: metrics/scores.json and corpus/data.json.
    """
    return [
        *doubt_learned(scores),
        *doubt_dev(data),
        *doubt_test(scores),
        *doubt_kept(scores, data),
    ]


def doubt_learned(scores: dict[str, Any]) -> list[Doubt]:
    """Whether the new labels, or some of them, were hardly learned."""
    new = scores["tuned"]["new"]
    todo = (
        "more texts (weasel run learning: would they help?); longer learning (training.max_epochs; "
        "training.min_steps, where texts are few); or rehearsal.ratio: 0, which learns more from a "
        "few texts and forgets about half of what the base knows (docs/keeping.md)"
    )
    if not new["ents_f"]:
        return [Doubt("nothing learned: F of the new labels is 0", todo)]
    if new["ents_f"] < LITTLE:
        return [Doubt(f"little learned: F {new['ents_f']:.3f} is below {LITTLE}", todo)]
    none = [
        label
        for label, own in new["per_label"].items()
        if own["misses"] and not own["true_positives"]
    ]
    if none:
        return [Doubt(f"nothing learned of {', '.join(none)}", "more examples of it")]
    return []


def doubt_dev(data: dict[str, Any]) -> list[Doubt]:
    """Whether dev has too few spans of what is learned to choose a model by."""
    spans = sum(data["spans"]["dev"].get(label, 0) for label in data["labels"])
    if spans >= LEAST_SPANS:
        return []
    return [
        Doubt(
            f"dev too small to choose by: which model is kept hangs on "
            f"{amount(spans, 'entity', 'entities')} in "
            f"{amount(data['documents']['dev'], 'document')} ({LEAST_SPANS} are few)",
            "more texts, or a larger data.dev",
        )
    ]


def doubt_test(scores: dict[str, Any]) -> list[Doubt]:
    """Whether test is too small to say how good the model is at the new labels."""
    if why := too_small(scores["tuned"]["new"], scores["documents"]["test"]):
        todo = "weasel run folds (every text of train is tested once), or more texts"
        return [Doubt(f"test too small to tell: {why}", todo)]
    return []


def doubt_kept(scores: dict[str, Any], data: dict[str, Any]) -> list[Doubt]:
    """Whether the general text can say what is kept; nothing is asked where it was given up."""
    if data.get("dropped_labels"):
        return []
    not_counted = (scores["gold"] or {}).get("not_counted", {})
    return doubt_general(not_counted, rare_labels(scores), "evaluate.general")


def rare_labels(scores: dict[str, Any]) -> dict[str, int]:
    """The labels that the base finds too rarely in general text to say whether they are kept.

    scores: metrics/scores.json. Returns how many entities of each the base finds, rarest first.
    """
    labels = scores["agreement"]["per_label"].items()
    return only_rare({label: own["true_positives"] + own["misses"] for label, own in labels})


def only_rare(found: dict[str, int]) -> dict[str, int]:
    """The labels of which fewer than LEAST_SPANS are found, the rarest first."""
    rare = {label: number for label, number in found.items() if number < LEAST_SPANS}
    return dict(sorted(rare.items(), key=lambda item: (item[1], item[0])))


def doubt_general(
    not_counted: dict[str, dict[str, float]], found: dict[str, int], where: str
) -> list[Doubt]:
    """What general text cannot say: labels of its gold that do not count, and rare ones.

    not_counted: what the base says in the place of these labels, with the share of their spans.
    found: how many entities of each of its labels the base finds in the text.
    where: what the text is called.
    """
    return [*doubt_meanings(not_counted), *doubt_rare(found, where)]


def doubt_meanings(not_counted: dict[str, dict[str, float]]) -> list[Doubt]:
    """Labels of gold by which the base means something else, or which it does not have."""
    if not not_counted:
        return []
    says = [
        f"{label} (to the base {', '.join(f'{share:.0%} {other}' for other, share in own.items())})"
        if own
        else f"{label} (to the base nothing)"
        for label, own in not_counted.items()
    ]
    names = {label: max(own, key=own.__getitem__) for label, own in not_counted.items() if own}
    rename = ", ".join(f"{label}: {own}" for label, own in names.items())
    todo = "agreement with the base says what is kept there"
    if rename:
        todo = f"evaluate.rename: {{{rename}}}, if they mean the same; otherwise {todo}"
    return [Doubt(f"gold of evaluate.general does not count: {'; '.join(says)}", todo)]


def doubt_rare(found: dict[str, int], where: str) -> list[Doubt]:
    """Labels that the base finds too rarely to say whether they are kept."""
    if not (rare := only_rare(found)):
        return []
    names = ", ".join(f"{label} ({number})" for label, number in rare.items())
    return [
        Doubt(
            f"too rare in {where} to say whether they are kept: {names}; {LEAST_SPANS} are few",
            "more general text that has them",
        )
    ]


def too_small(new: dict[str, Any], documents: int) -> str | None:
    """Why what was tested on is too small to say how good a model is; None where it is not.

    new: figures of the new labels, with the interval of F (`precision_recall_f`).
    documents: how many it was tested on.
    """
    spans = new["true_positives"] + new["misses"]
    low, high = new["ents_f_low"], new["ents_f_high"]
    if spans >= LEAST_SPANS and documents >= LEAST_DOCUMENTS and high - low <= WIDEST:
        return None
    # With so few, the interval itself is drawn from too little.
    width = "wide" if high - low > WIDEST else "not to be relied on"
    return (
        f"{amount(spans, 'entity', 'entities')} in {amount(documents, 'document')}, "
        f"and an interval of F, {low:.2f} to {high:.2f}, that is {width}"
    )
