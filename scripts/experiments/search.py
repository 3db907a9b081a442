"""A search by Optuna: each batch of trials is chosen by what the ones before came to.

The study is kept in a file or a database, so that an interrupted search goes on. What a trial tries
hangs on the seed, its number and the finished trials before its batch, not on the time: the same
seed and the same number of trials at a time give the same trials, interrupted or not.
"""

from collections.abc import Callable
from pathlib import Path

import optuna
from dvc.utils import dict_sha256
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from scripts.experiments.core import Changes
from scripts.experiments.declaration import Choices, Range, Sweep

Result = tuple[float, float]
"""What is maximized, and by how much retention misses what must be kept (0 or less: it is kept)."""


def distribution(values: Choices | Range) -> BaseDistribution:
    """Choices or a range in Optuna's terms."""
    if isinstance(values, list):
        return CategoricalDistribution(values)
    if isinstance(values.low, int) and isinstance(values.high, int):
        step = 1 if values.step is None else int(values.step)
        return IntDistribution(values.low, values.high, log=values.log, step=step)
    return FloatDistribution(values.low, values.high, log=values.log, step=values.step)


def open_storage(storage: str) -> BaseStorage | str:
    """A database by its URL, otherwise a file."""
    if "://" in storage:
        return storage
    Path(storage).parent.mkdir(parents=True, exist_ok=True)
    return JournalStorage(JournalFileBackend(storage))


def open_study(sweep: Sweep, commit: str) -> optuna.Study:
    """The study of a commit and a declaration; more trials are the same study."""
    declared = sweep.model_dump(include={"search", "seed", "maximize"})
    return optuna.create_study(
        study_name=f"sweep-{commit}-{dict_sha256(declared)[:10]}",
        storage=open_storage(sweep.storage),
        direction="maximize",
        load_if_exists=True,
    )


def take_up(study: optuna.Study, keys: list[str]) -> None:
    """Trials that were running when the search died, or failed, come again with their values."""
    for trial in study.get_trials(states=[TrialState.RUNNING]):
        study.tell(trial.number, state=TrialState.FAIL)
        if set(keys) == set(trial.params):
            study.enqueue_trial(trial.params)


def ask(study: optuna.Study, sweep: Sweep, jobs: int) -> list[optuna.Trial]:
    """The next batch; every batch ends at a multiple of `jobs`, where an interruption fell, too."""
    space = {key: distribution(values) for key, values in (sweep.search or {}).items()}
    counted = [TrialState.COMPLETE, TrialState.RUNNING]
    begun = len(study.get_trials(states=counted, deepcopy=False))
    end = min(sweep.trials or 0, (begun // jobs + 1) * jobs)
    batch = []
    for number in range(begun, end):
        # A sampler's random numbers start anew with each process, so each trial has its own seed.
        study.sampler = optuna.samplers.TPESampler(seed=sweep.seed + number, constant_liar=True)
        batch.append(study.ask(space))
    return batch


def search(
    *,
    sweep: Sweep,
    commit: str,
    jobs: int,
    run: Callable[[list[Changes]], list[Result | None]],
) -> bool:
    """Ask, run, tell, until all trials are done; whether none failed.

    run: gives a result for each setting, None where it failed.
    """
    study = open_study(sweep, commit)
    take_up(study, sweep.keys)
    failed = 0
    while batch := ask(study, sweep, jobs):
        results = run([trial.params for trial in batch])
        for trial, result in zip(batch, results, strict=True):
            # One that failed stays open: the same command runs it again.
            if result is not None:
                trial.set_constraint("retention", result[1])
                study.tell(trial, result[0])
        failed += results.count(None)
        if not any(results):
            break  # what fails every time need not be tried a hundred times
    return not failed


def importances_of(sweep: Sweep, commit: str) -> dict[str, float]:
    """How much of the differences each parameter explains; empty where that cannot be said."""
    study = open_study(sweep, commit)
    done = study.get_trials(states=[TrialState.COMPLETE], deepcopy=False)
    if len({trial.value for trial in done}) < 4:
        return {}
    evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    return optuna.importance.get_param_importances(study, evaluator=evaluator)
