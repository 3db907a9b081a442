"""Content hashes, as DVC computes them."""

from pathlib import Path

from dvc_data.hashfile.build import build
from dvc_data.hashfile.db import HashFileDB
from dvc_data.hashfile.tree import Tree
from dvc_objects.fs.local import LocalFileSystem


def hash_path(path: Path) -> tuple[str, dict[str, str]]:
    """The MD5 that dvc.lock has of a file or folder, and those of the files in a folder."""
    system = LocalFileSystem()
    database = HashFileDB(system, str(path.parent))
    _, _, found = build(database, str(path), system, "md5", dry_run=True)
    files = found.as_list() if isinstance(found, Tree) else []
    return str(found.hash_info.value), {entry["relpath"]: entry["md5"] for entry in files}


def hash_files(files: dict[str, str]) -> str:
    """The MD5 that dvc.lock has of a folder with these files, each with its own MD5."""
    tree = Tree.from_list([{"md5": md5, "relpath": name} for name, md5 in files.items()])
    tree.digest()
    return str(tree.hash_info.value)
