"""Build the wheel and the sdist of a pipeline, the same bytes every time, and try the wheel."""

import gzip
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import srsly
from packaging.utils import canonicalize_name
from spacy.cli.package import package as spacy_package

from scripts.exceptions import BuildError
from scripts.runtime.requirements import requirements_of

# 1980-01-01 in seconds since 1970, the earliest time that a zip archive can hold. All files of a
# package get it, so that the same model gives the same bytes whenever it is packaged.
FILE_TIME = 315532800
# What runs against the installed package: its name and the modules to hide are arguments, the
# texts come as JSON on stdin, and their annotations go as JSON to stdout.
TRIAL_SCRIPT = """
import json, sys
sys.modules.update(dict.fromkeys(json.loads(sys.argv[2])))
import spacy
nlp = spacy.load(sys.argv[1])
json.dump([doc.to_json() for doc in nlp.pipe(json.load(sys.stdin))], sys.stdout)
"""


def build_package(
    *, model: Path, meta: dict, output: Path, files: dict[str, str] | None = None
) -> Path:
    """Write the wheel and the sdist of a pipeline into the folder `output`.

    model: the folder of a pipeline.
    meta: the package's meta.json.
    files: texts that go into the pipeline's folder, by their names (LICENSE, README.md, ...).

    Returns the wheel's path. Raises BuildError, with what was printed, when the build fails.
    """
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(FILE_TIME), "PYTHONHASHSEED": "0"}
    with tempfile.TemporaryDirectory() as scratch:
        folder = lay_out(model, meta, files or {}, Path(scratch))
        # Not isolated: the environment's own setuptools builds, without a network.
        command = [sys.executable, "-m", "build", "--wheel", "--sdist", "--no-isolation"]
        built = subprocess.run(
            [*command, str(folder)], env=environment, umask=0o022, capture_output=True, text=True
        )
        if built.returncode:
            raise BuildError(f"Building the package failed:\n{built.stdout}{built.stderr}")
        (wheel,) = (folder / "dist").glob("*.whl")
        (sdist,) = (folder / "dist").glob("*.tar.gz")
        output.mkdir(parents=True, exist_ok=True)
        (output / sdist.name).write_bytes(repack(sdist))
        return Path(shutil.move(wheel, output / wheel.name))


def lay_out(model: Path, meta: dict, files: dict[str, str], scratch: Path) -> Path:
    """Write the sources of the package below `scratch`, by `spacy package`; return their folder."""
    copy, sources = scratch / "model", scratch / "sources"
    shutil.copytree(model, copy)
    for name, text in files.items():
        (copy / name).write_text(text, encoding="utf8", newline="\n")
    srsly.write_json(scratch / "meta.json", meta)
    sources.mkdir()
    spacy_package(
        copy,
        sources,
        meta_path=scratch / "meta.json",
        create_sdist=False,
        require_parent=True,
        silent=True,
    )
    (folder,) = sources.iterdir()
    # An archive keeps the modes of its files, which depend on the umask of whoever makes them.
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def repack(sdist: Path) -> bytes:
    """Return the bytes of an sdist with fixed times, owners, modes and order of its files.

    setuptools takes these from the machine that builds, so two builds would differ in them.
    """
    packed = io.BytesIO()
    with (
        tarfile.open(sdist) as old,
        gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=FILE_TIME) as file,
        tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            entry = tarfile.TarInfo(member.name)
            entry.type, entry.size, entry.mtime = member.type, member.size, FILE_TIME
            entry.mode = 0o755 if member.isdir() else 0o644
            new.addfile(entry, old.extractfile(member) if member.isfile() else None)
    return packed.getvalue()


def annotate_installed(wheel: Path, texts: list[str]) -> list[dict[str, Any]]:
    """Install a wheel into a folder of its own, load it there by name, and annotate texts with it.

    Only spaCy and what spaCy and the wheel require can be imported there: other installed modules
    are hidden, and the project's code is out of reach.

    Returns `Doc.to_json()` of each text. Raises BuildError when the wheel cannot be installed,
    loaded or run.
    """
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / "installed"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        pip += ["--no-deps", "--no-index", "--no-compile", "--target", str(place)]
        name = wheel.name.split("-")[0]
        run_apart([*pip, str(wheel.resolve())], scratch, place)
        (meta,) = place.glob(f"{name}/meta.json")
        hidden = foreign_modules(["spacy", *srsly.read_json(meta)["requirements"]])
        trial = [sys.executable, "-c", TRIAL_SCRIPT, name, srsly.json_dumps(hidden)]
        return srsly.json_loads(run_apart(trial, scratch, place, srsly.json_dumps(texts)))


def run_apart(command: list[str], folder: str, modules: Path, stdin: str = "") -> str:
    """Run a command in `folder`, outside the project, with `modules` on Python's path.

    Returns what it prints. Raises BuildError, with its stderr, when it fails.
    """
    done = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf8",
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(modules), "PYTHONUTF8": "1"},
    )
    if done.returncode:
        raise BuildError(f"The installed package does not work:\n{done.stderr}")
    return done.stdout


def foreign_modules(requirements: list[str]) -> list[str]:
    """List the installed modules that none of the requirements needs, directly or through others.

    requirements: lines such as "spacy>=3.8".
    """
    needed = {name for line in requirements for name in requirements_of(line)}
    return sorted(
        module
        for module, owners in packages_distributions().items()
        if not needed & {canonicalize_name(owner) for owner in owners}
    )
