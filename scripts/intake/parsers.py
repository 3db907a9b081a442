"""Make a record of a piece of a file, for every format of labelled texts.

Every parser takes the content of a piece, the path and line where it begins and, unless it is for
one shape of JSON, the file's layout. It returns a record, or raises UnusableError.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.exceptions import UnusableError
from scripts.intake.formats import ASK
from scripts.intake.layout import Layout
from scripts.intake.readers import Piece
from scripts.intake.records import Note, Record, make_record
from scripts.intake.tagged import parse_columns, parse_iob

# Python's own, as faster ones change numbers in the last digit, and a rejected record is kept as it
# is. A raw tab in a string is no JSON, but nobody is helped by a refusal.
DECODER = json.JSONDecoder(strict=False)


def parse(piece: Piece, layout: Layout) -> Record:
    """Make the record of a piece.

    piece: a piece, as `read_pieces` (scripts/intake/readers.py) yields it.
    layout: the format of its file.

    Raises UnusableError, which says why no record can be made of it.
    """
    path, line, raw = piece
    try:
        record = PARSERS[layout.name](raw, path, line, layout)
        # JSON can express half of a surrogate pair, which neither a file nor a Doc can hold.
        labels = [label for _, _, label in record.spans or ()]
        "".join([record.text, record.doc, *labels]).encode()
        return record
    except UnicodeDecodeError as error:
        advice = f"byte {error.start + 1} is 0x{error.object[error.start]:02x}: save it as UTF-8."
        raise UnusableError("not-utf8", advice) from None
    except UnicodeEncodeError as error:
        raise UnusableError("half-character", f"{error}: write it again.") from None


def parse_text(raw: bytes, path: str, line: int, _: Layout) -> Record:
    """Parse a line of plain text, which has no labels."""
    return make_record(raw.decode("utf8").strip(), None, doc=None, path=path, line=line)


def parse_json(raw: Any, path: str, line: int, layout: Layout) -> Record:
    """Parse JSON in the shape of one of four programs.

    raw: a line as bytes, or an element of an array.
    layout: `lines` or `array` to find out which shape it is, or the name of one.
    """
    value = load(raw)
    # A line of rejected.jsonl, which somebody has mended, has the record inside.
    if isinstance(value, dict) and "record" in value and "text" not in value:
        value = value["record"]
    kind = layout.name
    if kind in ("lines", "array"):
        kind = shape_of(value)
    try:
        return SHAPES[kind](value, path, line)
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


def shape_of(value: Any) -> str:
    """Return the name of the format that a value of JSON has; `prodigy` if it looks like none.

    Raises UnusableError where it is neither an object nor a list.
    """
    if isinstance(value, list):
        return "spacy-json"
    if not isinstance(value, dict):
        raise UnusableError("shape", "A record must be an object, or a text and its entities.")
    if isinstance(value.get("data"), dict):
        return "label-studio"
    if "spans" not in value and any(
        isinstance(value.get(key), list) for key in ("label", "labels", "entities")
    ):
        return "doccano"
    return "prodigy"


def parse_prodigy(value: dict, path: str, line: int) -> Record:
    """Parse a record of Prodigy, or of spaCy's `Doc.to_json`, which says "ents" for "spans".

    Raises UnusableError where there are no spans but another list, which may hold them.
    """
    if (answer := value.get("answer")) not in (None, "accept"):
        raise UnusableError("answer", f"{answer}: by its annotator.")
    spans = value.get("spans", value.get("ents"))
    if spans is None:
        for key, other in value.items():
            if key not in ("tokens", "relations") and isinstance(other, list) and other:
                raise UnusableError("shape", f"What is in {key!r}? Spans must be in 'spans'. {ASK}")
    quoted = [(s["start"], s["end"], s["text"]) for s in spans or () if "text" in s]
    if tokens := value.get("tokens"):
        quoted.append((tokens[-1]["start"], tokens[-1]["end"], tokens[-1]["text"]))
    return make_record(
        value.get("text"),
        None if spans is None else [(s["start"], s["end"], s["label"]) for s in spans],
        doc=get_document(value),
        path=path,
        line=line,
        quoted=quoted,
    )


def get_document(value: dict) -> Any:
    """Return the name of the document in a record's `meta.doc`, or None."""
    meta = value.get("meta")
    return meta.get("doc") if isinstance(meta, dict) else None


def parse_doccano(value: dict, path: str, line: int) -> Record:
    """Parse a record of doccano.

    Spans are triples (start, end, label) or objects with `start_offset`, `end_offset` and `label`,
    in one or more of the lists `label`, `labels` and `entities`.
    """
    keys = {"label", "labels", "entities"} & value.keys()
    if not keys:
        raise UnusableError("shape", "The record has no 'label', 'labels' or 'entities'.")
    spans = []
    for key in sorted(keys):
        for span in value[key]:
            if isinstance(span, dict):
                span = (span["start_offset"], span["end_offset"], span["label"])
            start, end, label = span
            spans.append((start, end, label))
    text = value.get("text", value.get("data"))
    return make_record(text, spans, doc=get_document(value), path=path, line=line)


def parse_spacy_json(value: list, path: str, line: int) -> Record:
    """Parse spaCy 2's pair of a text and {"entities": [[start, end, label], ...]}."""
    text, annotation = value
    entities = annotation.get("entities")
    spans = None if entities is None else [(s, e, label) for s, e, label, *_ in entities]
    return make_record(text, spans, doc=get_document(annotation), path=path, line=line)


def parse_label_studio(value: dict, path: str, line: int) -> Record:
    """Parse a task of Label Studio with its annotations, of which the first is used.

    Predictions are not read: nobody has checked them.
    """
    data = value["data"]
    texts = [data["text"]] if "text" in data else [x for x in data.values() if isinstance(x, str)]
    if len(texts) != 1:
        raise UnusableError("shape", f"Which of {', '.join(data)} is the text? Call it 'text'.")
    made = value.get("annotations", value.get("completions")) or []
    done = [a for a in made if not a.get("was_cancelled")]
    if made and not done:
        raise UnusableError("answer", "All of its annotations were cancelled.")
    versions = [read_results(annotation["result"]) for annotation in done]
    notes = []
    if any({x[:3] for x in version} != {x[:3] for x in versions[0]} for version in versions[1:]):
        advice = f"{len(versions)} annotations differ; the first is used. Export one per text."
        notes.append(("annotators-differ", advice, (0, 0)))
    spans = versions[0] if versions else None
    return make_record(
        texts[0],
        None if spans is None else [span[:3] for span in spans],
        doc=data.get("doc", get_document(data)),
        path=path,
        line=line,
        quoted=[(s, e, words) for s, e, _, words in spans or () if words is not None],
        notes=notes,
    )


def read_results(results: list[dict]) -> list[tuple[Any, Any, Any, Any]]:
    """Return (start, end, label, words or None) for every label of every region.

    Results that are no region, such as a choice for the whole text, are passed over.
    Raises UnusableError where a region has no label.
    """
    regions = [r["value"] for r in results if "start" in r.get("value", {})]
    found = []
    for region in regions:
        labels = region.get("labels", region.get("hypertextlabels"))
        if not labels:
            raise UnusableError(
                "shape", f"The region {region['start']} to {region['end']} has no label."
            )
        found += [(region["start"], region["end"], x, region.get("text")) for x in labels]
    return found


def parse_docbin(raw: tuple, path: str, line: int, _: Layout) -> Record:
    """Parse what `take_doc` (scripts/intake/readers.py) returns of a Doc."""
    text, spans, open_characters, doc = raw
    return make_record(text, spans, doc=doc, path=path, line=line, open=open_characters)


def parse_csv(raw: tuple, path: str, line: int, _: Layout) -> Record:
    """Parse (text, name of the document or None, [start, end, label] of every span) of a table."""
    text, doc, rows = raw
    try:
        spans = [(int(start), int(end), label) for start, end, label in rows]
    except ValueError as error:
        raise UnusableError("shape", f"start and end must be whole numbers ({error}).") from None
    return make_record(text, spans, doc=doc, path=path, line=line)


def parse_brat(raw: tuple[bytes, bytes], path: str, line: int, layout: Layout) -> Record:
    """Parse the bytes of a text and of its .ann file.

    Only the lines of the .ann file that begin with T are used: the others are relations, events
    and notes.
    """
    text = raw[0].decode("utf8")
    spans: list[tuple[int, int, str]] = []
    quoted: list[tuple[int, int, str]] = []
    pieces: list[tuple[int, int]] = []
    notes: list[Note] = []
    for number, row in enumerate(raw[1].decode("utf8").splitlines(), 1):
        if not row.startswith("T"):
            continue
        try:
            label, bounds, words = parse_brat_row(row)
        except ValueError:
            advice = f"line {number} of the .ann: {row[:80]!r} is no span."
            raise UnusableError("shape", advice) from None
        if len(bounds) > 1:
            pieces += bounds
            advice = (
                f"line {number} of the .ann: {label} is in several pieces: left out, the labels of "
                "its tokens are missing."
            )
            notes.append(("discontinuous", advice, (bounds[0][0], bounds[-1][1])))
        else:
            spans.append((*bounds[0], label))
            quoted.append((*bounds[0], words))
    return make_record(
        text,
        spans,
        doc=Path(path).stem,
        path=path,
        line=line,
        quoted=quoted,
        open=pieces,
        notes=notes,
    )


def parse_brat_row(row: str) -> tuple[str, list[tuple[int, int]], str]:
    """Split a T line into label, (start, end) of every piece, and words; ValueError if broken."""
    _, mark, words = row.split("\t", 2)
    label, places = mark.split(" ", 1)
    bounds = []
    for place in places.split(";"):
        start, end = place.split()
        bounds.append((int(start), int(end)))
    return label, bounds, words


SHAPES: dict[str, Callable[[Any, str, int], Record]] = {
    "prodigy": parse_prodigy,
    "doccano": parse_doccano,
    "label-studio": parse_label_studio,
    "spacy-json": parse_spacy_json,
}
PARSERS: dict[str, Callable[[Any, str, int, Layout], Record]] = {
    **dict.fromkeys(("lines", "array", *SHAPES), parse_json),
    "docbin": parse_docbin,
    "columns": parse_columns,
    "iob": parse_iob,
    "brat": parse_brat,
    "csv": parse_csv,
    "text": parse_text,
}
