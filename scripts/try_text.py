"""Try texts: what base and tuned model find in them, side by side.

    python -m scripts.try_text "Maria Keller swapped the AX-4400 in Leipzig."
    python -m scripts.try_text < texts.txt

Without a text as argument, texts are read from the standard input, a line each; in a terminal they
are asked for. A text given so may have quotes, dollars and whatever else a shell would change.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import typer
from rich.console import Console

from scripts.exceptions import DataError, ProjectError, door

MODELS = {"base": Path("training/base"), "tuned": Path("training/model")}
TEXTS = typer.Argument(None, metavar="[TEXT]...", help="Texts; without any they are asked for")


def read_texts() -> Iterator[str]:
    """Yield texts from the standard input, a line each; where a person sits there, ask for them."""
    if not sys.stdin.isatty():
        sys.stdin.reconfigure(encoding="utf8", errors="replace")  # type: ignore[union-attr]
        yield from map(str.strip, sys.stdin)
        return
    print("Type a text and Enter; an empty line ends.")
    try:
        while text := input("> ").strip():
            yield text
    except EOFError:
        print()


@door
def main(texts: list[str] | None = TEXTS) -> None:
    """Try texts: what base and tuned model find in them, side by side."""
    for path in MODELS.values():
        if not (path / "meta.json").is_file():
            raise ProjectError(f"{path} is not there yet: make run")
    console = Console(highlight=False)
    with console.status("Loading base and tuned model"):
        # A second or two, in which there is something to see.
        import spacy

        from scripts.keeping.base_labels import entity_labels
        from scripts.reporting.side_by_side import show_side_by_side
        from scripts.runtime.kernels import choose_blis

        choose_blis()
        models = {name: spacy.load(path) for name, path in MODELS.items()}
    labels = sorted({label for nlp in models.values() for label in entity_labels(nlp)})
    for text in filter(None, texts or read_texts()):
        if len(text) > (most := min(nlp.max_length for nlp in models.values())):
            raise DataError(f"A text has {len(text):,} characters; {most:,} are the most.")
        # What is no Unicode cannot be hashed by spaCy.
        text = text.encode("utf8", "replace").decode("utf8")
        show_side_by_side(console, {name: nlp(text) for name, nlp in models.items()}, labels)
        console.print()


if __name__ == "__main__":
    typer.run(main)
