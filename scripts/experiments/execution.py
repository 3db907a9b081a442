"""Run the experiments that are missing, wherever they run, and show how far they are."""

from tqdm import tqdm
from wasabi import msg

from scripts.experiments.cluster import run_on_ray
from scripts.experiments.dvc_queue import run_in_queue
from scripts.experiments.ingredients import refuse_others
from scripts.experiments.naming import Changes
from scripts.experiments.repository import finished, head, refs_of
from scripts.experiments.runner import Engine, Runner
from scripts.provenance.revisions import facts


class Progress:
    """A bar that shows how many experiments are done, and the best figure so far.

    commit: the commit that the experiments belong to, in seven digits.
    measure: the figure whose best value is shown.
    total: how many experiments there will be.
    """

    def __init__(self, commit: str, measure: str, total: int) -> None:
        self.commit, self.measure = commit, measure
        self.names: set[str] = set()
        self.done: set[str] = set()
        self.best: float | None = None
        self.bar = tqdm(total=total, unit="experiment")

    def look(self) -> None:
        """Find out which experiments are done by now, and show it."""
        new = (finished(self.commit) & self.names) - self.done
        figures = [facts(refs_of(self.commit) + name).get(self.measure) for name in new]
        self.best = max((x for x in (*figures, self.best) if x is not None), default=None)
        self.done |= new
        if self.best is not None:
            self.bar.set_postfix_str(f"best {self.measure} {self.best:.4f}", refresh=False)
        self.bar.update(len(new))


def run_all(
    experiments: dict[str, Changes], runner: Runner, progress: Progress | None = None
) -> dict[str, str]:
    """Run every experiment that has no result yet.

    experiments: changes by the experiments' names.
    progress: a bar that shows other experiments, too; without it, these are shown alone, and they
    belong to the last commit.
    Returns where the log of each failed experiment can be read, by its name. Raises ExperimentError
    where results that are there were made of something else than is here.
    """
    progress = progress or Progress(head(), runner.measure, len(experiments))
    progress.names |= set(experiments)
    progress.look()
    done = {name: x for name, x in experiments.items() if name in progress.done}
    refuse_others(done, refs_of(progress.commit))
    missing = {name: x for name, x in experiments.items() if name not in progress.done}
    logs: dict[str, str] = {}
    if missing and runner.engine is Engine.ray:
        logs = run_on_ray(missing, progress.commit, runner, progress.look)
    elif missing:
        run_in_queue(missing, progress.commit, runner, progress.look)
    progress.look()
    progress.bar.refresh()
    failed = [name for name in missing if name not in progress.done]
    return {name: logs.get(name, f"dvc queue logs {name}") for name in failed}


def report_failures(failed: dict[str, str], total: int) -> None:
    """Print which experiments failed, and where their logs are; print nothing if none did.

    failed: as `run_all` returns it.
    """
    if failed:
        print()
        msg.fail(f"Failed: {len(failed)} of {total}. The same command runs what is missing.")
        print("\n".join(f"  {name}: {log}" for name, log in failed.items()))
