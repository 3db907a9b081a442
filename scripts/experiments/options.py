"""Command-line options that every command of many runs has."""

from enum import Enum
from typing import Annotated

import typer


class Engine(str, Enum):
    """What runs experiments."""

    queue = "queue"
    ray = "ray"


# The options that every command with experiments has.
EngineOption = Annotated[
    Engine, typer.Option(help="DVC's queue on this machine, or workers of a Ray cluster")
]
JobsOption = Annotated[
    int, typer.Option(min=1, help="Experiments at a time; Ray runs as many as the cluster has CPUs")
]
AddressOption = Annotated[str, typer.Option(help="The Ray cluster")]
RemoteOption = Annotated[
    str, typer.Option(help="The Git remote, or its URL, that the workers of a cluster share")
]
