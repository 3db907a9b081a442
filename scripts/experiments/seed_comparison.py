"""Are two settings really different, or is it chance? Runs with several seeds tell.

The test is an exact permutation test (Fisher, 1935, The Design of Experiments; Pitman, 1937).
"""

from itertools import combinations
from statistics import mean, stdev
from typing import Any

from pydantic import ValidationError

from scripts.experiments.arguments import parse_setting
from scripts.experiments.naming import NEW_F, RETENTION, Changes
from scripts.params import Params, with_values
from scripts.scoring.chance import permutation_p
from scripts.settings.complaints import refuse

MEASURES = {"new_f": NEW_F, "kept_f": "tuned.kept.ents_f", "retention": RETENTION}
LEVEL = 0.05


def seeded(settings: list[str], seeds: int, params: Params) -> list[tuple[str, Changes]]:
    """Every setting with every seed from 0: the setting as it was given, and all its changes.

    Raises typer.BadParameter or ParamsError where a setting cannot be used.
    """
    runs = []
    for text in settings:
        changes = parse_setting(text)
        try:
            with_values(params, changes)
        except ValidationError as error:
            refuse("--setting", error, Params)
        runs += [(text, {**changes, "training.seed": seed}) for seed in range(seeds)]
    return runs


def summarize(rows: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """A line for each setting: its name, its number of runs, mean ± standard deviation of each of
    MEASURES.
    """
    lines = []
    for setting in dict.fromkeys(row["setting"] for row in rows):
        runs = [row for row in rows if row["setting"] == setting]
        figures = [[row[key] for row in runs] for key in MEASURES]
        spread = [f"{mean(x):.4f} ± {stdev(x) if len(x) > 1 else 0:.4f}" for x in figures]
        lines.append((setting or "params.yaml", str(len(runs)), *spread))
    return lines


def conclusion(first: list[float], second: list[float]) -> str:
    """The difference between the means of two settings' runs, its p-value, and what it means."""
    p = permutation_p(first, second)
    # No runs can be further apart than these, so no p-value can be smaller.
    least = permutation_p([0.0] * len(first), [1.0] * len(second))
    verdict = "differs" if p < LEVEL else "could be chance"
    if least >= LEVEL:
        verdict = f"{len(first)} seeds can never tell (p is {least:.2f} at least): take more"
    return f"{mean(second) - mean(first):+.4f}, p = {p:.3f}: {verdict}"


def judge(rows: list[dict[str, Any]]) -> list[str]:
    """A line for each two settings and each of MEASURES, with its `conclusion`."""
    settings = list(dict.fromkeys(row["setting"] for row in rows))
    lines = []
    for one, other in combinations(settings, 2):
        for key in MEASURES:
            first, second = ([r[key] for r in rows if r["setting"] == s] for s in (one, other))
            names = f"{one or 'params.yaml'} → {other or 'params.yaml'}"
            lines.append(f"{key}, {names}: {conclusion(first, second)}")
    return lines
