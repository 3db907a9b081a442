"""Put the trained component among the base model's own, untouched ones.

    python -m scripts.assemble training/base training/model-best training/model

With the strategy `extend` the trained component goes right before the base's first entity
recognizer, which keeps the entities that are already set when a text reaches it. With the other
strategies it takes the place of the base's component of the same name.

A component whose embedding did not learn gets the base's again: one that the base shares, such as a
transformer, runs once for all that listen to it. One to which nothing listens any more is left out.
"""

import shutil
from pathlib import Path

import spacy
import typer
from spacy.language import Language
from wasabi import msg

from scripts.exceptions import door
from scripts.functions import forget_paths, unfreeze
from scripts.params import load_params
from scripts.storage.atomic import replace_folder, scratch_folder


def first_recognizer(nlp: Language) -> str:
    """The name of the first component that sets entities."""
    return next(n for n in nlp.pipe_names if "doc.ents" in nlp.get_pipe_meta(n).assigns)


def shared_embeddings(nlp: Language) -> set[str]:
    """The names of the components whose embedding others use."""
    return {name for name, pipe in nlp.pipeline if getattr(pipe, "listening_components", [])}


def keep_files(base: Path, model: Path, names: list[str]) -> None:
    """Take the files of components from the base's folder, byte for byte.

    What is loaded and saved again need not have the same bytes: a model of spacy-transformers
    differs each time, and so does one that an older version saved.
    """
    for name in (name for name in names if (base / name).is_dir()):
        shutil.copytree(base / name, model / name, dirs_exist_ok=True)


def assemble(*, base: Path, trained: Path, output: Path, strategy: str) -> None:
    """Write the full pipeline to the folder `output`.

    base: the folder of the base pipeline.
    trained: the folder of a pipeline with nothing but the trained component.
    strategy: `training.strategy` of params.yaml.
    """
    nlp = spacy.load(base)
    part = spacy.load(trained)
    (name,) = part.pipe_names
    unfreeze(part, name, str(base))
    heard = shared_embeddings(nlp)
    if strategy == "extend":
        place = nlp.pipe_names.index(first_recognizer(nlp))
    else:
        place = nlp.pipe_names.index(name)
        nlp.remove_pipe(name)
    nlp.add_pipe(name, source=part, before=place if place < len(nlp.pipe_names) else None)
    for unheard in heard - shared_embeddings(nlp):
        nlp.remove_pipe(unheard)
        msg.info(f"{unheard} is left out: no component uses it any more")
    # The base's own scores of what is unchanged still hold; those of its entities no longer do.
    scores = nlp.meta.get("performance", {})
    nlp.meta["performance"] = {k: v for k, v in scores.items() if not k.startswith("ents_")}
    with scratch_folder(output.parent, "assemble") as scratch:
        forget_paths(nlp)
        nlp.to_disk(scratch / "model")
        keep_files(base, scratch / "model", [x for x in nlp.component_names if x != name])
        replace_folder(scratch / "model", output)
    msg.good(f"{output}: {' → '.join(nlp.pipe_names)}")


@door
def main(base: Path, trained: Path, output: Path) -> None:
    """Put the trained component among the base model's own, untouched ones."""
    assemble(base=base, trained=trained, output=output, strategy=load_params().training.strategy)


if __name__ == "__main__":
    typer.run(main)
