"""A piece of a file becomes a record, in each format that labelled texts come in.

Tags are turned into spans by spaCy's own `iob_to_biluo` and `tags_to_entities`. Its converters for
whole files are not used: they keep no line numbers, take the last column alone, and read an end tag
E- as a new entity.
"""

from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any

import srsly
from spacy.training.iob_utils import iob_to_biluo, tags_to_entities

from scripts.exceptions import UnusableError
from scripts.intake.formats import ASK, TAG, Layout, split_row
from scripts.intake.readers import Piece
from scripts.intake.records import Note, Record, make_record

# End and single, as some programs call the last and the unit of BILOU.
BILUO = {"E-": "L-", "S-": "U-"}


def parse(piece: Piece, layout: Layout) -> Record:
    """Make the record of a piece; UnusableError says why there is none."""
    path, line, raw = piece
    try:
        record = PARSERS[layout.name](raw, path, line, layout)
        # JSON can write half of a character, which no file and no Doc can hold.
        labels = [label for _, _, label in record.spans or ()]
        "".join([record.text, record.doc, *labels]).encode()
        return record
    except UnicodeDecodeError as error:
        advice = f"byte {error.start + 1} is 0x{error.object[error.start]:02x}: save it as UTF-8."
        raise UnusableError("not-utf8", advice) from None
    except UnicodeEncodeError as error:
        raise UnusableError("half-character", f"{error}: write it again.") from None


def parse_text(raw: bytes, path: str, line: int, _: Layout) -> Record:
    """A plain text."""
    return make_record(raw.decode("utf8").strip(), None, doc=None, path=path, line=line)


def parse_json(raw: Any, path: str, line: int, layout: Layout) -> Record:
    """A value of JSON: one of four shapes, the one that was asked for or the one that it has."""
    value = load(raw)
    # As it stands in rejected.jsonl, mended.
    if isinstance(value, dict) and "record" in value and "text" not in value:
        value = value["record"]
    kind = layout.name
    if kind in ("lines", "array"):
        kind = shape_of(value)
    try:
        return SHAPES[kind](value, path, line)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        what = f"{type(error).__name__}: {error}"
        raise UnusableError("shape", f"The record is not built as {kind} is ({what}).") from None


def load(raw: Any) -> Any:
    """The value of a line; an element of an array is one already."""
    if not isinstance(raw, bytes):
        return raw
    text = raw.decode("utf8")
    try:
        return srsly.json_loads(text.strip())
    except (ValueError, RecursionError) as error:
        raise UnusableError(
            "not-json", f"{error}: is the line cut, or a part of a longer value?"
        ) from None


def shape_of(value: Any) -> str:
    """Whose JSON a record is."""
    if isinstance(value, list):
        return "spacy-json"
    if not isinstance(value, dict):
        raise UnusableError("shape", "A record is an object or a pair of a text and its entities.")
    if isinstance(value.get("data"), dict):
        return "label-studio"
    if "spans" not in value and any(
        isinstance(value.get(key), list) for key in ("label", "labels", "entities")
    ):
        return "doccano"
    return "prodigy"


def parse_prodigy(value: dict, path: str, line: int) -> Record:
    """Spans beside their text; spaCy's own `Doc.to_json` has "ents" instead."""
    if (answer := value.get("answer")) not in (None, "accept"):
        raise UnusableError("answer", f"{answer}: by its annotator.")
    spans = value.get("spans", value.get("ents"))
    if spans is None:
        for key, other in value.items():
            if key not in ("tokens", "relations") and isinstance(other, list) and other:
                raise UnusableError("shape", f"What is in {key!r}? Spans stand in 'spans'. {ASK}")
    quoted = [(s["start"], s["end"], s["text"]) for s in spans or () if "text" in s]
    if tokens := value.get("tokens"):
        quoted.append((tokens[-1]["start"], tokens[-1]["end"], tokens[-1]["text"]))
    return make_record(
        value.get("text"),
        None if spans is None else [(s["start"], s["end"], s["label"]) for s in spans],
        doc=document(value),
        path=path,
        line=line,
        quoted=quoted,
    )


def document(value: dict) -> Any:
    """The document that a record names."""
    meta = value.get("meta")
    return meta.get("doc") if isinstance(meta, dict) else None


def parse_doccano(value: dict, path: str, line: int) -> Record:
    """Triples, or objects with start_offset and end_offset; several lists add up."""
    keys = {"label", "labels", "entities"} & value.keys()
    if not keys:
        raise UnusableError("shape", "It has no 'label', 'labels' or 'entities'.")
    spans = []
    for key in sorted(keys):
        for span in value[key]:
            if isinstance(span, dict):
                span = (span["start_offset"], span["end_offset"], span["label"])
            start, end, label = span
            spans.append((start, end, label))
    text = value.get("text", value.get("data"))
    return make_record(text, spans, doc=document(value), path=path, line=line)


def parse_spacy_json(value: list, path: str, line: int) -> Record:
    """A pair of a text and {"entities": [[start, end, label], ...]}, as in spaCy's version 2."""
    text, annotation = value
    entities = annotation.get("entities")
    spans = None if entities is None else [(s, e, label) for s, e, label, *_ in entities]
    return make_record(text, spans, doc=document(annotation), path=path, line=line)


def parse_label_studio(value: dict, path: str, line: int) -> Record:
    """A task with its annotations; predictions are not gold and are not read."""
    data = value["data"]
    texts = [data["text"]] if "text" in data else [x for x in data.values() if isinstance(x, str)]
    if len(texts) != 1:
        raise UnusableError("shape", f"Which of {', '.join(data)} is the text? Call it 'text'.")
    made = value.get("annotations", value.get("completions")) or []
    done = [a for a in made if not a.get("was_cancelled")]
    if made and not done:
        raise UnusableError("answer", "Every annotation of it was cancelled.")
    versions = [read_results(annotation["result"]) for annotation in done]
    notes = []
    if any({x[:3] for x in version} != {x[:3] for x in versions[0]} for version in versions[1:]):
        advice = f"{len(versions)} annotations differ; the first is used. Export one for each text."
        notes.append(("annotators-differ", advice, (0, 0)))
    spans = versions[0] if versions else None
    return make_record(
        texts[0],
        None if spans is None else [span[:3] for span in spans],
        doc=data.get("doc", document(data)),
        path=path,
        line=line,
        quoted=[(s, e, words) for s, e, _, words in spans or () if words is not None],
        notes=notes,
    )


def read_results(results: list[dict]) -> list[tuple[Any, Any, Any, Any]]:
    """Start, end, label and words of each labelled region; what is no region is passed over."""
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
    """A Doc's text and entities."""
    text, spans, open_characters, doc = raw
    return make_record(text, spans, doc=doc, path=path, line=line, open=open_characters)


def parse_columns(raw: tuple, path: str, line: int, layout: Layout) -> Record:
    """Words joined by spaces, and the spans of every column of tags."""
    doc, lines = raw
    rows = [split_row(row.decode("utf8"), layout.delimiter) for row in lines]
    for number, row in enumerate(rows, line):
        if len(row) <= max(layout.word, *layout.tags) or not row[layout.word].strip():
            raise UnusableError("shape", f"line {number}: a word or a tag is missing: {row}.")
    words = [row[layout.word] for row in rows]
    columns = [[row[i] for row in rows] for i in layout.tags]
    return join_words(words, columns, doc, path, line)


def parse_iob(raw: bytes, path: str, line: int, _: Layout) -> Record:
    """A sentence of word|TAG, perhaps with more between them."""
    parts = [part.split("|") for part in raw.decode("utf8").split()]
    words = [part[0] or "|" for part in parts]
    return join_words(words, [[part[-1] for part in parts]], None, path, line)


def join_words(
    words: list[str], columns: list[list[str]], doc: str | None, path: str, line: int
) -> Record:
    """A record of words and their tags in one or more columns."""
    starts = [*accumulate((len(word) + 1 for word in words), initial=0)]
    spans, notes = [], []
    for column in columns:
        if bad := [tag for tag in column if not TAG.match(tag)]:
            raise UnusableError("shape", f"{bad[0]!r} is no tag: O, B-, I-, L-, U-, E-, S-.")
        tags = [BILUO.get(tag[:2], tag[:2]) + tag[2:] for tag in column]
        for label, first, last in tags_to_entities(iob_to_biluo(tags)):
            spans.append((starts[first], starts[last + 1] - 1, label))
        if at := mixed_at(tags):
            advice = f"{tags[at]} goes on with nothing; it is read as a beginning. Mend the tag."
            notes.append(("mixed-tags", advice, (starts[at], starts[at + 1] - 1)))
    return make_record(" ".join(words), spans, doc=doc, path=path, line=line, notes=notes)


def mixed_at(tags: list[str]) -> int:
    """The first token that goes on with no entity, in a text where B- begins them; 0 for none.

    Where none begins with B- after another token, I- may begin one: so do the schemes IO and IOB1.
    """
    before = ["O", *tags[:-1]]
    if not any(tag[:2] == "B-" and last == "O" for last, tag in zip(before, tags, strict=True)):
        return 0
    return next(
        (
            i
            for i, (last, tag) in enumerate(zip(before, tags, strict=True))
            if tag[:2] in ("I-", "L-") and last not in (f"B-{tag[2:]}", f"I-{tag[2:]}")
        ),
        0,
    )


def parse_csv(raw: tuple, path: str, line: int, _: Layout) -> Record:
    """A text and its rows."""
    text, doc, rows = raw
    try:
        spans = [(int(start), int(end), label) for start, end, label in rows]
    except ValueError as error:
        raise UnusableError("shape", f"start and end are whole numbers ({error}).") from None
    return make_record(text, spans, doc=doc, path=path, line=line)


def parse_brat(raw: tuple[bytes, bytes], path: str, line: int, layout: Layout) -> Record:
    """A text and the T lines of its annotation; relations, events and notes are not read."""
    text = raw[0].decode("utf8")
    spans: list[tuple[int, int, str]] = []
    quoted: list[tuple[int, int, str]] = []
    pieces: list[tuple[int, int]] = []
    notes: list[Note] = []
    for number, row in enumerate(raw[1].decode("utf8").splitlines(), 1):
        if not row.startswith("T"):
            continue
        try:
            _, mark, words = row.split("\t", 2)
            label, places = mark.split(" ", 1)
            bounds = []
            for place in places.split(";"):
                start, end = place.split()
                bounds.append((int(start), int(end)))
        except ValueError:
            raise UnusableError(
                "shape", f"line {number} of the .ann: {row[:80]!r} is no span."
            ) from None
        if len(bounds) > 1:
            pieces += bounds
            advice = f"line {number} of the .ann: {label} in pieces: left out, they say nothing."
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
