"""Put the trained component among the base model's own, untouched ones.

    python -m scripts.assemble training/base training/model-best training/model

With the strategy `extend` the trained component goes right before the base's first recognizer,
which keeps the entities that are already set when a text reaches it. Rulers before that stay before
both, so what they set stays. With the other strategies the trained component takes the place of the
base's component of the same name.
"""

from pathlib import Path

import spacy
import typer
from spacy.language import Language
from wasabi import msg

from scripts.base.recognizers import find_recognizers, find_weak_rulers
from scripts.exceptions import door
from scripts.params import load_params
from scripts.storage.atomic import replace_folder, scratch_folder


def put_in_place(nlp: Language, part: Language, strategy: str) -> str:
    """Put the one component of `part` into a pipeline, and return the component's name.

    nlp: the base; it is changed. Its disabled components are counted, for they have places, too.
    strategy: `training.strategy` of params.yaml.
    """
    (name,) = part.pipe_names
    if strategy == "extend":
        nlp.add_pipe(name, source=part, before=find_recognizers(nlp)[0])
    else:
        place = nlp.component_names.index(name)
        nlp.remove_pipe(name)
        is_last = place == len(nlp.component_names)
        nlp.add_pipe(name, source=part, before=None if is_last else place)
    return name


def warn_of_weak_rulers(nlp: Language, name: str) -> None:
    """Warn of rulers that set nothing where the new recognizer `name` has found an entity."""
    for ruler in find_weak_rulers(nlp, name):
        msg.warn(
            f"{ruler} runs after {name} and overwrites nothing: where {name} finds an entity, its "
            "rules set none.",
            "If the rules are to win, put the ruler before the base's recognizer, or give it "
            "overwrite_ents: true.",
        )


def assemble(*, base: Path, trained: Path, output: Path, strategy: str) -> None:
    """Write the full pipeline to the folder `output`.

    base: the folder of the base pipeline.
    trained: the folder of a pipeline with nothing but the trained component.
    strategy: `training.strategy` of params.yaml.
    """
    nlp = spacy.load(base)
    part = spacy.load(trained)
    name = put_in_place(nlp, part, strategy)
    # The base's own scores of what is unchanged still hold; those of its entities no longer do.
    scores = nlp.meta.get("performance", {})
    nlp.meta["performance"] = {k: v for k, v in scores.items() if not k.startswith("ents_")}
    with scratch_folder(output.parent, "assemble") as scratch:
        nlp.to_disk(scratch / "model")
        replace_folder(scratch / "model", output)
    msg.good(f"{output}: {' → '.join(nlp.pipe_names)}")
    if strategy == "extend":
        warn_of_weak_rulers(nlp, name)


@door
def main(base: Path, trained: Path, output: Path) -> None:
    """Put the trained component among the base model's own, untouched ones."""
    assemble(base=base, trained=trained, output=output, strategy=load_params().training.strategy)


if __name__ == "__main__":
    typer.run(main)
