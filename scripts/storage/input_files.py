"""Find and open files of labelled texts, unpack gzip, and report where a file is broken."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Any, BinaryIO

from scripts.exceptions import DataError

BOM = b"\xef\xbb\xbf"
# Annotated text unpacks to ten or twenty times its size. A file that grows by more than this factor
# was made to fill the memory; it is harmless as long as it is small.
MAX_GROWTH = 200
HARMLESS_BYTES = 64 << 20


def list_files(source: Path) -> list[Path]:
    """List a file alone, or all files below a folder in the order of their paths.

    Hidden files, DVC's files and the annotations beside brat's texts are left out.
    Raises DataError where there is no such file or folder, or no file in it.
    """
    if not source.exists():
        raise DataError(f"{source} is not there: look at the paths in params.yaml.")
    if source.is_file():
        return [source]
    found = [path for path in source.rglob("*") if path.is_file()]
    visible = [p for p in found if not any(x[0] == "." for x in p.relative_to(source).parts)]
    # The reader of a brat text opens the annotation, too.
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
    """The unpacked bytes of a gzip file; DataError as soon as they are far too many for its size.

    raw: the file as it is.
    path: its name, for messages.
    """

    def __init__(self, raw: BinaryIO, path: Path) -> None:
        self.raw, self.path, self.size = raw, path, 0
        self.file = gzip.GzipFile(fileobj=raw)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        number = self.file.readinto(buffer)
        self.size += number
        if self.size > max(HARMLESS_BYTES, MAX_GROWTH * self.raw.tell()):
            raise DataError(
                f"{self.path} unpacks to more than {MAX_GROWTH} times its size, which no "
                "text does: unpack it, and look at what it is."
            )
        return number


def open_file(path: Path) -> tuple[BinaryIO, BinaryIO]:
    """Open a file.

    Returns the file as it is, which tells how far it is read and has to be closed, and the file to
    read from. They differ if it is compressed with gzip, which its first bytes tell.
    Raises DataError where it cannot be opened.
    """
    try:
        raw = path.open("rb")
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).") from None
    packed = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    return raw, io.BufferedReader(Unpacked(raw, path), 1 << 17) if packed else raw


def as_utf8(path: Path | str) -> str:
    """The command that converts a file of Western Europe's old encoding to UTF-8."""
    return f"`iconv -f WINDOWS-1252 -t UTF-8 {quote(str(path))} > NEW`"


@contextmanager
def refuse_broken(path: Path, line: int) -> Iterator[None]:
    """Turn errors of reading, unpacking and decoding a file into DataError.

    line: about where reading is, for the message.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}:{line}: not UTF-8 from here on ({error.reason}): save it as UTF-8, such as "
            f"with {as_utf8(path)}."
        ) from None
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(
            f"{path}:{line}: cannot be read or unpacked from here on ({error}): fetch it again."
        ) from None
