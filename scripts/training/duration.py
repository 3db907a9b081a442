"""How long the component learns, and how often it is evaluated, in updates."""

from scripts.params import Training

# How often a training of `training.min_steps` updates is evaluated.
EVALUATIONS = 10


def steps_per_epoch(texts: int, batch_size: int) -> int:
    """Return how many batches of `batch_size` texts an epoch has; the last one may be smaller."""
    return -(-texts // batch_size)


def duration(steps: int, training: Training) -> dict[str, int]:
    """Make the part of the config that says how long is learned, and how often it is evaluated.

    Every value but `max_epochs` counts updates. An evaluation falls at the end of an epoch, the
    last one at the end of all. Where `max_epochs` are fewer than `min_steps` updates, there are as
    many epochs as `min_steps` asks for, and as many to an evaluation as make EVALUATIONS of them:
    after an epoch of one or two updates there would be little to see.

    steps: how many updates an epoch has.
    training: `training` of params.yaml.
    """
    epochs, every = training.max_epochs, 1
    if epochs * steps < training.min_steps:
        every = -(-training.min_steps // (EVALUATIONS * steps))
        epochs = every * -(-training.min_steps // (every * steps))
    return {
        "max_epochs": epochs,
        # spaCy would end by itself after the last epoch; the progress bar needs this number.
        "max_steps": epochs * steps,
        "eval_frequency": every * steps,
        # spaCy counts from the best evaluation, and that is the first as long as nothing is found.
        "patience": max(training.patience * every * steps, training.min_steps),
    }
