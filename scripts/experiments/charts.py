"""The pictures of a sweep, as SVG: new labels against retention, and what each parameter did."""

import json
from pathlib import Path
from typing import Any

import vl_convert

from scripts.experiments.declaration import Range, Sweep
from scripts.experiments.naming import NEW_F, short_names

TEMPLATE = Path(__file__).with_name("frontier.json")


def as_label(value: Any) -> str:
    """A value with at most three significant digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def title_of(text: str, rows: list[dict[str, Any]]) -> dict[str, str]:
    """The title of a picture, with the commit that its trials belong to."""
    return {"text": text, "subtitle": f"trials of {rows[0]['name'].split('-')[1]}"}


def plot_frontier(rows: list[dict[str, Any]], keys: list[str]) -> str:
    """F of the new labels against retention, as SVG.

    rows: of `mark_best`, a point each.
    keys: the parameters that are varied. Colour shows the first one whose values are words (or,
    where there is none, whether a trial is among the best); labels at the points show the others.
    """
    names = short_names(keys)
    colour = next((x for x in names.values() if isinstance(rows[0][x], str)), "best")
    others = [x for x in names.values() if x != colour]
    label = others[0] if len(others) == 1 else "label"
    title = next((key for key, name in names.items() if name == colour), "no other is better")
    text = TEMPLATE.read_text(encoding="utf8")
    for old, new in (("training.strategy", title), ("strategy", colour), ("ratio", label)):
        text = text.replace(json.dumps(old), json.dumps(new))
    spec = json.loads(text)
    if label == "label":
        # Values of several keys have no order that a line could follow, and their labels need room.
        spec["layer"] = [layer for layer in spec["layer"] if layer["mark"]["type"] != "line"]
        shown = [", ".join(as_label(row[x]) for x in others) for row in rows]
        crowded = len(rows) > 12
        rows = [
            row | {"label": "" if crowded and not row["best"] else text}
            for row, text in zip(rows, shown, strict=True)
        ]
    title_and_data = {
        "title": title_of("New labels against retention", rows),
        "data": {"values": rows},
    }
    return vl_convert.vegalite_to_svg(spec | title_and_data)


def axis_of(field: str, title: str, space: Any) -> dict[str, Any]:
    """The axis of a parameter in Vega-Lite. space: its choices, or a `Range`."""
    axis: dict[str, Any] = {"field": field, "title": title}
    if isinstance(space, list) and any(isinstance(x, str | bool) for x in space):
        return axis | {"type": "nominal", "axis": {"labelAngle": 0}, "sort": None}
    scale = {"type": "log"} if isinstance(space, Range) and space.log else {"zero": False}
    few = {"tickCount": 4, "labelOverlap": True}
    return axis | {"type": "quantitative", "scale": scale | {"padding": 12}, "axis": few}


def panel(x: dict[str, Any], measure: tuple[str, str], means: bool) -> dict[str, Any]:
    """What a parameter did to a measure: a point for each trial.

    x: of `axis_of`.
    measure: the field, and its title.
    means: whether the mean for each value is drawn, too.
    """
    y: dict[str, Any] = {"field": measure[0], "type": "quantitative", "title": measure[1]}
    y["scale"] = {"zero": False, "padding": 10}
    kept = {
        "field": "kept",
        "title": "keeps min_retention",
        "scale": {"domain": ["yes", "no"], "range": ["#4c78a8", "#e45756"]},
    }
    points = {"mark": {"type": "point", "filled": True, "size": 50}, "encoding": {"color": kept}}
    line: dict[str, Any] = {"type": "line", "color": "#999"}
    if x["type"] == "nominal":
        line = {"type": "tick", "thickness": 2, "color": "black"}
    mean = {"mark": line, "encoding": {"y": y | {"aggregate": "mean"}}}
    layers = [mean, points] if means else [points]
    return {"width": 210, "height": 150, "encoding": {"x": x, "y": y}, "layer": layers}


def plot_parameters(rows: list[dict[str, Any]], sweep: Sweep, importances: dict[str, float]) -> str:
    """What each parameter did to F and to retention, as SVG: a column for each parameter.

    importances: of `importances_of`; may be empty.
    """
    names = short_names(sweep.keys)
    measures = [("new_f", "F of the new labels"), ("retention", "retention")]
    if sweep.maximize != NEW_F:
        # Vega takes a dot in the name of a field for a path.
        rows = [row | {"maximized": row[sweep.maximize]} for row in rows]
        measures = [("maximized", sweep.maximize), measures[1]]
    spaces = sweep.grid or sweep.search or {}
    rows = [row | {f"x{i}": row[name] for i, name in enumerate(names.values())} for row in rows]
    panels = []
    for measure in measures:
        for number, key in enumerate(sweep.keys):
            share = f" ({importances[key]:.0%} of the differences)" if key in importances else ""
            axis = axis_of(f"x{number}", key + share, spaces[key])
            panels.append(panel(axis, measure, isinstance(spaces[key], list)))
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": title_of("What each parameter did", rows),
        "data": {"values": rows},
        "background": "white",
        "columns": len(names),
        "concat": panels,
    }
    return vl_convert.vegalite_to_svg(spec)
