"""Fetch stage: check the assets and lay out the base model as a plain folder.

    python -m scripts.fetch training/base

The base is `base.model` of params.yaml: a wheel, an unpacked model's folder, the name of an
installed package, or the name of one that project.yml lists. `scripts/base/trust.py` says which
models are refused; one that is accepted is loaded once, to see that it works here. Everything is
checked before the target is touched.
"""

import importlib.util
from pathlib import Path

import typer
from wasabi import msg

from scripts.base.download import check_assets, find_wheel, list_official
from scripts.base.loading import check_loads
from scripts.base.trust import check_model, copy_folder, unpack
from scripts.exceptions import FetchError, door
from scripts.params import load_params
from scripts.settings.yaml_file import read_yaml
from scripts.storage.atomic import replace_folder, scratch_folder
from scripts.storage.paths import refuse_missing_paths


def find_package(name: str) -> Path | None:
    """The folder of an installed package, found without importing it; None if there is none."""
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    folders = list(spec.submodule_search_locations or ()) if spec else []
    return Path(folders[0]) if folders else None


def lay_out(model: str, assets: list[dict], folder: Path) -> None:
    """Lay out the base model in a folder, and say what was taken for a name.

    A name is that of an installed package or else of a wheel that project.yml lists, because the
    package index does not have the official models. Raises FetchError if it is neither.
    """
    official = list_official(assets)
    if model.endswith(".whl"):
        unpack(find_wheel(model, assets), folder)
    elif Path(model).is_dir():
        copy_folder(Path(model), folder)
    elif package := find_package(model):
        msg.info(f"base.model: {model} is the installed package")
        copy_folder(package, folder)
    elif wheel := official.get(model):
        msg.info(f"base.model: {model} is not installed, so it is {wheel} of project.yml")
        unpack(find_wheel(wheel, assets), folder)
    else:
        raise FetchError(
            f"base.model: {model} is no wheel, no folder and no installed package. Write the path "
            f"of a wheel, install the package, or take what project.yml lists: "
            f"{', '.join(official) or 'nothing'}."
        )


def fetch(*, model: str, component: str, assets: list[dict], target: Path) -> None:
    """Check the assets, then lay out the base model in the folder `target`.

    model, component: `base` of params.yaml.
    assets: `assets` of project.yml.

    Raises FetchError, and leaves `target` as it is, if an asset or the model is refused.
    """
    check_assets(assets)
    with scratch_folder(target.parent, "fetch") as scratch:
        staging = scratch / "base"
        lay_out(model, assets, staging)
        check_model(staging, component)
        check_loads(staging, component)
        replace_folder(staging, target)
    msg.good(f"Base model {model} laid out in {target}")


@door
def main(target: Path) -> None:
    """Check the assets and lay out the base model as a plain folder."""
    params = load_params()
    # Here, because it is the first stage: DVC itself would say no more than [Errno 2].
    refuse_missing_paths(params)
    assets = read_yaml(Path("project.yml")).get("assets", [])
    fetch(model=params.base.model, component=params.base.component, assets=assets, target=target)


if __name__ == "__main__":
    typer.run(main)
