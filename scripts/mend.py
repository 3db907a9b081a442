"""Find what is not whole in what DVC keeps, ask, and throw it away: the next run makes it anew.

    python -m scripts.mend [--yes]

DVC writes dvc.lock and its list of running processes in place, and refuses them if a kill or a full
disk left half of one. It never checks a read-only object of its cache again: it restores a damaged
one as if it were whole, and says that all is up to date. And if an output cannot be put into the
cache, it prints so but ends as if all went well. Here every file is read and checked. What is whole
is never thrown away, even if it belongs to another commit.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from wasabi import msg

from scripts.exceptions import door
from scripts.storage.damage import find_differing, find_unreadable, find_unsaved, is_damaged
from scripts.storage.dvc import cache_folder, lock_repo, remove, save_outputs

if TYPE_CHECKING:
    from dvc.repo import Repo

YES = typer.Option(False, "--yes", help="Throw it away without asking")


def find_broken(repo: "Repo") -> tuple[dict[Path, str], list[str]]:
    """What is not whole, each path with the reason; and the stages whose outputs are among it."""
    if unreadable := [*find_unreadable(repo)]:
        # Without dvc.lock nothing else can be told. Once it is gone, DVC checks all that is there.
        return dict.fromkeys(unreadable, "is half-written, and DVC cannot read it"), []
    objects = filter(is_damaged, sorted(cache_folder(repo).glob("??/*")))
    broken = dict.fromkeys(objects, "is not what its name, an MD5, says")
    differing = [x for x in find_differing(repo) if not x.is_kept]
    reason = "is not what dvc.lock says, and neither DVC's cache nor any commit has it so"
    return broken | {x.path: reason for x in differing}, [x.stage for x in differing]


def repro_options(paths: list[Path], stages: list[str]) -> str:
    """The options of `dvc repro` that make anew whatever may come from what was thrown away.

    paths, stages: what `find_broken` returns.
    """
    # A damaged list of a folder's files does not tell which output was restored by it.
    if any(path.suffix == ".dir" for path in paths):
        return " --force"
    # The stages after a damaged one may have read its damaged output.
    return f" --force --downstream {stages[0]}" if stages else ""


def agree(yes: bool) -> bool:
    """Whether what was listed is to be thrown away: asked, unless it was said on the command line.

    yes: whether it was. Nobody is asked where there is no terminal, and then it stays.
    """
    if yes or not sys.stdin.isatty():
        return yes
    return typer.confirm("Throw this away?")


def save(repo: "Repo") -> list[str]:
    """Put into DVC's cache the outputs that are not in it and are whole; return their names."""
    unsaved = find_unsaved(repo, find_differing(repo))
    save_outputs(repo, unsaved)
    return [str(out) for out in unsaved]


@door
def main(yes: bool = YES) -> None:
    """Find what is not whole, ask, throw it away, and say how to go on."""
    with lock_repo() as repo:
        broken, stages = find_broken(repo)
        for path, reason in broken.items():
            msg.warn(f"{path} {reason}")
        if broken and not agree(yes):
            msg.fail("Nothing was thrown away. python -m scripts.mend --yes does it unasked.")
            raise SystemExit(1)
        for path in broken:
            remove(repo, path)
        saved = save(repo)
    for name in saved:
        msg.warn(f"{name} was not in DVC's cache: now it is")
    if broken:
        msg.info("Thrown away. To make it anew:")
        print(f"python -m dvc repro{repro_options([*broken], stages)}")
    elif not saved:
        msg.good("All is whole.")


if __name__ == "__main__":
    typer.run(main)
