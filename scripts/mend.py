"""Find what is not whole in what DVC keeps, and throw it away: the next run makes it anew.

    python -m scripts.mend

DVC writes dvc.lock and its list of running processes in place, and refuses them if a kill or a full
disk left half of one. It never checks a read-only object of its cache again: it restores a damaged
one as if it were whole, and says that all is up to date. And if an output cannot be put into the
cache, it prints so but ends as if all went well. Here every file is read and checked.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from wasabi import msg

from scripts.exceptions import door
from scripts.storage.damage import find_differing, is_damaged, throw_unreadable
from scripts.storage.dvc import cache_folder, list_unsaved, lock_repo, remove, save_outputs

if TYPE_CHECKING:
    from dvc.repo import Repo


def mend(repo: "Repo") -> tuple[list[Path], list[str]]:
    """Throw away what is not whole; return its paths, and the stages whose outputs are among it."""
    thrown = [*throw_unreadable(repo)]
    damaged = [*filter(is_damaged, sorted(cache_folder(repo).glob("??/*")))]
    differing = find_differing()
    for path in (*damaged, *differing):
        remove(repo, path)
    return [*thrown, *damaged, *differing], [*differing.values()]


def repro_options(paths: list[Path], stages: list[str]) -> str:
    """The options of `dvc repro` that make anew whatever may come from what was thrown away.

    paths, stages: what `mend` returns.
    """
    # A damaged list of a folder's files does not tell which output was restored by it.
    if any(path.suffix == ".dir" for path in paths):
        return " --force"
    # The stages after a damaged one may have read its damaged output.
    return f" --force --downstream {stages[0]}" if stages else ""


@door
def main() -> None:
    """Throw away what is not whole, and say how to go on."""
    with lock_repo() as repo:
        paths, stages = mend(repo)
        unsaved = list_unsaved(repo)
        save_outputs(repo, unsaved)
        saved = [str(out) for out in unsaved]
    for path in paths:
        msg.warn(f"{path} was not whole: thrown away")
    for name in saved:
        msg.warn(f"{name} was not in DVC's cache: now it is")
    if paths:
        msg.info("To make it anew:")
        print(f"python -m dvc repro{repro_options(paths, stages)}")
    elif not saved:
        msg.good("All is whole.")


if __name__ == "__main__":
    main()
