"""The retention gate: a model that forgot too much of its base is not packaged."""

from scripts.exceptions import PackageError
from scripts.params import Params


def why_refused(retention: float | None, strategy: str, params: Params) -> str | None:
    """Say why a model must not be packaged, or return None where it may be.

    retention: the share of the base's F that is left, from 0 up (above 1 the model gained);
        None where the base finds nothing, so that it cannot be measured.
    strategy: `training.strategy`; "replace" gives the base's knowledge up on purpose.
    params: `evaluate.min_retention` is the least share that must be left; 0 asks for nothing.
    """
    minimum = params.evaluate.min_retention
    if strategy == "replace" or minimum == 0:
        return None
    if retention is None:
        return (
            "The base finds none of its labels in evaluate.general, so nothing can be said of what "
            "is kept: give text that has them, or set evaluate.min_retention to 0."
        )
    if retention < minimum:
        return (
            f"Retention {retention:.3f} is below evaluate.min_retention {minimum}. Give more "
            "general text (rehearsal.ratio, rehearsal.text), or take training.strategy: extend; "
            "or lower evaluate.min_retention, if the loss is accepted."
        )
    return None


def check_retention(scores: dict, params: Params) -> None:
    """Raise PackageError where `why_refused` has a reason; the message adds F label by label.

    scores: the content of metrics/scores.json.
    """
    if reason := why_refused(scores["retention"], params.training.strategy, params):
        base, tuned = (scores[model]["kept"]["per_label"] for model in ("base", "tuned"))
        changes = ", ".join(
            f"{label} {base[label]['ents_f']:.2f} → {tuned[label]['ents_f']:.2f}" for label in base
        )
        raise PackageError(f"{reason} F of the base's labels: {changes or 'there are none'}.")
