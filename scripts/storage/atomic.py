"""Files and folders that are written whole or not at all.

Each is written beside its place first, and then renamed, which a kill or a full disk cannot do by
half.
"""

import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def scratch_folder(parent: Path, name: str) -> Iterator[Path]:
    """A folder to write in, removed at the end.

    parent: where it is made; the same disk as what is written in it is moved to.
    name: whose it is. What a killed run left under this name is removed first.
    """
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.glob(f".{name}-*"):
        shutil.rmtree(left)
    with TemporaryDirectory(dir=parent, prefix=f".{name}-") as scratch:
        yield Path(scratch)


def replace_folder(new: Path, target: Path) -> None:
    """Move the folder `new` to `target`; what is there is moved away first and removed at the end.

    new: a folder in a scratch folder on the same disk. The old one is moved beside it, so that a
        kill may leave no `target`, but never a part of one.
    """
    old = new.with_name(f"{new.name}.old")
    if target.exists():
        target.replace(old)
    new.replace(target)
    if old.exists():
        shutil.rmtree(old)


def write_bytes(path: Path, body: bytes, folder: Path | None = None) -> None:
    """Write a file whole: its name never stands for a part of it, even after a power cut.

    folder: where it is written first, on the same disk and under a name of its own, so that several
        processes may write the same file. Unless given, it is written beside its place.
    """
    if folder:
        part = folder / f"{path.name}.{uuid.uuid4().hex}"
    else:
        part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole, as UTF-8; line ends stay as they are."""
    write_bytes(path, text.encode("utf8"))


def publish(folder: Path, output: Path, names: Iterable[str]) -> None:
    """Move files and folders out of a scratch folder, in the place of those of the same name.

    folder: where they are.
    output: where they go; data.json comes last, so that where it is, the rest is, too.
    names: the names of the files and folders.
    """
    for name in sorted(names, key=lambda name: name == "data.json"):
        if (folder / name).is_dir():
            replace_folder(folder / name, output / name)
        else:
            (folder / name).replace(output / name)
