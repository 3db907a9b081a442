"""The score over the amount of training data, and whether more of it would help."""

from typing import Any

import vl_convert

from scripts.experiments.naming import NEW_F, RETENTION, Changes

SHARES = (0.25, 0.5, 0.75, 1.0)
COLUMNS = {
    "share": "data.train_share",
    "new_f": NEW_F,
    "low": f"{NEW_F}_low",
    "high": f"{NEW_F}_high",
    "retention": RETENTION,
}


def points_of(commit: str) -> dict[str, Changes]:
    """The experiments of a learning curve, by their names, from the smallest share to the whole."""
    return {f"learning-{commit}-{share}": {"data.train_share": share} for share in SHARES}


def plot_learning(rows: list[dict[str, Any]], commit: str) -> str:
    """F of the new labels over the share of train, with its 95% interval, as SVG.

    rows: those of the table, a point each.
    commit: the one that the experiments belong to; the picture names it.
    """
    share = {"field": "share", "type": "quantitative", "title": "share of train's documents"}
    y = {"type": "quantitative", "title": "F of the new labels", "scale": {"zero": False}}
    line = {"type": "line", "point": True}
    bounds = {"x": share, "y": y | {"field": "low"}, "y2": {"field": "high"}}
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": {"text": "More data", "subtitle": f"experiments of {commit}"},
        "data": {"values": rows},
        "width": 560,
        "height": 360,
        "background": "white",
        "layer": [
            {"mark": {"type": "area", "opacity": 0.2}, "encoding": bounds},
            {"mark": line, "encoding": {"x": share, "y": y | {"field": "new_f"}}},
        ],
    }
    return vl_convert.vegalite_to_svg(spec)


def advice(row: dict[str, Any]) -> str:
    """What the step from three quarters of the training data to all of it says.

    row: the row of `compare_revisions` for all new labels.
    """
    step = f"From three quarters to all, F changes by {row['difference']:+.3f} (p = {row['p']:.4f})"
    if row["p"] < 0.05 and row["difference"] > 0:
        return f"{step}: more annotation is likely to help."
    return f"{step}: from this it cannot be said that more annotation would help."
