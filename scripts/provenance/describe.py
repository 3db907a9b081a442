"""What a package says of where it comes from: everything by content, in DVC's own terms."""

from pathlib import Path, PureWindowsPath
from typing import Any

from scripts.storage.dvc import hash_path

NAME = "lineage.json"
# What packaging itself writes into a pipeline's folder.
WRITTEN = {NAME, "GUIDE.md", "LICENSE", "LICENSES_SOURCES", "README.md", "meta.json"}


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
