"""Read what a package or a pipeline's folder says about how it was made."""

import hashlib
import json
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from scripts.exceptions import RevisionError
from scripts.provenance.describe import NAME, WRITTEN
from scripts.storage.dvc import hash_files


class Model(NamedTuple):
    """A package or a pipeline's folder."""

    md5: str
    """The MD5 by which dvc.lock names the pipeline."""
    lineage: dict[str, Any] | None
    """The content of the package's lineage.json; None if there is none."""


def read_files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of every file of a wheel, an sdist or a folder.

    Nothing is unpacked to the disk.

    Raises RevisionError if `path` is none of these.
    """
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
    """Read the pipeline in a wheel, an sdist or a folder: all below its topmost config.cfg.

    Raises RevisionError if there is no pipeline, or if a package's files were changed.
    """
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
    lineage = json.loads(inside[NAME])
    check_files(path, lineage["model"], hashes)
    return Model(lineage["model"]["md5"], lineage)


def check_files(path: Path, model: dict[str, Any], hashes: dict[str, str]) -> None:
    """Raise RevisionError if the files of a package are not those that its lineage.json lists.

    path: the package, for the message.
    model: `model` of lineage.json.
    hashes: the MD5 of every file of the pipeline, by its name.
    """
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
