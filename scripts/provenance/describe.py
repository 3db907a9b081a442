"""What a package says about its origin: inputs are named by their MD5, as DVC computes it."""

from pathlib import Path, PureWindowsPath
from typing import Any

from scripts.storage.dvc import hash_path

NAME = "lineage.json"
# The files that packaging writes into a pipeline's folder.
WRITTEN = {NAME, "GUIDE.md", "LICENSE", "LICENSES_SOURCES", "README.md", "meta.json"}


def hide_folders(values: Any) -> Any:
    """Replace every absolute path by its last name, so that a package shows no one's folders.

    values: a value, or a nested dictionary of values; its keys can be paths, too.
    """
    if isinstance(values, dict):
        return {hide_folders(key): hide_folders(value) for key, value in values.items()}
    # The rules for Windows paths cover paths with slashes as well.
    path = PureWindowsPath(values) if isinstance(values, str) else None
    return path.name if path and path.root else values


def describe(
    *, model: Path, inputs: list[Path], params: dict, environment: dict, scores: dict
) -> dict[str, Any]:
    """Make the content of `lineage.json`.

    model: the folder of the pipeline.
    inputs: what else the package was made of. dvc.lock has the same MD5s for it and the model.
    params: the values of params.yaml.
    environment: the content of training/environment.json.
    scores: the measured precision, recall and F.
    """
    md5, files = hash_path(model)
    return {
        "model": {"path": model.as_posix(), "md5": md5, "files": files},
        "inputs": hide_folders({path.as_posix(): hash_path(path)[0] for path in sorted(inputs)}),
        "params": hide_folders(params),
        "environment": environment,
        "scores": scores,
    }
