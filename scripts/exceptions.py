"""What can go wrong, by kind: raised inside, said at the door."""


class DataError(Exception):
    """A file that cannot be read on: what, where, and what to do."""


class UnusableError(Exception):
    """A record that is rejected: the code, what is wrong and what to do, and where in the text."""

    def __init__(self, code: str, advice: str, span: tuple[int, int] = (0, 0)) -> None:
        super().__init__(code, advice, span)
        self.code, self.advice, self.span = code, advice, span


class FetchError(Exception):
    """What is wrong with an asset or the base model, and what to do about it."""


class BuildError(Exception):
    """Why there is no package, or none that works."""


class LineageError(Exception):
    """Why nothing can be said of a model."""


class ReproduceError(Exception):
    """Why a commit cannot be run again."""


class RunningError(Exception):
    """Another run is going on, so what is not whole may be about to be."""


class PackageError(Exception):
    """Why nothing is packaged, and how to go on."""


class CompareError(Exception):
    """Why two revisions cannot be compared, and what to do."""
