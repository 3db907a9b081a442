"""Make DocBins of the labelled data, the rehearsal text and the general text.

    python -m scripts.preprocess training/base corpus

Writes a folder of DocBins for each of train, dev, test, general and rehearsal, data.json (labels
and counts), the findings as JSON and as a page, and the rejected records whole.
"""

from pathlib import Path

import typer
from wasabi import msg

from scripts.exceptions import door
from scripts.keeping.corpus import preprocess
from scripts.keeping.general_text import warn_of_general
from scripts.keeping.rehearsal import warn_of_little
from scripts.params import load_params
from scripts.runtime.workers import JOBS, count_cores
from scripts.words import amount

# One label of the base may mean the same as one of the data if it makes at least this share of what
# the base sees there; where it sees several, none of them does.
MOSTLY = 2 / 3


def report(summary: dict, strategy: str) -> None:
    """Print what was made, and what may keep the model from learning.

    summary: what data.json says.
    """
    practised = summary["rehearsal"]["train"]
    msg.good(
        f"{amount(summary['labelled_texts']['train'], 'text')} to learn "
        f"{', '.join(summary['labels'])} "
        f"from, {practised['texts']:,} of general text to practise on"
    )
    warn_of_little(practised["words"], strategy)
    if strategy != "replace":
        warn_of_general(summary["general"])
    for label, rivals in summary["rivals"].items():
        seen = ", ".join(f"{share:.0%} {rival}" for rival, share in rivals.items())
        nearest = max(rivals, key=rivals.__getitem__)
        loss = "What one gains the other loses."
        if rivals[nearest] >= MOSTLY * sum(rivals.values()):
            rename = f"set data.rename to {{{label}: {nearest}}}"
            loss = (
                f"If they mean the same, {rename}; as two labels, what one gains the other loses."
            )
        msg.warn(f"{label} rivals the base's labels: to the base its spans are {seen}.", loss)


@door
def main(base: Path, output: Path, jobs: int | None = JOBS) -> None:
    """Make DocBins of the labelled data, the rehearsal text and the general text."""
    params = load_params()
    summary = preprocess(params=params, base=base, output=output, jobs=jobs or count_cores())
    report(summary, params.training.strategy)


if __name__ == "__main__":
    typer.run(main)
