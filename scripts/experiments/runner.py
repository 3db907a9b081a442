"""Where experiments run, and the command-line options that say so."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from scripts.experiments.naming import NEW_F
from scripts.params import Params, load_params
from scripts.runtime.gpu import refuse_missing_gpu
from scripts.storage.paths import refuse_missing_paths


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


def load_params_for(engine: Engine) -> Params:
    """Read params.yaml, and check it as a whole before any experiment begins.

    Raises ParamsError for what is wrong with it, a path that does not exist, and a GPU that is not
    here, unless other machines run the experiments.
    """
    params = load_params()
    refuse_missing_paths(params)
    if engine is Engine.queue:
        refuse_missing_gpu(params.training.gpu_id)
    return params


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
