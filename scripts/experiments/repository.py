"""What Git knows of experiments: the commit they belong to, and which of them are finished."""

from collections.abc import Iterable
from pathlib import Path

from scripts.exceptions import ExperimentError
from scripts.provenance.revisions import git

NAMED = 3  # so many changed files are named in a message


def head() -> str:
    """The last commit, in seven digits, as it stands in the names of experiments."""
    return git("rev-parse", "--short=7", "HEAD").rstrip()


def clean_commit(written: Iterable[Path] = ()) -> str:
    """The last commit, from which no file in the workspace may differ.

    written: files that the command itself writes and that no stage reads; they may differ.
    Raises ExperimentError when another file was changed or is untracked.
    """
    status = git("status", "--porcelain", "--untracked-files=all", "--no-renames", "-z")
    # Each entry is two letters, a space and the path.
    changed = {entry[3:] for entry in status.split("\0") if entry}
    if differ := sorted(changed - {path.as_posix() for path in written}):
        more = len(differ) - NAMED
        names = ", ".join(differ[:NAMED]) + (f" and {more} more" if more > 0 else "")
        raise ExperimentError(
            f"Experiments belong to a commit, and what is here differs from it: {names}. "
            "Commit that, or put it away: git stash --include-untracked"
        )
    return head()


def refs_of(commit: str) -> str:
    """The folder of Git references in which DVC keeps the experiments of a commit."""
    full = git("rev-parse", "--verify", f"{commit}^{{commit}}").rstrip()
    return f"refs/exps/{full[:2]}/{full[2:]}/"


def finished(commit: str) -> set[str]:
    """The names of a commit's experiments that are in this repository."""
    folder = refs_of(commit)
    refs = git("for-each-ref", "--format=%(refname)", folder).splitlines()
    return {ref.removeprefix(folder) for ref in refs}
