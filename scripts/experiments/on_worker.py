"""A trial on a worker of a cluster: clone the repository, run the trial, push its results.

Ray sends this module and clones.py to workers that have no other file of the project, so it imports
nothing else but Python's standard library, and calls git and DVC.
"""

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from scripts.experiments.clones import own_clone, run_in_clone


@dataclass(frozen=True)
class Trial:
    """What a worker has to know of a trial.

    arguments: those of `dvc exp run` for the trial's values.
    targets: the last stages that are run.
    refs: the folder of Git references that holds the commit's experiments.
    url: the Git remote.
    author: the name and e-mail address for commits.
    """

    name: str
    arguments: list[str]
    targets: tuple[str, ...]
    commit: str
    refs: str
    url: str
    author: tuple[str, str]


def run_trial(trial: Trial) -> str | None:
    """Run a trial in a clone, and push its outputs and then the experiment.

    Returns the log where that failed, otherwise None.
    """
    log: list[str] = []
    try:
        with own_clone(trial.url) as (clone, lock):
            call = partial(run_in_clone, log, clone, lock)
            check_out(trial, clone, call)
            # The trial may have been pushed before the worker that ran it died.
            if not call("git", "ls-remote", "origin", trial.refs + trial.name):
                run_and_push(trial, call)
    except subprocess.CalledProcessError:
        # A URL in the log may have a password in it.
        return re.sub(r"://[^/\s@]+@", "://***@", "\n".join(log))
    return None


def check_out(trial: Trial, clone: Path, call: Callable[..., str]) -> None:
    """Check the trial's commit out, in a clone that is made if need be.

    call: `run_in_clone` for this clone.
    """
    if not clone.exists():
        call("git", "clone", "--quiet", "--no-checkout", "--", trial.url, str(clone))
        for key, value in zip(("user.name", "user.email"), trial.author, strict=True):
            call("git", "config", key, value)
    call("git", "fetch", "--quiet", "--tags", "origin")
    call("git", "checkout", "--quiet", "--force", "--detach", trial.commit)
    call("git", "clean", "--quiet", "-d", "--force")


def run_and_push(trial: Trial, call: Callable[..., str]) -> None:
    """Run the experiment, push its outputs, and push the experiment last.

    So the outputs of every experiment that can be seen are there, too.
    """
    dvc = (sys.executable, "-m", "dvc")
    call(*dvc, "exp", "run", "--pull", "--name", trial.name, *trial.arguments, *trial.targets)
    call(*dvc, "push", "--with-deps", *trial.targets)
    call(*dvc, "exp", "push", "--no-cache", "origin", trial.name)
