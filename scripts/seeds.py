"""Several seeds: how much is chance, and do two settings really differ?

    python -m scripts.seeds metrics/seeds.csv --setting "" --setting "training.strategy=update"

A setting is what differs from params.yaml: keys with dots and their values, separated by spaces. An
empty setting is params.yaml itself. Every setting is run with every seed, as DVC experiments.
Prints the mean and spread of each setting, and for each two settings an exact permutation test:
how often chance alone would make as large a difference.
"""

from pathlib import Path

import typer
from wasabi import msg

from scripts.exceptions import door
from scripts.experiments.execution import report_failures, run_all
from scripts.experiments.naming import name_of
from scripts.experiments.repository import clean_commit
from scripts.experiments.runner import (
    AddressOption,
    Engine,
    EngineOption,
    JobsOption,
    RemoteOption,
    Runner,
    load_params_for,
)
from scripts.experiments.seed_comparison import MEASURES, judge, seeded, summarize
from scripts.experiments.tables import add_origin, collect, write_table

SEEDS = "Runs of each setting; two settings cannot be told apart by fewer than four of each"


@door
def main(
    table: Path,
    setting: list[str] = typer.Option([""], help="May be given several times"),
    seeds: int = typer.Option(4, min=1, help=SEEDS),
    engine: EngineOption = Engine.queue,
    jobs: JobsOption = 1,
    address: AddressOption = "auto",
    remote: RemoteOption = "origin",
) -> None:
    """Several seeds: how much is chance, and do two settings really differ?"""
    params = load_params_for(engine)
    commit = clean_commit([table])
    runs = seeded(setting, seeds, params)
    named = [(name_of("seeds", commit, changes), changes) for _, changes in runs]
    names, experiments = [name for name, _ in named], dict(named)
    failed = run_all(experiments, Runner(engine, jobs, address, remote, written=(table,)))
    report_failures(failed, len(experiments))
    rows = [
        {"setting": text, "seed": changes["training.seed"], **row}
        for (text, changes), row in zip(runs, collect(commit, names, MEASURES), strict=True)
    ]
    write_table(add_origin(rows, commit, named), table)
    msg.table(summarize(rows), header=("setting", "seeds", *MEASURES), divider=True)
    for line in judge(rows):
        msg.info(line)


if __name__ == "__main__":
    typer.run(main)
