"""Write the complete training config: the recipe, what the base model is, and params.yaml.

    python -m scripts.configure configs/ner.cfg training/base corpus training/config.cfg

`extend` and `replace` train a new component, built like the base's and started from its weights;
`update` trains the base's own. In every case the component is alone in the training pipeline; if it
shares a layer with others in the base, it gets a copy of that layer. Between the updates it
practises what the base says of general text.
"""

from pathlib import Path

import typer
from wasabi import msg

from scripts.exceptions import door
from scripts.params import load_params
from scripts.storage.atomic import write_text
from scripts.training.config import configure


@door
def main(recipe: Path, base: Path, corpus: Path, output: Path) -> None:
    """Write the complete training config."""
    params = load_params()
    config = configure(
        recipe=recipe,
        base=base,
        corpus=corpus,
        component=params.base.component,
        training=params.training,
        ratio=params.rehearsal.ratio,
    )
    config["training"]["logger"]["path"] = (output.parent / "live").as_posix()
    output.parent.mkdir(parents=True, exist_ok=True)
    write_text(output, config.to_str())
    msg.good(f"Training config written to {output}")


if __name__ == "__main__":
    typer.run(main)
