"""Texts from outside, where they are shown: no terminal obeys them, no Markdown marks them up."""

import re
from typing import Any

from markupsafe import Markup

UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# What is markup within a line: CommonMark's, and GitHub's tables, strikethrough and formulas.
MARKUP = re.compile(r"[\\`*\[\]|~$#]|(?<!\w)_|_(?!\w)")


def printable(text: str) -> str:
    """Text on one line, with nothing in it that a terminal obeys or cannot show."""
    return UNPRINTABLE.sub("\ufffd", " ".join(text.split()))


def escape(value: Any) -> Markup:
    """A value as text within a line of Markdown."""
    if isinstance(value, Markup):
        return value
    text = " ".join(str(value).split())
    text = re.sub(r"&(?=#?\w+;)", "&amp;", text)
    return Markup(MARKUP.sub(r"\\\g<0>", re.sub(r"<(?![\s\d=])", "&lt;", text)))
