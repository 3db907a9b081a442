"""A search by Optuna: each batch of trials is chosen by the results of the batches before.

The study is kept in a file or a database, so that an interrupted search can continue. The values of
a trial depend on the seed, on its number and on the trials finished before its batch, and not on
time: the same seed and the same number of trials at a time give the same trials, interrupted or
not.
"""

from collections.abc import Callable
from pathlib import Path

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from scripts.experiments.declaration import Choices, Range, Sweep
from scripts.experiments.naming import Changes
from scripts.storage.dvc import hash_values

Result = tuple[float, float]
"""The figure to maximize, and by how much retention is too low (0 or less: enough is kept)."""


def distribution(values: Choices | Range) -> BaseDistribution:
    """Choices or a range in Optuna's terms."""
    if isinstance(values, list):
        return CategoricalDistribution(values)
    if isinstance(values.low, int) and isinstance(values.high, int):
        step = 1 if values.step is None else int(values.step)
        return IntDistribution(values.low, values.high, log=values.log, step=step)
    return FloatDistribution(values.low, values.high, log=values.log, step=values.step)


def open_storage(storage: str) -> BaseStorage | str:
    """A database, where `storage` is a URL; otherwise a file, whose folder is made."""
    if "://" in storage:
        return storage
    Path(storage).parent.mkdir(parents=True, exist_ok=True)
    return JournalStorage(JournalFileBackend(storage))


def open_study(sweep: Sweep, commit: str) -> optuna.Study:
    """The study of a commit and a declaration, begun or continued.

    A declaration that differs only in the number of trials has the same study.
    """
    declared = sweep.model_dump(include={"search", "seed", "maximize"})
    return optuna.create_study(
        study_name=f"sweep-{commit}-{hash_values(declared)[:10]}",
        storage=open_storage(sweep.storage),
        direction="maximize",
        load_if_exists=True,
    )


def retry_unfinished(study: optuna.Study, keys: list[str]) -> None:
    """Put trials that failed, or ran when the search was stopped, into the study's queue again."""
    for trial in study.get_trials(states=[TrialState.RUNNING]):
        study.tell(trial.number, state=TrialState.FAIL)
        if set(keys) == set(trial.params):
            study.enqueue_trial(trial.params)


def ask(study: optuna.Study, sweep: Sweep, jobs: int) -> list[optuna.Trial]:
    """The next batch of trials; none when all are done.

    Every batch ends at a multiple of `jobs`, also after an interruption within a batch.
    """
    space = {key: distribution(values) for key, values in (sweep.search or {}).items()}
    counted = [TrialState.COMPLETE, TrialState.RUNNING]
    begun = len(study.get_trials(states=counted, deepcopy=False))
    end = min(sweep.trials or 0, (begun // jobs + 1) * jobs)
    batch = []
    for number in range(begun, end):
        # The sampler of a new process starts again at its seed, so each trial gets its own seed.
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
    """Run all trials, batch by batch; return whether none failed.

    jobs: the size of a batch.
    run: runs a batch and returns a result for each trial, None where it failed.
    """
    study = open_study(sweep, commit)
    retry_unfinished(study, sweep.keys)
    failed = 0
    while batch := ask(study, sweep, jobs):
        results = run([trial.params for trial in batch])
        for trial, result in zip(batch, results, strict=True):
            # A failed trial stays open, so that the same command runs it again.
            if result is not None:
                trial.set_constraint("retention", result[1])
                study.tell(trial, result[0])
        failed += results.count(None)
        if not any(results):
            break  # when a whole batch fails, the next ones would fail, too
    return not failed


def importances_of(sweep: Sweep, commit: str) -> dict[str, float]:
    """The share of the differences that each parameter explains (PED-ANOVA), by its key.

    Empty where there are too few different results to say that.
    """
    study = open_study(sweep, commit)
    done = study.get_trials(states=[TrialState.COMPLETE], deepcopy=False)
    if len({trial.value for trial in done}) < 4:
        return {}
    evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    return optuna.importance.get_param_importances(study, evaluator=evaluator)
