"""What the keys of a JSON record mean: which has the text, which the spans, and what a span says.

Programs write the same few things under several names. They are known here by their names and by
what they hold, whatever the program; what cannot be known is refused with the key to write into
params.yaml.
"""

from collections.abc import Iterator
from typing import Any

from scripts.exceptions import UnusableError
from scripts.intake.layout import Hints

TEXT = ("text", "content", "sentence", "data")
WORDS = ("tokens", "words", "tokenized_text")
TAGS = ("ner_tags", "tags", "labels", "ner")
SPANS = {
    "prodigy": ("spans", "ents"),
    "doccano": ("label", "labels", "entities", "annotations"),
    "": ("spans", "ents", "entities", "label", "labels", "annotations", "annotation"),
}
"""The keys of lists of spans, by the name of a format; "" if it is not known."""
START = ("start", "start_offset", "begin", "offset")
END = ("end", "end_offset")
LABEL = ("label", "labels", "entity_group", "entity", "category", "type", "tag")
Found = tuple[Any, Any, Any, Any]
"""Start, end, label, and words or None, of any types so far."""


def find_text(value: dict, hints: Hints) -> str:
    """Return the key of a record's text, or raise UnusableError where there is none."""
    if hints.text:
        if hints.text in value:
            return hints.text
        raise UnusableError("shape", f"data.text is {hints.text}; {list_keys(value)}.")
    for key in TEXT:
        if isinstance(value.get(key), str):
            return key
    strings = [key for key, held in value.items() if isinstance(held, str)] or ["..."]
    raise UnusableError(
        "shape", f"No text; {list_keys(value)}. Write data.text: {strings[-1]}, if that is it."
    )


def find_words(value: dict) -> str:
    """Return the key of a record's list of words, or "" where it has none."""
    for key in WORDS:
        words = value.get(key)
        if isinstance(words, list) and words and all(isinstance(x, str) for x in words):
            return key
    return ""


def find_tags(value: dict, hints: Hints) -> str:
    """Return the key of what is said of the words of a record, or "" where there is none."""
    keys = (hints.spans,) if hints.spans else TAGS
    return next((key for key in keys if isinstance(value.get(key), list)), "")


def find_spans(value: dict, kind: str, hints: Hints) -> str | None:
    """Return the key of a record's list of spans, or None if nobody has labelled it.

    kind: the format, a key of SPANS.

    Raises UnusableError where several lists, or one that is not known, may be it.
    """
    if hints.spans:
        return hints.spans if hints.spans in value else None
    known = [key for key in SPANS[kind] if key in value and not is_of_record(key, value[key])]
    full = [key for key in known if value[key]]
    if len(full) > 1 and not all(value[key] == value[full[0]] for key in full):
        names = " and ".join(map(repr, full))
        raise UnusableError("shape", f"Are the spans in {names}? Write data.spans: {full[0]}.")
    if known:
        return (full or known)[0]
    for key, held in value.items():
        if key not in ("tokens", "relations") and isinstance(held, list) and held:
            raise UnusableError(
                "shape",
                f"What is in {key!r}? {list_keys(value)}. If it has the spans, write "
                f"data.spans: {key}.",
            )
    return None


def is_of_record(key: str, held: Any) -> bool:
    """Say whether a value says something of the whole record: a label, or a list of such."""
    texts = isinstance(held, list) and bool(held) and all(isinstance(x, str) for x in held)
    return key in ("label", "labels") and (texts or isinstance(held, str | int | float))


def list_keys(value: dict) -> str:
    """The names of an object's keys, for messages."""
    return f"its keys are {', '.join(map(str, value)) or 'none'}"


def read_spans(spans: list[Any], key: str, hints: Hints) -> Iterator[Found]:
    """Yield every span of a list, once for each of its labels.

    key: of the list, for messages.

    Raises UnusableError where a span lacks something, or its label is a number without a name.
    """
    for span in spans:
        for start, end, label, words in read_span(span, key):
            if type(label) is int:
                if str(label) not in hints.named:
                    raise UnusableError(
                        "shape",
                        f"The label {label} is a number. If you know its name, write it into "
                        f'params.yaml: data.rename: {{"{label}": NAME}}.',
                    )
                label = str(label)
            yield start, end, label, words


def read_span(span: Any, key: str) -> Iterator[Found]:
    """Yield a span as it is written, once for each of its labels."""
    if isinstance(span, list | tuple) and len(span) >= 3:
        # Some write the label first.
        start, end, label = [*span[1:3], span[0]] if isinstance(span[0], str) else span[:3]
        yield start, end, label, None
        return
    if not isinstance(span, dict):
        raise UnusableError("shape", f"{span!r} in {key!r} is no span: start, end and label.")
    names = [next((name for name in names if name in span), "") for names in (START, END, LABEL)]
    label = span.get(names[2])
    labels = label if isinstance(label, list) else [label]
    if points := span.get("points"):
        # Dataturks: the end is the last character of the span.
        places = [(point["start"], point["end"] + 1, point.get("text")) for point in points]
    elif names[0] == "offset" and "length" in span:
        places = [(span["offset"], span["offset"] + span["length"], span.get("text"))]
    elif all(names):
        places = [(span[names[0]], span[names[1]], span.get("text"))]
    else:
        places = []
    if not places or not labels or not names[2]:
        raise UnusableError(
            "shape", f"A span needs start, end and label; in {key!r} {list_keys(span)}."
        )
    for start, end, words in places:
        for name in labels:
            yield start, end, name, words if isinstance(words, str) else None


def records_within(value: Any, hints: Hints) -> list[Any] | None:
    """The list of records that an object holds beside other things; None for another value.

    In the place of a record there may be None: some programs leave out texts in that way.
    """
    if not isinstance(value, dict) or is_record(value, hints):
        return None
    lists = [held for held in value.values() if isinstance(held, list) and held]
    found = [held for held in lists if all(x is None or is_record(x, hints) for x in held)]
    return found[0] if len(found) == 1 else None


def is_record(value: Any, hints: Hints) -> bool:
    """Say whether a value of JSON has a text, or words, and so is a record."""
    if isinstance(value, list):
        return len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], dict)
    if not isinstance(value, dict):
        return False
    keys = (hints.text, *TEXT) if hints.text else TEXT
    has_text = any(isinstance(value.get(key), str) for key in keys)
    return has_text or isinstance(value.get("data"), dict) or any(key in value for key in WORDS)
