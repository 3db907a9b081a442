"""The command `annotate` with workers that stop after a shard each, until a file lets them go on.

So a test can kill a worker, or the command, at a moment at which work is certainly left.
"""

import time
from pathlib import Path

import typer

from scripts import annotate
from scripts.annotation import run
from scripts.annotation.plan import FinishedShard
from scripts.annotation.shards import Shard
from scripts.annotation.work import Annotator


def release_file(output: Path) -> Path:
    """Return the file beside the output folder that lets workers go on when it exists."""
    return output.with_name("release")


class StoppingAnnotator(Annotator):
    """Annotates a shard, and others only when the file exists."""

    is_first = True

    def __call__(self, shard: Shard) -> FinishedShard:
        while not self.is_first and not release_file(self.options.output).exists():
            time.sleep(0.05)
        self.is_first = False
        return super().__call__(shard)


if __name__ == "__main__":
    # Workers import the class by its name, which must not be that of the main module.
    from tests.ray_annotate import StoppingAnnotator as Stopping

    run.Annotator = Stopping  # type: ignore[misc]
    typer.run(annotate.main)
