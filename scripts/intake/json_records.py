"""Make a record of a value of JSON, in the shape of any program."""

import json
import re
import shlex
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from scripts.exceptions import DataError, UnusableError
from scripts.intake.answers import is_answer, unknown_parts
from scripts.intake.cells import TAG
from scripts.intake.keys import Found, find_spans, find_tags, find_text, find_words, read_spans
from scripts.intake.layout import Hints, Layout
from scripts.intake.records import Record, make_record
from scripts.intake.tagged import join_words
from scripts.intake.word_columns import find_glue
from scripts.words import quote_text

# Python's own, as faster ones change numbers in the last digit, and a rejected record is kept as it
# is. A raw tab in a string is no JSON, but nobody is helped by a refusal.
DECODER = json.JSONDecoder(strict=False)
# A text that is an address, of a file of Label Studio or in the web.
ADDRESS = re.compile(r"(?:https?://|s3://|gs://|/data/)\S+$")


def parse_json(raw: Any, path: str, line: int, layout: Layout) -> Record:
    """Parse JSON in the shape of one of several programs.

    raw: a line as bytes, or a value.
    layout: `lines`, `array` or `values` to find out which shape it is, or the name of one.
    """
    value = load(raw)
    # A line of rejected.jsonl, which somebody has mended, has the record inside.
    if isinstance(value, dict) and "record" in value and "text" not in value:
        value = value["record"]
    kind = layout.name if layout.name in SHAPES else shape_of(value, layout.hints)
    try:
        return SHAPES[kind](value, path, line, layout.hints)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        what = f"{type(error).__name__}: {error}"
        raise UnusableError("shape", f"The record is not in the format {kind} ({what}).") from None


def load(raw: Any) -> Any:
    """Return the value of a line of JSON (bytes), or an element of an array (a value) as it is.

    Raises UnusableError where the line is not JSON, UnicodeDecodeError where it is not UTF-8.
    """
    if not isinstance(raw, bytes):
        return raw
    text = raw.decode("utf8")
    try:
        return DECODER.decode(text.strip())
    except (ValueError, RecursionError) as error:
        raise UnusableError(
            "not-json", f"{error}: is the line cut, or one of several lines of a value?"
        ) from None


def shape_of(value: Any, hints: Hints) -> str:
    """Return the shape that a value of JSON has, a key of SHAPES.

    Raises UnusableError where it is neither an object nor a list.
    """
    if isinstance(value, list):
        return "spacy-json"
    if not isinstance(value, dict):
        raise UnusableError("shape", "A record must be an object, or a text and its entities.")
    if isinstance(value.get("data"), dict):
        return "label-studio"
    has_words = "spans" not in value and find_tags(value, hints) and find_words(value)
    return "words" if has_words else "object"


def parse_object(value: dict, path: str, line: int, hints: Hints, kind: str = "") -> Record:
    """Parse an object with a text and a list of spans, under any of their names.

    kind: the format, if it is known: a key of SPANS (scripts/intake/keys.py).

    Of Prodigy's, an answer other than `accept` leaves the record out; one that was accepted has
    been looked at, and what it does not mark is no name.
    """
    if (answer := value.get("answer")) not in (None, "accept"):
        raise UnusableError("answer", f"{answer}: by its annotator.")
    text, key = find_text(value, hints), find_spans(value, kind, hints)
    if kind == "doccano" and key is None:
        raise UnusableError("shape", "The record has no 'label', 'labels' or 'entities'.")
    held = value.get(key) if key else None
    if held is None and answer:
        held = []
    spans = None if held is None else [*read_spans(held, key or "", hints)]
    ends: list[Found] = []
    # Prodigy's; of other programs they may be plain words.
    if (tokens := value.get("tokens")) and not isinstance(tokens[-1], str):
        ends = [(tokens[-1]["start"], tokens[-1]["end"], "", tokens[-1]["text"])]
    record = record_of(value[text], spans, get_document(value), path, line, ends)
    if is_answer(value):
        bounds = [(start, end) for start, end, _ in record.spans or ()]
        record.open = unknown_parts(len(record.text), bounds)
        advice = "Answers to single names say nothing of the rest: its labels are missing."
        record.notes.append(("one-answer", advice, bounds[0]))
    return record


def record_of(
    text: Any, spans: list[Found] | None, doc: Any, path: str, line: int, ends: Iterable[Found] = ()
) -> Record:
    """Make a record of a text and spans, some of which repeat the words of the text.

    ends: what else repeats words of the text.
    """
    return make_record(
        text,
        None if spans is None else [span[:3] for span in spans],
        doc=doc,
        path=path,
        line=line,
        quoted=[(s, e, words) for s, e, _, words in [*(spans or ()), *ends] if words is not None],
    )


def get_document(value: dict) -> Any:
    """Return the name of the document in a record's `meta.doc`, or None."""
    meta = value.get("meta")
    return meta.get("doc") if isinstance(meta, dict) else None


def parse_spacy_json(value: list, path: str, line: int, hints: Hints) -> Record:
    """Parse spaCy 2's pair of a text and {"entities": [[start, end, label], ...]}."""
    text, annotation = value
    entities = annotation.get("entities")
    spans = None if entities is None else [*read_spans(entities, "entities", hints)]
    return record_of(text, spans, get_document(annotation), path, line)


def parse_words(value: dict, path: str, line: int, hints: Hints) -> Record:
    """Parse words with a tag each, as the data sets of Hugging Face have them, or with spans.

    The spans are GLiNER's: the first word, the last, and the label.
    """
    of_words, key = find_words(value), find_tags(value, hints)
    words, tags = value[of_words], value[key]
    if (tags or of_words == "tokenized_text") and all(isinstance(tag, list) for tag in tags):
        read = [*read_spans(tags, key, hints)]
        tags = ["O"] * len(words)
        for start, end, label, _ in read:
            if not 0 <= start <= end < len(words):
                raise UnusableError("out-of-range", f"{label}, word {start} to {end}.")
            if any(tag != "O" for tag in tags[start : end + 1]):
                raise UnusableError("shape", f"{label}, word {start} to {end}, overlaps another.")
            tags[start : end + 1] = [f"B-{label}", *[f"I-{label}"] * (end - start)]
    elif any(type(tag) is int for tag in tags):
        raise UnusableError("shape", name_numbers(key, path))
    elif len(tags) != len(words):
        raise UnusableError("shape", f"{len(words)} words, but {len(tags)} in {key!r}.")
    try:
        glue = find_glue(Path(path), words)
    except DataError as error:
        raise UnusableError("shape", str(error)) from None
    scheme = "tags" if all(TAG.match(tag) for tag in tags) else "labels"
    layout = Layout("columns", scheme=scheme, glue=glue)
    return join_words(words, [tags], layout, get_document(value), path, line)


def name_numbers(key: str, path: str) -> str:
    """What to do where tags are numbers; names are quoted for Python and shell."""
    place, source = quote_text(key), quote_text(path)
    program = (
        'import json; names = "O B-PER I-PER".split(); '
        f"[print(json.dumps({{**r, {place}: [names[t] for t in r[{place}]]}})) "
        f"for r in map(json.loads, open({source}))]"
    )
    return (
        f"{key} are numbers, whose names are in the data set's features. Put these in their order "
        f"into names, and run: {shlex.join(['python', '-c', program])} > named.jsonl"
    )


def choose_text(data: dict, hints: Hints) -> str:
    """Return the key of the text in the data of a task; UnusableError where that is open."""
    texts = [key for key, held in data.items() if isinstance(held, str)]
    key = hints.text or ("text" if "text" in data else texts[0] if len(texts) == 1 else "")
    if key not in data:
        raise UnusableError(
            "shape", f"Which of {', '.join(data)} is the text? Write data.text: KEY, with its key."
        )
    return key


def parse_label_studio(value: dict, path: str, line: int, hints: Hints) -> Record:
    """Parse a task of Label Studio with its annotations.

    The one that is marked as ground truth is used, or else the first that was not cancelled.
    Predictions are not read: nobody has checked them.
    """
    data = value["data"]
    key = choose_text(data, hints)
    made = value.get("annotations", value.get("completions")) or []
    done = [a for a in made if not a.get("was_cancelled")]
    if made and not done:
        raise UnusableError("answer", "All of its annotations were cancelled.")
    done = [a for a in done if a.get("ground_truth")] or done
    versions = [read_results(annotation["result"], hints) for annotation in done]
    spans = versions[0] if versions else None
    if spans and isinstance(data[key], str) and ADDRESS.match(data[key]):
        raise UnusableError(
            "shape", f"The text is an address: {data[key]}. Export the tasks with their texts."
        )
    record = record_of(data[key], spans, data.get("doc", get_document(data)), path, line)
    if any({x[:3] for x in version} != {x[:3] for x in versions[0]} for version in versions[1:]):
        advice = f"{len(versions)} annotations differ; the first is used. Export one per text."
        record.notes.append(("annotators-differ", advice, (0, 0)))
    return record


def read_results(results: list[dict], hints: Hints) -> list[Found]:
    """Return (start, end, label, words or None) for every label of every region.

    Results that are no labels, such as a choice for the whole text or for a region, are passed
    over. Raises UnusableError where a region has no label, or its offsets are those of HTML.
    """
    found: list[Found] = []
    for result in results:
        region = result.get("value", {})
        labels = region.get("labels", region.get("hypertextlabels"))
        is_label = result.get("type", "labels").endswith("labels") and "choices" not in region
        if "start" not in region or (labels is None and not is_label):
            continue
        if isinstance(region["start"], str):
            raise UnusableError(
                "shape",
                "The offsets are those of HTML. Label the plain text (Text and Labels in place of "
                "HyperText and HyperTextLabels), or convert the texts and offsets first.",
            )
        if not labels:
            raise UnusableError(
                "shape", f"The region {region['start']} to {region['end']} has no label."
            )
        found += read_spans([{**region, "labels": labels}], "result", hints)
    return found


SHAPES: dict[str, Callable[[Any, str, int, Hints], Record]] = {
    "prodigy": partial(parse_object, kind="prodigy"),
    "doccano": partial(parse_object, kind="doccano"),
    "label-studio": parse_label_studio,
    "spacy-json": parse_spacy_json,
    "words": parse_words,
    "object": parse_object,
}
