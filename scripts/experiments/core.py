"""Experiments of one commit, named after it and run once: by DVC's queue, or on a Ray cluster.

What `sweep`, `seeds` and `learning` share: where experiments run, how far they are, and what they
came to, as a table.
"""

import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dvc.utils import dict_sha256
from wasabi import msg

from scripts.experiments.options import Engine

DVC = [sys.executable, "-m", "dvc"]
# Up to here an experiment runs: no gate stops it.
TARGET = "evaluate"
Changes = dict[str, Any]
"""Keys of params.yaml, with dots, and their values."""


@dataclass(frozen=True)
class Runner:
    """Where experiments run, and how many at a time."""

    engine: Engine = Engine.queue
    jobs: int = 1
    address: str = "auto"
    remote: str = "origin"
    # What is shown as the best so far.
    measure: str = "tuned.new.ents_f"
    # What the command writes: it may have been written before.
    written: tuple[Path, ...] = ()


def output(*command: str) -> str:
    """What a command prints; its failure is ours."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.rstrip()


def clean_commit(written: Iterable[Path] = ()) -> str:
    """The commit that experiments belong to; nothing may differ from it.

    written: what the command itself writes, and no stage reads.
    """
    status = output("git", "status", "--porcelain", "--untracked-files=all", "-z").split("\0")
    mine = {path.as_posix() for path in written}
    if any(line and line[3:] not in mine for line in status):
        msg.fail("Experiments belong to a commit: commit or stash what changed.", exits=1)
    return output("git", "rev-parse", "--short=7", "HEAD")


def name_of(kind: str, commit: str, changes: Changes) -> str:
    """An experiment's name: the same commit and values have the same."""
    return f"{kind}-{commit}-{dict_sha256(changes)[:10]}"


def refs_of(commit: str) -> str:
    """The folder of the Git references in which DVC keeps a commit's experiments."""
    full = output("git", "rev-parse", "--verify", f"{commit}^{{commit}}")
    return f"refs/exps/{full[:2]}/{full[2:]}/"


def finished(commit: str) -> set[str]:
    """The names of the experiments of a commit that are here."""
    folder = refs_of(commit)
    refs = output("git", "for-each-ref", "--format=%(refname)", folder).splitlines()
    return {ref.removeprefix(folder) for ref in refs}


def as_hydra(value: Any) -> str:
    """A value as `dvc exp run --set-param` reads it (Hydra's syntax), whatever is in it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {as_hydra(x)}" for key, x in value.items()) + "}"
    if not isinstance(value, str):
        return repr(value)
    # Nothing is filled in (OmegaConf), and no quote in it ends the text (Hydra): there, and at the
    # end, backslashes count double.
    text = re.sub(r"(\\*)\$\{", r"\1\1\\${", value)
    text = re.sub(r"(\\*)'", r"\1\1\\'", text)
    return "'" + re.sub(r"(\\+)$", r"\1\1", text) + "'"


def as_arguments(changes: Changes) -> list[str]:
    """Values as arguments of `dvc exp run`."""
    return [part for key, value in changes.items() for part in ("-S", f"{key}={as_hydra(value)}")]
