"""What experiments were made of, by content, and whether that is what is here now.

An experiment's own commit says it: params.yaml has its values, and dvc.lock the MD5s of what it
read. So results of other data, another base or other values are told from those of what is here.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from scripts.exceptions import ExperimentError
from scripts.experiments.naming import Changes
from scripts.params import PARAMS
from scripts.provenance.differences import differences, flatten
from scripts.provenance.revisions import LOCK, git, read_committed
from scripts.settings.yaml_file import parse_yaml, read_yaml
from scripts.storage.dvc import hash_path, hash_values

RECIPE, BASE = "configs/ner.cfg", "training/base"
# No figure depends on these.
UNUSED = ("package.", "evaluate.min_")


class Ingredients(NamedTuple):
    """What an experiment is made of."""

    params: dict[str, Any]
    """Values of params.yaml; the keys have dots."""
    content: dict[str, str]
    """The MD5 of data, base and recipe, by path, as far as it is known."""


def gather(params: dict[str, Any], find: Callable[[str], str | None]) -> Ingredients:
    """Put together what results depend on.

    params: the content of params.yaml.
    find: gives the MD5 of a path, or None where that is not known.
    """
    sources = (params["data"]["source"], params["evaluate"]["general"], params["rehearsal"]["text"])
    paths = sorted({Path(path).as_posix() for path in (*sources, RECIPE, BASE)})
    values = flatten(params).items()
    return Ingredients(
        {key: value for key, value in values if not key.startswith(UNUSED)},
        {path: md5 for path in paths if (md5 := find(path))},
    )


def ingredients_of(revision: str) -> Ingredients:
    """What an experiment was made of, or a commit says that it was. Reads only what git keeps."""
    stages = parse_yaml(read_committed(revision, LOCK) or "stages: {}", LOCK)["stages"]
    # Experiments end before `package`: its entry is of the run before.
    ran = [stage for name, stage in stages.items() if name != "package"]
    entries = [entry for stage in ran for key in ("deps", "outs") for entry in stage.get(key, [])]
    name = f"{revision}:params.yaml"
    params = parse_yaml(git("show", name), name)
    return gather(params, {entry["path"]: entry["md5"] for entry in entries}.get)


def ingredients_here() -> Ingredients:
    """What an experiment would be made of that began now."""
    params = read_yaml(PARAMS)
    stages = read_yaml(Path(LOCK))["stages"] if Path(LOCK).exists() else {}
    fetch = stages.get("fetch", {})

    def find(path: str) -> str | None:
        if path != BASE:
            return hash_path(Path(path))[0] if Path(path).exists() else None
        # The folder in the workspace can be that of a base that was used before.
        used = fetch.get("params", {}).get("params.yaml", {}).get("base")
        return str(fetch["outs"][0]["md5"]) if used == params["base"] else None

    return gather(params, find)


def is_varied(key: str, keys: Iterable[str]) -> bool:
    """Whether a key, or the section that it stands in, is among the keys that experiments vary."""
    return any(f"{key}.".startswith(f"{varied}.") for varied in keys)


def what_differs(there: Ingredients, here: Ingredients, keys: Iterable[str]) -> list[str]:
    """Name the params and paths in which an experiment differs from what is here.

    keys: the parameters that it varies, which may differ.
    """
    params = differences(there.params, here.params, "key")
    both = there.content.keys() & here.content.keys()
    return [
        *(row["key"] for row in params if not is_varied(row["key"], keys)),
        *(path for path in sorted(both) if there.content[path] != here.content[path]),
    ]


def hash_of(ingredients: Ingredients, keys: Iterable[str]) -> str:
    """Ten digits that are the same for experiments that differ in nothing but `keys`."""
    same = {key: x for key, x in ingredients.params.items() if not is_varied(key, keys)}
    return hash_values({"params": same, "content": ingredients.content})[:10]


def refuse_others(experiments: dict[str, Changes], folder: str) -> None:
    """Raise ExperimentError where finished experiments were made of something else than is here.

    Their names say the commit and the values, but not what data outside of git has become.

    experiments: the changes of those that are finished, by name.
    folder: the Git references that they are in.
    """
    if not experiments:
        return
    here = ingredients_here()
    others = {
        name: differ
        for name, changes in experiments.items()
        if (differ := what_differs(ingredients_of(folder + name), here, changes))
    }
    if others:
        named = ", ".join(sorted({x for differ in others.values() for x in differ}))
        raise ExperimentError(
            f"{len(others)} experiments of this commit were made of something else than is here: "
            f"{named}. Remove them, and the same command runs them again: "
            f"dvc exp remove {' '.join(others)}"
        )
