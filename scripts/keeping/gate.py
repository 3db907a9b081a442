"""The gates: a model that forgot too much of its base, or learned too little, is not packaged."""

from scripts.exceptions import PackageError
from scripts.params import Params

# What keeps more, by the strategy that was used.
WAYS_TO_KEEP = {
    "extend": (
        "Give more general text (rehearsal.text) or more of it in an epoch (rehearsal.ratio), and "
        "name a label of yours as the base's where both mean the same (data.rename)"
    ),
    "update": (
        "Give more general text (rehearsal.ratio, rehearsal.text), or take "
        "training.strategy: extend"
    ),
}
WAYS_TO_LEARN = (
    "Look at what is wrong in metrics/report.html and corpus/findings.html; weasel run learning "
    "says whether more texts would help, weasel run folds how sure the figure is"
)


def shares_kept(gold: float | None, agreement: float | None) -> dict[str, float]:
    """Name what is known of how much is left of the base.

    gold: retention by gold, from 0 up (above 1 the model gained). agreement: F against the base's
        own entities. None where there is no such figure.
    """
    shares = {"Retention on gold": gold, "Agreement with the base": agreement}
    return {what: share for what, share in shares.items() if share is not None}


def why_refused(shares: dict[str, float], strategy: str, params: Params) -> str | None:
    """Say why a model kept too little to be packaged, or return None where it kept enough.

    Gold and agreement are asked both, where there are both: gold may cover few of the base's
    labels, and agreement takes what the base got wrong for right.

    shares: of `shares_kept`; none where the base finds nothing, so that nothing can be measured.
    strategy: `training.strategy`; "replace" gives the base's knowledge up on purpose.
    params: `evaluate.min_retention` is the least share that must be left; 0 asks for nothing.
    """
    minimum = params.evaluate.min_retention
    if strategy == "replace" or minimum == 0:
        return None
    if not shares:
        return (
            "The base finds none of its labels in evaluate.general, so nothing can be said of what "
            "is kept: give text that has them, or set evaluate.min_retention to 0."
        )
    failed = [f"{what} {share:.3f}" for what, share in shares.items() if share < minimum]
    if failed:
        are = "is" if len(failed) == 1 else "are"
        return (
            f"{' and '.join(failed)} {are} below evaluate.min_retention {minimum}. "
            f"{WAYS_TO_KEEP[strategy]}; or lower evaluate.min_retention, if the loss is accepted."
        )
    return None


def check_retention(scores: dict, params: Params) -> None:
    """Raise PackageError where `why_refused` has a reason; the message adds figures by label.

    scores: the content of metrics/scores.json.
    """
    agreed = scores["agreement"]
    shares = shares_kept((scores["gold"] or {}).get("retention"), agreed["ents_f"])
    if reason := why_refused(shares, params.training.strategy, params):
        known = [
            f"{label} {own['ents_f']:.2f}"
            for label, own in agreed["per_label"].items()
            if own["ents_f"] is not None
        ]
        raise PackageError(
            f"{reason} F of the base's labels on general text: {list_changes(scores, 'kept')}. "
            f"Agreement with the base: {', '.join(known) or 'unknown'}."
        )


def check_learned(scores: dict, params: Params) -> None:
    """Raise PackageError where the new labels' F is below `evaluate.min_new_f`, label by label.

    scores: the content of metrics/scores.json.
    """
    new_f, minimum = scores["tuned"]["new"]["ents_f"], params.evaluate.min_new_f
    if new_f < minimum:
        raise PackageError(
            f"F of the new labels, {new_f:.3f}, is below evaluate.min_new_f {minimum}. "
            f"{WAYS_TO_LEARN}; or lower evaluate.min_new_f. "
            f"F of the new labels, base and tuned: {list_changes(scores, 'new')}."
        )


def check_gates(scores: dict, params: Params) -> None:
    """Raise PackageError where a model kept or learned too little, or left out a fold.

    scores: the content of metrics/scores.json.
    """
    check_retention(scores, params)
    check_learned(scores, params)
    if params.data.fold:
        raise PackageError(
            f"data.fold is {params.data.fold}, so this model did not learn from that part of the "
            'data, which is for testing only. Set data.fold to "" and run again.'
        )


def list_changes(scores: dict, measured: str) -> str:
    """F of each label, from base to tuned.

    measured: "new" or "kept".
    """
    base, tuned = (scores[model][measured]["per_label"] for model in ("base", "tuned"))
    changes = [
        f"{label} {base[label]['ents_f']:.2f} → {tuned[label]['ents_f']:.2f}" for label in base
    ]
    return ", ".join(changes) or "there are none"
