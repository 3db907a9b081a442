"""Notice texts that are not in the base's language: it knows no names there that could be kept."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import srsly
from spacy.util import get_lang_class
from wasabi import msg

from scripts.exceptions import UnusableError
from scripts.intake.folder import list_data
from scripts.intake.formats import Source, recognize
from scripts.intake.parsers import parse
from scripts.intake.splits import find_sources
from scripts.intake.stream import cut
from scripts.params import Params

# So many texts are looked at, and nothing is said of fewer words.
TEXTS = 300
WORDS = 200
# The share of stop words among the words of a text in a language (spaCy's own example sentences:
# English 0.42, German 0.40, French 0.42, Czech 0.36; the English general text 0.58, tweets 0.47).
# Of another language's stop words, English texts have 0.15 at most.
LEAST = 0.2


def warn_of_other_language(params: Params, base: Path) -> None:
    """Warn of each of the three texts of params.yaml that is not in the base's language.

    base: the base's folder; its meta.json names the language.
    """
    language = srsly.read_json(base / "meta.json").get("lang", "xx")
    texts: dict[str, list[Source]] = {"data.source": find_sources(params.data)[0]}
    for key, path in (
        ("rehearsal.text", params.rehearsal.text),
        ("evaluate.general", params.evaluate.general),
    ):
        texts[key] = [(file, recognize(file), None) for file in list_data(Path(path))[0]]
    for key, sources in texts.items():
        if is_other_language(language, first_texts(sources)):
            name = get_lang_class(language).__name__
            msg.warn(
                f"{key} does not read like {name}, the base's language ({language}): few of its "
                f"words are common {name} words.",
                "What the base says of another language is mostly wrong, and keeping that keeps "
                "nothing. Give text in the base's language.",
            )


def first_texts(sources: list[Source]) -> Iterator[str]:
    """The texts of the first `TEXTS` records that can be used."""
    chunks = cut(sources, lambda _: None)
    pieces = ((piece, chunk.layout) for chunk in chunks for piece in chunk.pieces)
    for piece, layout in islice(pieces, TEXTS):
        # What cannot be used is named where records are read to be used.
        with suppress(UnusableError):
            yield parse(piece, layout).text


def is_other_language(language: str, texts: Iterable[str]) -> bool:
    """Whether texts have few of a language's stop words.

    language: its code. For another one than English the texts must have more of the English stop
        words, too, for not every language is as full of them. Nothing is said of a language that
        spaCy has no stop words for, nor of fewer than `WORDS` words.
    """
    words = [word for text in texts for word in text.lower().split() if word.isalpha()]
    own, english = (get_lang_class(code).Defaults.stop_words for code in (language, "en"))
    if not own or len(words) < WORDS:
        return False
    share, share_english = (sum(w in stop for w in words) / len(words) for stop in (own, english))
    return share < LEAST if language == "en" else share_english > max(LEAST, share)
