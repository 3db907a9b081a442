"""Whether the files and folders that params.yaml names are there."""

from pathlib import Path

from scripts.exceptions import ParamsError
from scripts.params import PARAMS, Params
from scripts.settings.yaml_file import Key, line_of, read_text, read_yaml
from scripts.words import what_is_near

DVC = Path("dvc.yaml")


def refuse_missing_paths(params: Params) -> None:
    """Raise ParamsError for each path in params.yaml that does not exist, with what is near.

    What DVC brings or makes may be missing: it comes when it is needed.
    """
    paths: dict[Key, str] = {
        ("data", "source"): params.data.source,
        ("rehearsal", "text"): params.rehearsal.text,
        ("evaluate", "general"): params.evaluate.general,
    }
    missing = {
        key: path
        for key, path in paths.items()
        if not Path(path).exists() and not comes_from_dvc(Path(path))
    }
    if missing:
        text = read_text(PARAMS)
        raise ParamsError(
            "\n".join(
                f"{PARAMS}:{line_of(text, key)}: {'.'.join(map(str, key))}: there is no {path}"
                f"{what_is_near(Path(path))}"
                for key, path in missing.items()
            )
        )


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
