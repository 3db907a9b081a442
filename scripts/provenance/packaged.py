"""What a package or a model folder says of its making."""

import hashlib
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import srsly

from scripts.exceptions import RevisionError
from scripts.provenance.describe import NAME, WRITTEN
from scripts.storage.dvc import hash_files


class Model(NamedTuple):
    """A package or a pipeline's folder."""

    md5: str
    """What dvc.lock calls the pipeline."""
    lineage: dict[str, Any] | None
    """What a package says of itself."""


def read_files(path: Path) -> Iterator[tuple[str, bytes]]:
    """The files of a wheel, an sdist or a folder, with their names; nothing is unpacked."""
    if path.is_dir():
        for file in sorted(p for p in path.rglob("*") if p.is_file()):
            yield file.relative_to(path).as_posix(), file.read_bytes()
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if not entry.is_dir():
                    yield entry.filename, archive.read(entry)
    elif path.is_file() and tarfile.is_tarfile(path):
        with tarfile.open(path) as archive:
            for member in archive:
                if content := archive.extractfile(member):
                    yield member.name, content.read()
    else:
        raise RevisionError(f"{path} is no wheel, no sdist and no folder.")


def read_model(path: Path) -> Model:
    """What lies in and below the folder of a pipeline's config.cfg; refuses changed files."""
    files = {PurePosixPath(name): content for name, content in read_files(path)}
    roots = [name.parent for name in files if name.name == "config.cfg"]
    if not roots:
        raise RevisionError(f"{path}: no spaCy pipeline in it (config.cfg).")
    root = min(roots, key=lambda root: len(root.parts))
    inside = {
        name.relative_to(root).as_posix(): content
        for name, content in files.items()
        if name.is_relative_to(root)
    }
    hashes = {name: hashlib.md5(content).hexdigest() for name, content in inside.items()}
    if NAME not in inside:
        return Model(hash_files(hashes), None)
    lineage = srsly.json_loads(inside[NAME])
    check_files(path, lineage["model"], hashes)
    return Model(lineage["model"]["md5"], lineage)


def check_files(path: Path, model: dict[str, Any], hashes: dict[str, str]) -> None:
    """Refuse a package whose pipeline is not the one that it says it holds."""
    changed = [
        name
        for name in sorted(model["files"].keys() | hashes.keys())
        if name not in WRITTEN and model["files"].get(name) != hashes.get(name)
    ]
    if hash_files(model["files"]) != model["md5"]:
        changed.append(NAME)
    if changed:
        raise RevisionError(
            f"{path} was changed after it was packaged: {', '.join(changed)}. Install it anew."
        )
