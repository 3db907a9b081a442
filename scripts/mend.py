"""Find what is not whole in what DVC keeps, and throw it away: the next run makes it anew.

    python -m scripts.mend

DVC writes dvc.lock and its list of who runs in place, and refuses them where a kill or a full disk
left half of one. It never reads a read-only object of its cache again: a damaged one comes back as
if it were whole, and DVC says that all is up to date. And where an output cannot be put into the
cache, it says so, and yet that all went well. Here everything is read.
"""

from pathlib import Path

from dvc.lock import LockError
from dvc.repo import Repo, lock_repo
from wasabi import msg

from scripts.exceptions import RunningError
from scripts.storage.damage import find_differing, find_unsaved, is_damaged, throw_unreadable


def mend(repo: Repo) -> tuple[list[Path], list[str]]:
    """Throw away what is not whole; return its paths, and the stages whose outputs are among it."""
    thrown = [*throw_unreadable(repo)]
    damaged = [*filter(is_damaged, sorted(Path(repo.cache.local.path).glob("??/*")))]
    differing = find_differing()
    for path in (*damaged, *differing):
        repo.fs.remove(str(path), recursive=True)
    return [*thrown, *damaged, *differing], [*differing.values()]


def save(repo: Repo) -> list[str]:
    """Put into DVC's cache what is there, whole, and not in it; return what that was."""
    outs = find_unsaved(repo)
    for stage in {out.stage.addressing for out in outs}:
        repo.commit(stage, force=True)
    return [str(out) for out in outs]


def main() -> None:
    """Throw away what is not whole, and say how to go on."""
    try:
        with Repo() as repo, lock_repo(repo):
            paths, stages = mend(repo)
            saved = save(repo)
    except (LockError, RunningError) as error:
        msg.fail(str(error), exits=1)
    for path in paths:
        msg.warn(f"{path} was not whole: thrown away")
    for name in saved:
        msg.warn(f"{name} was not in DVC's cache: now it is")
    # What came after a stage may have been made of what was not whole; and where a folder's list
    # was not, it is not known what was.
    if any(path.suffix == ".dir" for path in paths):
        rest = " --force"
    else:
        rest = f" --force --downstream {stages[0]}" if stages else ""
    if paths:
        msg.info("To make it anew:")
        print(f"python -m dvc repro{rest}")
    elif not saved:
        msg.good("All is whole.")


if __name__ == "__main__":
    main()
