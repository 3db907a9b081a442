"""Whether the files and folders that params.yaml names are there, and can be read from there."""

from pathlib import Path

from scripts.exceptions import ParamsError
from scripts.params import PARAMS, Params
from scripts.settings.yaml_file import Key, line_of, read_text, read_yaml
from scripts.words import what_is_near

DVC = Path("dvc.yaml")


def refuse_missing_paths(params: Params) -> None:
    """Raise ParamsError for each path in params.yaml that does not exist, with what is near.

    So it is for what is no path (a pattern such as *.jsonl, a ~ for the home folder), and for the
    project's own folder: DVC would say little of either. What DVC brings or makes may be missing:
    it comes when it is needed.
    """
    paths: dict[Key, str] = {
        ("data", "source"): params.data.source,
        ("rehearsal", "text"): params.rehearsal.text,
        ("evaluate", "general"): params.evaluate.general,
    }
    wrong = {key: said for key, path in paths.items() if (said := what_is_wrong(path))}
    if wrong:
        text = read_text(PARAMS)
        raise ParamsError(
            "\n".join(
                f"{PARAMS}:{line_of(text, key)}: {'.'.join(map(str, key))}: {said}"
                for key, said in wrong.items()
            )
        )


def what_is_wrong(name: str) -> str:
    """Why the data cannot be read from a path, and what to write; empty where it can."""
    path = Path(name)
    if Path.cwd().is_relative_to(path.resolve()):
        return f"{name} is the project's own folder, or above it: name the file or folder of data"
    if path.exists() or comes_from_dvc(path):
        return ""
    if name.startswith("~"):
        return f"{name}: ~ is not understood here: write {path.expanduser()}"
    if any(char in name for char in "*?["):
        return (
            f"{name} is a pattern: name the folder. All files below it are read; put those that "
            "are wanted into a folder of their own"
        )
    return f"there is no {name}{what_is_near(path)}"


def comes_from_dvc(path: Path) -> bool:
    """Whether a path, or a folder above it, is tracked by DVC or made by a stage."""
    if not DVC.is_file():
        return False
    stages = (read_yaml(DVC) or {}).get("stages", {})
    outs = [out for stage in stages.values() for out in stage.get("outs", [])]
    made = {Path(out if isinstance(out, str) else next(iter(out))) for out in outs}
    return any(
        place in made or place.with_name(f"{place.name}.dvc").is_file()
        for place in (path, *path.parents)
        if place.name
    )
