"""Try a wheel in an environment of its own: only what it requires is there, and no network.

Python is started without any folder of packages but two: one that the wheel is installed into, and
one of links to the distributions that it requires, and that these require. What else is installed
beside spaCy, the same package included, cannot be imported there, and none of its entry points is
found.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

from scripts.exceptions import BuildError
from scripts.runtime.requirements import distributions_of

# Its arguments are the package's name and the folders of packages. It gets texts as JSON on stdin,
# and writes a line of JSON for each; what a model prints goes elsewhere.
TRIAL = """
import json, site, sys
for folder in sys.argv[2:]:
    site.addsitedir(folder)
output, sys.stdout = sys.stdout, sys.stderr
import spacy
nlp = spacy.load(sys.argv[1])
for doc in nlp.pipe(json.load(sys.stdin)):
    print(json.dumps(doc.to_json()), file=output, flush=True)
"""

# Folders that belong to one distribution, besides packages: its metadata, and compiled libraries.
OWN = (".dist-info", ".libs")


def annotate_installed(wheel: Path, texts: list[str]) -> Generator[dict[str, Any], None, None]:
    """Install a wheel in an environment of its own, load it there by name, and annotate texts.

    Yields `Doc.to_json()` of each text, as soon as it is there. Raises BuildError, with what was
    printed, when the wheel cannot be installed, loaded or run.
    """
    with tempfile.TemporaryDirectory() as scratch:
        own, needed = Path(scratch) / "own", Path(scratch) / "needed"
        install(wheel, own)
        (info,) = own.glob("*.dist-info")
        link_distributions(Distribution.at(info).requires or [], needed)
        # -I and -S: no variable, no user's folder and no site-packages adds to Python's path.
        command = [sys.executable, "-I", "-S", "-X", "utf8", "-c", TRIAL]
        command += [wheel.name.split("-")[0], str(own), str(needed)]
        failure = "does not work where it is installed"
        for line in run_apart(command, Path(scratch), failure, json.dumps(texts)):
            yield json.loads(line)


def install(wheel: Path, folder: Path) -> None:
    """Install a wheel, and nothing that it requires, into a folder; raises BuildError."""
    pip = [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "install"]
    pip += ["--quiet", "--no-deps", "--no-index", "--no-compile", "--target", str(folder)]
    for _ in run_apart([*pip, str(wheel.resolve())], folder.parent, "cannot be installed"):
        pass  # pip says nothing where all is well


def link_distributions(requirements: list[str], folder: Path) -> None:
    """Link all files of what requirements need, directly or through others, into a folder.

    requirements: lines such as "spacy>=3.8". What is not installed, or is installed in another
        version, is for the package to complain of.

    Raises BuildError where it is not recorded which files a distribution has.
    """
    for found in distributions_of(*requirements).values():
        if found.files is None:
            raise BuildError(
                f"{found.name} is installed without a list of its files, so nothing can be tried "
                f"with it alone. Install it anew: python -m pip install --force-reinstall "
                f"--no-deps {found.name}=={found.version}"
            )
        for path in list_entries({*map(str, found.files)}):
            # Two distributions may name the same.
            if not os.path.lexists(folder / path):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).symlink_to(Path(str(found.locate_file(path))).absolute())


def list_entries(files: set[str]) -> list[str]:
    """Name the files of a distribution, or the folders that are its own as a whole.

    files: all its files, as paths within site-packages. Those elsewhere, programs, are left out.
    """
    entries = set()
    for file in (file for file in files if not file.startswith(("..", "/"))):
        folders = file.split("/")[:-1]
        paths = ["/".join(folders[: depth + 1]) for depth in range(len(folders))]
        # Other distributions may put packages into a folder without an __init__.py.
        own = (x for x in paths if f"{x}/__init__.py" in files or x.endswith(OWN))
        entries.add(next(own, file))
    return sorted(x for x in entries if x != "__pycache__" and not x.startswith("__pycache__/"))


def run_apart(
    command: list[str], folder: Path, failure: str, stdin: str = ""
) -> Generator[str, None, None]:
    """Run a command outside the project, and yield the lines that it prints.

    folder: where it runs, and where its stdin and stderr are kept.
    failure: what is to be said of the package when the command fails.

    Raises BuildError, with its stderr, when it fails.
    """
    (folder / "stdin").write_text(stdin, encoding="utf8")
    with (folder / "stdin").open("rb") as given, (folder / "stderr").open("w+b") as errors:
        pipes: dict[str, Any] = {"stdin": given, "stdout": subprocess.PIPE, "stderr": errors}
        with subprocess.Popen(command, cwd=folder, encoding="utf8", **pipes) as process:
            try:
                yield from process.stdout or ()
            except BaseException:  # nobody wants the rest
                process.kill()
                raise
        errors.seek(0)
        printed = errors.read().decode("utf8", "replace").rstrip()
    if process.returncode:
        cause = printed.splitlines()[-1] if printed else f"it ended with {process.returncode}"
        raise BuildError(f"The package {failure}: {cause}", printed)
