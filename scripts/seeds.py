"""Several seeds: how much is chance, and do two settings really differ?

    python -m scripts.seeds metrics/seeds.csv --setting "" --setting "training.strategy=update"

A setting is what differs from params.yaml: keys with dots, several apart by spaces; an empty one is
params.yaml itself. Every setting is run with every seed, as DVC experiments in the queue. Prints
mean and spread, and for each two settings how often chance alone, dealing the runs out anew, makes
as large a difference (an exact permutation test: Fisher, 1935, The Design of Experiments; Pitman,
1937).
"""

from itertools import combinations
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import typer
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString
from hydra.errors import HydraException
from pydantic import ValidationError
from wasabi import msg

from scripts.experiments.core import Changes, Runner, clean_commit, name_of
from scripts.experiments.options import (
    AddressOption,
    Engine,
    EngineOption,
    JobsOption,
    RemoteOption,
)
from scripts.experiments.run import collect, report, run_all, write_table
from scripts.params import load_params, refuse, with_values
from scripts.scoring.chance import permutation_p

MEASURES = {
    "new_f": "tuned.new.ents_f",
    "kept_f": "tuned.kept.ents_f",
    "retention": "retention",
}


def parse_setting(text: str) -> Changes:
    """The keys and values of a setting, in Hydra's syntax, as `dvc exp run -S` has it."""
    changes: Changes = {}
    for part in text.split():
        key, equals, value = part.partition("=")
        if not (key and equals and value):
            raise typer.BadParameter(f"{part}: a setting is key=value, as training.dropout=0.3")
        try:
            found = OverridesParser.create().parse_override(part).value()
        except HydraException as error:
            raise typer.BadParameter(f"{part}: {error}") from None
        changes[key] = found.text if isinstance(found, QuotedString) else found
    return changes


def summarize(rows: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """A line for each setting: mean and standard deviation of every measure."""
    lines = []
    for setting in dict.fromkeys(row["setting"] for row in rows):
        runs = [row for row in rows if row["setting"] == setting]
        figures = [[row[key] for row in runs] for key in MEASURES]
        spread = [f"{mean(x):.4f} ± {stdev(x) if len(x) > 1 else 0:.4f}" for x in figures]
        lines.append((setting or "params.yaml", str(len(runs)), *spread))
    return lines


def judge(rows: list[dict[str, Any]]) -> list[str]:
    """For each two settings and measure: the difference, p, and what that means."""
    settings = list(dict.fromkeys(row["setting"] for row in rows))
    lines = []
    for one, other in combinations(settings, 2):
        for key in MEASURES:
            first, second = ([r[key] for r in rows if r["setting"] == s] for s in (one, other))
            p = permutation_p(first, second)
            # The most extreme way to deal them out, and its mirror image.
            least = permutation_p([0.0] * len(first), [1.0] * len(second))
            verdict = "differs" if p < 0.05 else "could be chance"
            if least >= 0.05:
                verdict = (
                    f"{len(first)} seeds can never tell (p is {least:.2f} at least): take more"
                )
            change = mean(second) - mean(first)
            names = f"{one or 'params.yaml'} → {other or 'params.yaml'}"
            lines.append(f"{key}, {names}: {change:+.4f}, p = {p:.3f}: {verdict}")
    return lines


def main(
    table: Path,
    setting: list[str] = typer.Option([""], help="May be given several times"),
    seeds: int = typer.Option(
        4,
        min=1,
        help="Runs of each setting; four of each are the least from which two can be told apart",
    ),
    engine: EngineOption = Engine.queue,
    jobs: JobsOption = 1,
    address: AddressOption = "auto",
    remote: RemoteOption = "origin",
) -> None:
    """Several seeds: how much is chance, and do two settings really differ?"""
    params = load_params()
    commit = clean_commit()
    runs: dict[str, Changes] = {}
    labels = []
    for text in setting:
        changes = parse_setting(text)
        try:
            with_values(params, changes)
        except ValidationError as error:
            refuse(Path("--setting"), error)
        for seed in range(seeds):
            values = {**changes, "training.seed": seed}
            name = name_of("seeds", commit, values)
            runs[name] = values
            labels.append({"setting": text, "seed": seed})
    report(run_all(runs, Runner(engine, jobs, address, remote)), len(runs))
    found = collect(commit, list(runs), MEASURES)
    rows = [label | row for label, row in zip(labels, found, strict=True)]
    write_table(rows, table)
    msg.table(summarize(rows), header=("setting", "seeds", *MEASURES), divider=True)
    for line in judge(rows):
        msg.info(line)


if __name__ == "__main__":
    typer.run(main)
