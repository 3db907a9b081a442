"""The remotes through which workers elsewhere get a commit, and hand over what they made."""

import subprocess
from pathlib import Path

from scripts.exceptions import ExperimentError
from scripts.experiments.arguments import DVC


def url_of(remote: str) -> str:
    """The URL of a Git remote, or its absolute path, for workers in other folders.

    remote: the name of a remote, a URL or a path.
    """
    done = subprocess.run(
        ["git", "remote", "get-url", "--", remote], capture_output=True, text=True
    )
    url = remote if done.returncode else done.stdout.strip()
    return str(Path(url).resolve()) if Path(url).exists() else url


def check_remotes(url: str, commit: str) -> None:
    """Raise ExperimentError where workers could not get the commit or hand over their outputs."""
    done = subprocess.run(
        ["git", "ls-remote", "--heads", "--tags", "--", url], capture_output=True, text=True
    )
    if done.returncode:
        raise ExperimentError(f"{url}: git does not reach it: {done.stderr.strip()}")
    heads = [line.split()[0] for line in done.stdout.splitlines()]
    contains = ("git", "merge-base", "--is-ancestor", commit)
    codes = [subprocess.run([*contains, x], stderr=subprocess.DEVNULL).returncode for x in heads]
    # 1 means no. 128 means that the head is unknown here, and then it may contain the commit.
    if all(code == 1 for code in codes):
        raise ExperimentError(f"{url} has no commit {commit}, which workers clone: git push")
    store = subprocess.run([*DVC, "config", "--project", "core.remote"], capture_output=True)
    if store.returncode:
        raise ExperimentError(
            "Workers hand over outputs through DVC's default remote, and .dvc/config has none: "
            "dvc remote add --default NAME URL, commit, git push, dvc push"
        )


def pull(url: str, name: str) -> str | None:
    """Get an experiment and its outputs; return what DVC printed where that failed, or None."""
    command = [*DVC, "exp", "pull", url, name]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout if done.returncode else None
