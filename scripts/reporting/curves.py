"""Learning curves: read from the files that DVCLive writes in training, drawn as inline SVG.

`dvc plots` draws the same files with templates that react to the mouse. A page that may not load
Vega needs still pictures, so the specs here are plainer. No text from data gets into a picture:
its legend is HTML, which the page's template escapes.
"""

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import vl_convert
from markupsafe import Markup

Points = list[tuple[float, float]]
"""Pairs of step and value."""
Curves = dict[str, Points]
"""Points by the curve's name; the slashes in a name are folders."""

LOSS, SCORES = "Loss in training", "Scores on dev"
# How the lines of a picture are told apart, by dashes, too: not everybody sees every colour. The
# page has the colours, one set for light and one for dark, and draws the same lines in its legend.
DASHES = ([1, 0], [7, 3], [2, 3], [9, 3, 2, 3], [12, 4], [4, 2, 1, 2, 1, 2])
AXIS = {
    "domain": False,
    "ticks": False,
    "gridColor": "var(--line)",
    "labelColor": "var(--soft)",
    "titleColor": "var(--soft)",
    "labelFontSize": 11,
    "titleFontSize": 11,
    "titleFontWeight": "normal",
    "tickCount": 5,
}


@dataclass(frozen=True)
class Figure:
    """Curves that share a picture.

    legend: for each curve the number of its style and what is said of it.
    """

    title: str
    svg: Markup
    legend: list[tuple[int, str]]


def read_curves(folder: Path) -> Curves:
    """Read the finite values of every step from DVCLive's TSV files below `folder`.

    Files without such values are left out; there is no curve where the folder does not exist.
    """
    curves: Curves = {}
    for path in sorted(folder.rglob("*.tsv")):
        with path.open(encoding="utf8", newline="") as file:
            table = csv.DictReader(file, delimiter="\t")
            rows = [(float(row["step"]), float([*row.values()][-1])) for row in table]
        finite = [(step, value) for step, value in rows if math.isfinite(value)]
        if finite:
            curves[path.relative_to(folder).with_suffix("").as_posix()] = finite
    return curves


def is_share(points: Points) -> bool:
    """Whether all values are from 0 to 1, as scores are."""
    return all(0 <= value <= 1 for _, value in points)


def group_curves(curves: Curves) -> dict[str, Curves]:
    """Say which curves share a picture: losses, scores, and those of each folder.

    A curve that is neither a loss nor a score has a picture of its own.
    """
    groups: dict[str, Curves] = {LOSS: {}, SCORES: {}}
    for name, points in curves.items():
        folder, _, last = name.rpartition("/")
        if "loss" in name:
            title, own = LOSS, name
        elif folder:
            title, own = folder, last
        else:
            title, own = SCORES if is_share(points) else name, name
        groups.setdefault(title, {})[own] = points
    return {title: group for title, group in groups.items() if group}


def short(value: float) -> str:
    """A number with at most four significant digits."""
    return f"{float(f'{value:.4g}'):,.10g}"


def describe(name: str, points: Points) -> str:
    """Say where a curve ends and, unless it is a loss, where it is highest."""
    end = f"{name}: {short(points[-1][1])} at the end"
    if "loss" in name:
        return end
    step, best = max(points, key=lambda point: point[1])
    return f"{end}, best {short(best)} at step {short(step)}"


def style_of(number: int) -> int:
    """The style of a picture's line; after the last style, the first comes again."""
    return number % len(DASHES)


def make_spec(group: Curves, scores: bool) -> dict[str, Any]:
    """The Vega-Lite spec of a picture.

    scores: let the axis of the values go from 0 to 1.
    """
    values = [
        {"line": number, "step": step, "value": value}
        for number, points in enumerate(group.values())
        for step, value in points
    ]
    numbers = range(len(group))
    colours = [f"var(--line-{style_of(number)})" for number in numbers]
    dashes = [DASHES[style_of(number)] for number in numbers]
    line: dict[str, Any] = {"field": "line", "type": "nominal", "legend": None}
    scale = {"domain": [0, 1]} if scores else {"zero": True}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "data": {"values": values},
        "width": 340,
        "height": 180,
        "background": None,
        # The points show a curve that has only one.
        "mark": {"type": "line", "strokeWidth": 2, "strokeJoin": "round", "point": {"size": 12}},
        "encoding": {
            "x": {
                "field": "step",
                "type": "quantitative",
                "title": "step",
                "axis": {"grid": False},
            },
            "y": {"field": "value", "type": "quantitative", "title": None, "scale": scale},
            "color": line | {"scale": {"domain": [*numbers], "range": colours}},
            "strokeDash": line | {"scale": {"domain": [*numbers], "range": dashes}},
        },
        # The page names each picture; without this every line would be read out as its numbers.
        "config": {"aria": False, "axis": AXIS, "view": {"stroke": None}},
    }


def draw_figure(title: str, group: Curves) -> Figure:
    """Draw curves into one picture."""
    scores = title != LOSS and all(map(is_share, group.values()))
    svg = vl_convert.vegalite_to_svg(make_spec(group, scores))
    # Within HTML, SVG needs no namespace.
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg)
    legend = [
        (style_of(number), describe(name, points))
        for number, (name, points) in enumerate(group.items())
    ]
    return Figure(title, Markup(svg), legend)


def draw_curves(curves: Curves) -> list[Figure]:
    """Draw all curves, those of a training as a whole first."""
    return [draw_figure(title, group) for title, group in group_curves(curves).items()]
