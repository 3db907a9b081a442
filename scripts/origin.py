"""What a package says of where it comes from: everything by content, in DVC's own terms."""

from pathlib import Path, PureWindowsPath
from typing import Any

from dvc_data.hashfile.build import build
from dvc_data.hashfile.db import HashFileDB
from dvc_data.hashfile.tree import Tree
from dvc_objects.fs.local import LocalFileSystem

NAME = "lineage.json"
# What packaging itself writes into a pipeline's folder.
WRITTEN = {NAME, "LICENSE", "LICENSES_SOURCES", "README.md", "meta.json"}


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


def hide_folders(values: Any) -> Any:
    """Values, of whose absolute paths only the last name is left: a package names no one's folders.

    Keys of a dictionary are paths, too.
    """
    if isinstance(values, dict):
        return {hide_folders(key): hide_folders(value) for key, value in values.items()}
    # Windows' rules know the slash, too.
    path = PureWindowsPath(values) if isinstance(values, str) else None
    return path.name if path and path.root else values


def describe(
    *, model: Path, inputs: list[Path], params: dict, environment: dict, scores: dict
) -> dict[str, Any]:
    """The content of `lineage.json`.

    model, inputs: their MD5s stand in dvc.lock, too, as what the package was made of.
    environment: what training/environment.json holds.
    scores: precision, recall and F of what was measured.
    """
    md5, files = hash_path(model)
    return {
        "model": {"path": model.as_posix(), "md5": md5, "files": files},
        "inputs": hide_folders({path.as_posix(): hash_path(path)[0] for path in sorted(inputs)}),
        "params": hide_folders(params),
        "environment": environment,
        "scores": scores,
    }
