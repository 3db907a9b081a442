"""Files of labelled texts: found, opened, unpacked, and where one breaks off, said so."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from scripts.exceptions import DataError

BOM = b"\xef\xbb\xbf"
# Annotated text unpacks to ten or twenty times its size. What grows more than this, and above the
# size that matters, was made to fill the memory.
GROWTH = 200
HARMLESS = 64 << 20


def list_files(source: Path) -> list[Path]:
    """A file, or every file below a folder in the order of their names, hidden ones left out."""
    if not source.exists():
        raise DataError(f"{source} is not there: look at the paths in params.yaml.")
    if source.is_file():
        return [source]
    found = [path for path in source.rglob("*") if path.is_file()]
    visible = [p for p in found if not any(x[0] == "." for x in p.relative_to(source).parts)]
    # A text and its brat annotation are one; DVC's own files are no data.
    files = sorted(
        path
        for path in visible
        if path.suffix != ".dvc"
        and not (path.suffix == ".ann" and path.with_suffix(".txt") in found)
    )
    if not files:
        raise DataError(f"{source} is an empty folder: put labelled texts in it.")
    return files


class Unpacked(io.RawIOBase):
    """The bytes of a gzip file, as long as they are not far too many for its size."""

    def __init__(self, raw: BinaryIO, path: Path) -> None:
        self.raw, self.path, self.size = raw, path, 0
        self.file = gzip.GzipFile(fileobj=raw)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        number = self.file.readinto(buffer)
        self.size += number
        if self.size > max(HARMLESS, GROWTH * self.raw.tell()):
            raise DataError(
                f"{self.path} unpacks to more than {GROWTH} times its size, which no text does: "
                "unpack it, and look what it is."
            )
        return number


def open_file(path: Path) -> tuple[BinaryIO, BinaryIO]:
    """A file's bytes as they are, for progress, and unpacked where they are gzip."""
    try:
        raw = path.open("rb")
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).") from None
    packed = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    return raw, io.BufferedReader(Unpacked(raw, path), 1 << 17) if packed else raw


@contextmanager
def refuse_broken(path: Path, line: int) -> Iterator[None]:
    """Say where a file was when it could not be read on."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}:{line}: not UTF-8 from here on ({error.reason}): save it as UTF-8."
        ) from None
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(
            f"{path}:{line}: cannot be read or unpacked from here on ({error}): fetch it again."
        ) from None
