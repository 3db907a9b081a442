"""Whether enough was kept."""

from scripts.exceptions import PackageError
from scripts.params import Params


def check_retention(scores: dict, minimum: float) -> None:
    """Refuse a model that has forgotten more than `evaluate.min_retention` allows."""
    if scores["retention"] is None and minimum > 0:
        raise PackageError(
            "The base finds none of its labels in evaluate.general, so nothing can be said of what "
            "is kept: give text that has them, or set evaluate.min_retention to 0."
        )
    if minimum > 0 and scores["retention"] < minimum:
        base, tuned = scores["base"]["kept"]["per_label"], scores["tuned"]["kept"]["per_label"]
        lost = ", ".join(
            f"{label} {base[label]['ents_f']:.2f} → {tuned[label]['ents_f']:.2f}" for label in base
        )
        raise PackageError(
            f"Retention {scores['retention']:.3f} is below evaluate.min_retention {minimum} "
            f"({lost}). Give more general text (rehearsal.ratio, rehearsal.text), or take "
            "training.strategy: extend; or lower evaluate.min_retention, if the loss is accepted."
        )


def keeps(retention: float | None, strategy: str, params: Params) -> bool:
    """Whether `package` would take it, as its gate decides."""
    minimum = params.evaluate.min_retention
    return minimum == 0 or strategy == "replace" or (retention is not None and retention >= minimum)
