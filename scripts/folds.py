"""How good is the model where a test split would be too small to tell? Every text is tested once.

    python -m scripts.folds metrics/folds.csv [--folds 5]

Cuts train's documents into folds (`data.fold`) and runs a DVC experiment for each, which is tested
on its fold and learns from the others. What all of them found is measured together, with the
interval over all documents. A file of dev.* stays dev in each fold; one of test.* takes no part.
"""

from pathlib import Path

import typer
from wasabi import msg

from scripts.exceptions import door
from scripts.experiments.execution import report_failures, run_all
from scripts.experiments.folds import (
    conclude,
    experiments_of,
    own_result,
    pool,
    read_folds,
    refuse_few,
    table_of,
    with_origin,
)
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
from scripts.experiments.tables import write_table


@door
def main(
    table: Path,
    folds: int = typer.Option(5, min=2, help="How many parts; each is tested on once"),
    engine: EngineOption = Engine.queue,
    jobs: JobsOption = 1,
    address: AddressOption = "auto",
    remote: RemoteOption = "origin",
) -> None:
    """How good is the model where a test split would be too small to tell?"""
    params = load_params_for(engine)
    commit = clean_commit([table])
    refuse_few(params, folds)
    experiments = experiments_of(commit, folds)
    runner = Runner(engine, jobs, address, remote, written=(table,))
    report_failures(run_all(experiments, runner), len(experiments))
    results = read_folds(commit, list(experiments))
    names = [changes["data.fold"] for changes in experiments.values()]
    own = [own_result(name, scores) for name, (scores, _) in zip(names, results, strict=True)]
    everything = pool(results)
    write_table(with_origin(table_of(own, everything), commit, experiments), table)
    msg.info(conclude(everything))


if __name__ == "__main__":
    typer.run(main)
