"""What is written whole or not at all: beside its place first, and then moved there."""

import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def scratch_folder(parent: Path, name: str) -> Iterator[Path]:
    """A folder to write in, which goes at the end; what a killed run left of it goes first."""
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.glob(f".{name}-*"):
        shutil.rmtree(left)
    with TemporaryDirectory(dir=parent, prefix=f".{name}-") as scratch:
        yield Path(scratch)


def write_text(path: Path, text: str) -> None:
    """Write a file: half of it never has its name."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf8", newline="\n")
    part.replace(path)


def write_bytes(path: Path, body: bytes, folder: Path) -> None:
    """Write a file beside its place, in `folder`, and put it there at once."""
    scratch = folder / f"{path.name}.{uuid.uuid4().hex}"
    with scratch.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)


def publish(folder: Path, output: Path, names: Iterable[str]) -> None:
    """Move files and folders to `output`, in the place of those of the same name."""
    for name in sorted(names, key=lambda name: name == "data.json"):
        target = output / name
        if target.is_dir():
            shutil.rmtree(target)
        (folder / name).replace(target)


def replace_folder(new: Path, target: Path) -> None:
    """Move the folder `new` to `target`, in place of whatever folder is there."""
    if target.exists():
        shutil.rmtree(target)
    new.replace(target)
