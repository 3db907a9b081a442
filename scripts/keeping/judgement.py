"""The judgement of a model: its figures in brief, as DVC's tables show them, and whether it ships.

DVC runs an experiment's stages as it runs all others, but an experiment builds no package. That one
is still due has to show in dvc.lock, or else `dvc repro` would have nothing to do once an
experiment was taken over. So `package` depends on verdict.json, and an experiment marks that file:
what dvc.lock then says the package was made of is not what `judge` wrote.
"""

from pathlib import Path
from typing import Any

from scripts.exceptions import PackageError
from scripts.keeping.gate import check_gates
from scripts.params import Params
from scripts.storage.json_files import read_json, write_json


def in_brief(scores: dict[str, Any], live: dict[str, Any]) -> dict[str, float | str]:
    """The figures by which models are compared, those that matter most first.

    scores: the content of metrics/scores.json.
    live: the content of training/live/metrics.json.

    Returns shares from 0 to 1, rounded to three digits, and the loss of the last evaluation; a
    figure that is unknown is left out, because DVC shows nothing for it. `retention_by` says what
    `retention` is the figure of, "gold" or "agreement".
    """
    new, kept = scores["tuned"]["new"], scores["tuned"]["kept"]
    figures = {
        "new_f": new["ents_f"],
        "kept_f": kept["ents_f"],
        "retention": scores["retention"],
        "retention_by": scores["retention_by"],
        "agreement": scores["agreement"]["ents_f"],
        "dev_score": live["best"]["score"],
        "loss": live["loss"],
        "new_low": new["ents_f_low"],
        "new_high": new["ents_f_high"],
        "kept_low": scores["retention_low"],
    }
    return {
        name: figure if isinstance(figure, str) else round(figure, 3)
        for name, figure in figures.items()
        if figure is not None
    }


def refusal(scores: dict[str, Any], params: Params) -> str | None:
    """Why a gate keeps a model from being packaged, or None where it may be.

    scores: the content of metrics/scores.json.
    """
    try:
        check_gates(scores, params)
    except PackageError as error:
        return str(error)
    return None


def judge(*, scores: Path, live: Path, params: Params, summary: Path, verdict: Path) -> str | None:
    """Write the figures in brief, and the verdict with its reason.

    scores, live: metrics/scores.json and training/live/metrics.json.
    summary: gets `in_brief`, and "ships", whether the model may be packaged.
    verdict: gets "ships" and "reason", which is null where the model may be packaged.

    Returns the reason.
    """
    measured = read_json(scores)
    reason = refusal(measured, params)
    brief = in_brief(measured, read_json(live))
    write_json(summary, {"ships": reason is None} | brief)
    write_json(verdict, {"ships": reason is None, "reason": reason})
    return reason


def mark_as_due(verdict: Path) -> None:
    """Note in a verdict that an experiment built no package of it, which is therefore still due."""
    write_json(verdict, read_json(verdict) | {"experiment": True})
