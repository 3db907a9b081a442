"""Show in a terminal what several pipelines find in the same text.

Where the terminal has colours, each label has one. Where it has none, or NO_COLOR is set, or the
output goes to a file, entities stand in brackets.
"""

import re
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text
from spacy.tokens import Doc

from scripts.reporting.escape import UNPRINTABLE

STYLES = [f"black on {name}" for name in ("cyan", "green", "yellow", "magenta", "blue", "red")]


def show_side_by_side(console: Console, docs: dict[str, Doc], labels: list[str]) -> None:
    """Print a text once for each pipeline, with the entities that it found marked.

    docs: what each pipeline made of the text, by the pipeline's name.
    labels: the labels of all of them, sorted; where there are many, some share a colour.
    """
    is_coloured = console.color_system is not None and not console.no_color
    styles = {label: STYLES[i % len(STYLES)] for i, label in enumerate(labels)}
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, doc in docs.items():
        table.add_row(Text(name, style="bold"), mark(doc, styles if is_coloured else {}))
        for line in scored_spans(doc):
            table.add_row("", Text(line))
    console.print(table)


def mark(doc: Doc, styles: dict[str, str]) -> Text:
    """The text with its entities marked, each with its label behind it.

    styles: the style of each label; entities of other labels stand in brackets.
    """
    marked, last = Text(), 0
    for ent in doc.ents:
        marked.append(safe(doc.text[last : ent.start_char]))
        words = f"{safe(ent.text)} {safe(ent.label_)}"
        if style := styles.get(ent.label_):
            marked.append(f" {words} ", style=style)
        else:
            marked.append(f"[{words}]")
        last = ent.end_char
    return marked.append(safe(doc.text[last:]))


def scored_spans(doc: Doc) -> Iterator[str]:
    """Yield a line for each group of spans that has scores, as a span categorizer gives them.

    A recognizer of entities decides move by move and gives none.
    """
    for key, group in doc.spans.items():
        scores = group.attrs.get("scores", ())
        spans = zip(group, scores, strict=False)
        if found := [f"{safe(x.text)} {safe(x.label_)} {score:.2f}" for x, score in spans]:
            yield f"{safe(key)}: {', '.join(found)}"


def safe(text: str) -> str:
    """Replace whatever a terminal would obey, and line breaks by spaces."""
    return UNPRINTABLE.sub("\ufffd", re.sub(r"\s", " ", text))
