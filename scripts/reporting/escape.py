"""Make texts from data safe to show: in a terminal, and within Markdown."""

import re
from typing import Any

from markupsafe import Markup

UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# The characters that are markup within a line, in CommonMark or in what GitHub adds to it: tables,
# strikethrough and formulas.
MARKUP = re.compile(r"[\\`*\[\]|~$#]|(?<!\w)_|_(?!\w)")


def printable(text: str) -> str:
    """Put a text on one line, and replace whatever a terminal would obey or could not show."""
    return UNPRINTABLE.sub("\ufffd", " ".join(text.split()))


def escape(value: Any) -> Markup:
    """Escape a value for a line of Markdown, where it then reads as plain text.

    A value that is Markup already comes back unchanged.
    """
    if isinstance(value, Markup):
        return value
    text = " ".join(str(value).split())
    text = re.sub(r"&(?=#?\w+;)", "&amp;", text)
    return Markup(MARKUP.sub(r"\\\g<0>", re.sub(r"<(?![\s\d=])", "&lt;", text)))
