"""Found a project: this one's last commit without the demo, and data of its own."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from string import Template

from pydantic import ValidationError

from scripts.exceptions import DataError, ProjectError
from scripts.founding.rewrite import rewrite_params, rewrite_project, rewrite_settings
from scripts.intake.splits import find_sources
from scripts.params import PARAMS, Params, load_params, refuse, with_values
from scripts.provenance.revisions import git
from scripts.storage.atomic import scratch_folder, write_text

README = Path(__file__).with_name("readme.md")
LEFT = (
    "base_model",
    "benchmarks",
    "docs/*.png",
    "docs/*.svg",
    "docs/commands.md",
    "dvc.lock",
    "metrics",
    "tests/demo",
    "training",
)
"""What belongs to this project and its runs alone; the data is left out besides."""
LARGE = 10_000_000
"""From so many bytes on, data goes to DVC instead of git, which keeps every version for ever."""


def suggest_name(folder: Path) -> str:
    """A package's name for a project in this folder."""
    words = re.findall(r"[a-z0-9]+", folder.resolve().name.lower())
    return "_".join([*words, "ner"])


def settle(name: str, data: Path | None) -> str:
    """Check name and data of a new project, and return where its data will lie.

    name: of the package; the place of the data follows from it.
    data: labelled texts, a file or a folder; None if there are none yet.

    Raises ParamsError, for a name that no package can have, and DataError.
    """
    source = f"assets/{name.removesuffix('_ner')}"
    try:
        params = with_values(load_params(), {"package.name": name, "data.source": source})
    except ValidationError as error:
        refuse(PARAMS, error, Params)
    if data is not None:
        if not data.exists():
            raise DataError(f"{data} is not there: give a file or folder of labelled texts.")
        find_sources(params.data.model_copy(update={"source": str(data)}))
    return source


def carry(target: Path, demo: str) -> None:
    """Write the files of the last commit to a folder, without the demo; raises RevisionError.

    demo: where the demo's data lies.
    """
    skipped = [f":(exclude,glob){path}{rest}" for path in LEFT for rest in ("", "/**")]
    skipped += [f":(exclude){path}" for path in (demo, f"{demo}.dvc") if ".." not in path]
    packed = target.with_suffix(".tar")
    git("archive", f"--output={packed}", "HEAD", "--", ".", *skipped)
    shutil.unpack_archive(packed, target)


def bring_data(data: Path | None, target: Path) -> None:
    """Copy labelled texts to a folder; a file alone becomes train.* there."""
    if data is None:
        target.mkdir()
        # Git keeps no empty folder, and readers of data pass by what is hidden.
        (target / ".gitkeep").touch()
    elif data.is_dir():
        shutil.copytree(data, target)
    else:
        target.mkdir()
        shutil.copyfile(data, target / f"train{''.join(data.suffixes)}")


def commit(folder: Path, source: str) -> bool:
    """Make a folder a git repository, commit all of it, and return whether DVC has the data.

    source: where the data lies in it.
    """
    git("init", "--quiet", "--initial-branch", "main", folder=folder)
    size = sum(path.stat().st_size for path in (folder / source).rglob("*") if path.is_file())
    if size >= LARGE:
        command = [sys.executable, "-m", "dvc", "add", "--quiet", source]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise ProjectError(f"dvc add {source}: {done.stderr.strip()}")
    git("add", "--all", folder=folder)
    git("commit", "--quiet", "--message", "A project of its own", folder=folder)
    return size >= LARGE


def refuse_occupied(folder: Path) -> None:
    """Raise ProjectError unless there is nothing at this path, or an empty folder."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ProjectError(f"{folder} is there and not empty: name another folder.")


def found(folder: Path, name: str, data: Path | None) -> tuple[str, bool]:
    """Make a project whole or not at all.

    folder: where; nothing, or an empty folder (see `refuse_occupied`).
    name: of its package.
    data: labelled texts, a file or a folder; None if there are none yet.

    Returns where the data lies in the project, and whether DVC has it instead of git. Raises
    ProjectError.
    """
    source, demo = settle(name, data), load_params().data.source
    # A name of its own: what a killed run left under it is removed, and nothing else of the user's.
    with scratch_folder(folder.resolve().parent, "new-spacy-project") as scratch:
        made = scratch / "project"
        carry(made, demo)
        rewrite_params(made / PARAMS, {"package.name": name, "data.source": source})
        rewrite_project(made / "project.yml", name, demo)
        rewrite_settings(made / "pyproject.toml", name, LEFT)
        readme = Template(README.read_text(encoding="utf8"))
        write_text(made / "README.md", readme.substitute(name=name, source=source))
        bring_data(data, made / source)
        kept_by_dvc = commit(made, source)
        made.replace(folder)
    return source, kept_by_dvc
