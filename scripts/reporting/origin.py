"""What the page of an evaluation says of its origin: names, and what was read and made by content.

The page is an output of a stage, so a commit holds it by content, and it cannot name the commit.
What leads to the commit is the model's MD5, which stands in the commit's dvc.lock. The hashes are
those of what lies here: while a stage runs, dvc.lock can still have those of the run before.
"""

from pathlib import Path
from typing import Any

from scripts.provenance.revisions import PREDICTIONS, SUMMARY
from scripts.reporting.summary import DATA, SCORES
from scripts.storage.dvc import hash_path
from scripts.storage.json_files import read_json

BASE, MODEL = Path("training/base"), Path("training/model")


def hash_all(paths: list[Path]) -> dict[str, str]:
    """The MD5 of each file or folder, by its path, in the order of the paths."""
    return {path.as_posix(): hash_path(path)[0] for path in sorted(set(paths))}


def read_origin(params: dict[str, Any]) -> dict[str, Any]:
    """Say what the results in the project's folder were made of.

    params: the values of params.yaml.

    Returns "package", "base" (each with its version), "ships" (whether the model may be packaged),
    "component", "strategy", "source" and "model" (paths), and the MD5s of what was read ("read")
    and of what was made of it ("made").
    """
    base, model = (read_json(folder / "meta.json") for folder in (BASE, MODEL))
    package, source = params["package"], params["data"]["source"]
    texts = [source, params["evaluate"]["general"], params["rehearsal"]["text"]]
    return {
        "package": f"{model['lang']}_{package['name']} {package['version']}",
        "ships": read_json(Path(SUMMARY))["ships"],
        "base": f"{base['lang']}_{base['name']} {base['version']}",
        "component": params["base"]["component"],
        "strategy": params["training"]["strategy"],
        "source": Path(source).as_posix(),
        "model": MODEL.as_posix(),
        "read": hash_all([*map(Path, texts), Path("requirements.txt")]),
        "made": hash_all([BASE, MODEL, DATA, SCORES, Path(PREDICTIONS)]),
    }
