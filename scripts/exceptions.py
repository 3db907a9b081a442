"""What can go wrong, as a tree of exceptions, and how a command ends when it does.

    ProjectError
    ├── ParamsError      params.yaml, or another file of settings, cannot be used
    ├── DataError        a file of texts cannot be read on
    ├── FetchError       an asset or a base model is missing, damaged or not to be trusted
    ├── PackageError     what was trained must not be packaged
    │   └── BuildError   the package cannot be built, or does not say what the model says
    ├── RevisionError    a git revision does not have what is asked of it
    ├── ExperimentError  experiments cannot begin, or have no result
    └── RunningError     another process is at work here
    UnusableError        one record is rejected; the others are used

They are raised wherever the cause is known. `door`, around the `main` of every command, is the one
place that prints them and sets the exit status.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from wasabi import msg

Main = TypeVar("Main", bound=Callable[..., Any])


class ProjectError(Exception):
    """Something that the user can mend: the message says what is wrong, where, and what to do."""


class ParamsError(ProjectError):
    """A file of settings cannot be used: it is missing, no YAML, or has a wrong key or value."""


class DataError(ProjectError):
    """A file of texts cannot be read on, or the data as a whole cannot be learned from."""


class FetchError(ProjectError):
    """An asset or a base model is missing, damaged, or must not be trusted."""


class PackageError(ProjectError):
    """What was trained must not be packaged."""


class BuildError(PackageError):
    """The package cannot be built, or what is installed differs from the model.

    printed: what the program that failed printed, if it was one.
    """

    def __init__(self, message: str, printed: str = "") -> None:
        super().__init__(message)
        self.printed = printed


class RevisionError(ProjectError):
    """A git revision is unknown, or has no result of the kind that is asked for."""


class ExperimentError(ProjectError):
    """Experiments cannot begin, or have no result."""


class RunningError(ProjectError):
    """Another process is at work on the same files."""


class UnusableError(Exception):
    """One record is rejected.

    code: what is wrong, a key of `CODES` in scripts/intake/findings.py.
    advice: what to do about it.
    span: where in the text, in characters (start, end).
    """

    def __init__(self, code: str, advice: str, span: tuple[int, int] = (0, 0)) -> None:
        super().__init__(code, advice, span)
        self.code, self.advice, self.span = code, advice, span


def door(main: Main) -> Main:
    """Decorate a command's `main`: an error of the project becomes a message and exit status 1."""

    @wraps(main)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return main(*args, **kwargs)
        except ProjectError as error:
            first, *others = str(error).split("\n")
            msg.fail(first)
            for line in others:  # each on a line of its own, as they are
                print(line)
            # As it is: a message is broken into lines anew, which a traceback does not survive.
            if printed := getattr(error, "printed", ""):
                print(printed)
            raise SystemExit(1) from error

    return guarded  # type: ignore[return-value]
