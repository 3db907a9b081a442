"""Build the wheel and the sdist of a pipeline, the same bytes every time."""

import gzip
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import srsly
from spacy.cli.package import package as spacy_package

from scripts.exceptions import BuildError

# 1980-01-01 in seconds since 1970, the earliest time that a zip archive can hold. All files of a
# package get it, so that the same model gives the same bytes whenever it is packaged.
FILE_TIME = 315532800
# Weights hardly get smaller: 9 takes twice as long as 6, and saves 1%.
COMPRESSION = 6


def build_package(
    *, model: Path, meta: dict, output: Path, files: dict[str, str] | None = None
) -> Path:
    """Write the wheel and the sdist of a pipeline into the folder `output`.

    model: the folder of a pipeline.
    meta: the package's meta.json.
    files: texts that go into the pipeline's folder, by their names (LICENSE, README.md, ...).

    Returns the wheel's path. Raises BuildError, with what was printed, when the build fails.
    """
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor() as pool:
        sources = lay_out(model, meta, files or {}, Path(scratch))
        # Both compress all the weights, which takes longer than everything else.
        wheel, sdist = pool.map(partial(build, sources), ("wheel", "sdist"))
        output.mkdir(parents=True, exist_ok=True)
        (output / sdist.name).write_bytes(repack(sdist))
        return Path(shutil.move(wheel, output / wheel.name))


def build(sources: Path, kind: str) -> Path:
    """Build a copy of the package's sources, beside them; raises BuildError.

    kind: wheel or sdist.

    Returns the path of what was made.
    """
    copy = shutil.copytree(sources, sources.with_name(f"{sources.name}-{kind}"))
    # Not isolated: the environment's own setuptools builds, without a network.
    command = [sys.executable, "-m", "build", f"--{kind}", "--no-isolation", str(copy)]
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(FILE_TIME), "PYTHONHASHSEED": "0"}
    built = subprocess.run(command, env=environment, umask=0o022, capture_output=True, text=True)
    if built.returncode:
        raise BuildError(f"The {kind} cannot be built.", built.stdout + built.stderr)
    (made,) = (copy / "dist").iterdir()
    return made


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
        gzip.GzipFile("", "wb", COMPRESSION, packed, FILE_TIME) as file,
        tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            entry = tarfile.TarInfo(member.name)
            entry.type, entry.size, entry.mtime = member.type, member.size, FILE_TIME
            entry.mode = 0o755 if member.isdir() else 0o644
            new.addfile(entry, old.extractfile(member) if member.isfile() else None)
    return packed.getvalue()
