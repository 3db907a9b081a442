"""Make a project of your own out of this one, without its demo.

    python -m scripts.new [FOLDER] [--name NAME] [--data PATH]

The new project has what the last commit has, without demo data, its results and its tests, with
your package's name and your data in params.yaml, and one commit. What is not given is asked for.
"""

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer
from wasabi import msg

from scripts.exceptions import door
from scripts.founding.project import found, refuse_occupied, suggest_name


@door
def main(
    folder: Annotated[Path | None, typer.Argument(help="Where to make it; asked for")] = None,
    name: Annotated[str | None, typer.Option(help="The package's name; asked for")] = None,
    data: Annotated[
        str | None, typer.Option(help="Your labelled texts, a file or folder; '' for none yet")
    ] = None,
) -> None:
    """Make a project of your own out of this one, without its demo."""
    if folder is None:
        folder = Path(typer.prompt("Folder of the new project"))
    refuse_occupied(folder)
    if name is None:
        name = typer.prompt("Name of its package", default=suggest_name(folder))
    if data is None:
        data = typer.prompt("Your labelled texts, a file or folder (empty: later)", default="")
    source, kept_by_dvc = found(folder, name, Path(data) if data else None)
    msg.good(f"{folder} is a project of its own, and its first commit is made.")
    if kept_by_dvc:
        msg.info(f"{source} is large: DVC keeps it, and git {source}.dvc (docs/sharing.md)")
    if not data:
        msg.info(f"Put your labelled texts into {folder / source}: train.jsonl, or other formats")
    print(f"Next: cd {quote(str(folder))} && make run")


if __name__ == "__main__":
    typer.run(main)
