"""Where experiments run, and the command-line options that say so."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from scripts.experiments.naming import NEW_F


class Engine(str, Enum):
    """What runs experiments."""

    queue = "queue"
    ray = "ray"


EngineOption = Annotated[
    Engine, typer.Option(help="DVC's queue on this machine, or workers of a Ray cluster")
]
JobsOption = Annotated[
    int, typer.Option(min=1, help="Experiments at a time; Ray runs as many as the cluster has CPUs")
]
AddressOption = Annotated[str, typer.Option(help="The address of the Ray cluster")]
RemoteOption = Annotated[
    str, typer.Option(help="The Git remote, or its URL, that the workers of a cluster share")
]


@dataclass(frozen=True)
class Runner:
    """Where experiments run, how many at a time, and what is shown meanwhile.

    measure: the figure whose best value so far is shown.
    written: files that the command itself writes, and that may differ from the commit.
    """

    engine: Engine = Engine.queue
    jobs: int = 1
    address: str = "auto"
    remote: str = "origin"
    measure: str = NEW_F
    written: tuple[Path, ...] = ()
