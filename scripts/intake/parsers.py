"""Make a record of a piece of a file, for every format of labelled texts.

spaCy's `iob_to_biluo` and `tags_to_entities` turn tags into spans. Its converters for whole files
are not used: they lose the line numbers, take only the last column, and read an end tag E- as a
new entity.

Every parser takes the content of a piece, the path and line where it begins and, unless it is for
one shape of JSON, the file's layout. It returns a record, or raises UnusableError.
"""

import json
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any

from spacy.training.iob_utils import iob_to_biluo, tags_to_entities

from scripts.exceptions import UnusableError
from scripts.intake.answers import is_answer, unknown_parts
from scripts.intake.formats import ASK, TAG, Layout, split_row
from scripts.intake.readers import Piece
from scripts.intake.records import Note, Record, make_record

# Some programs write E- (end) and S- (single) for what BILUO calls last and unit.
BILUO = {"E-": "L-", "S-": "U-"}
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
    # Accepted means looked at: Prodigy writes no list where nothing was marked.
    if spans is None and answer == "accept":
        spans = []
    if spans is None:
        for key, other in value.items():
            if key not in ("tokens", "relations") and isinstance(other, list) and other:
                raise UnusableError("shape", f"What is in {key!r}? Spans must be in 'spans'. {ASK}")
    quoted = [(s["start"], s["end"], s["text"]) for s in spans or () if "text" in s]
    if tokens := value.get("tokens"):
        quoted.append((tokens[-1]["start"], tokens[-1]["end"], tokens[-1]["text"]))
    record = make_record(
        value.get("text"),
        None if spans is None else [(s["start"], s["end"], s["label"]) for s in spans],
        doc=get_document(value),
        path=path,
        line=line,
        quoted=quoted,
    )
    if is_answer(value):
        bounds = [(start, end) for start, end, _ in record.spans or ()]
        record.open = unknown_parts(len(record.text), bounds)
        advice = "Answers to single names say nothing of the rest: its labels are missing."
        record.notes.append(("one-answer", advice, bounds[0]))
    return record


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
    # Of several annotations, one may be marked as the right one.
    done = [a for a in done if a.get("ground_truth")][:1] or done
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


def parse_columns(raw: tuple, path: str, line: int, layout: Layout) -> Record:
    """Parse the lines of a sentence in columns: (name of the document or None, lines as bytes)."""
    doc, lines = raw
    rows = [split_row(row.decode("utf8"), layout.delimiter) for row in lines]
    for number, row in enumerate(rows, line):
        if len(row) <= max(layout.word, *layout.tags) or not row[layout.word].strip():
            raise UnusableError("shape", f"line {number}: a word or a tag is missing: {row}.")
    words = [row[layout.word] for row in rows]
    columns = [[row[i] for row in rows] for i in layout.tags]
    return join_words(words, columns, doc, path, line)


def parse_iob(raw: bytes, path: str, line: int, _: Layout) -> Record:
    """Parse a sentence of word|TAG; there may be other fields between word and tag."""
    parts = [part.split("|") for part in raw.decode("utf8").split()]
    words = [part[0] or "|" for part in parts]
    return join_words(words, [[part[-1] for part in parts]], None, path, line)


def join_words(
    words: list[str], columns: list[list[str]], doc: str | None, path: str, line: int
) -> Record:
    """Make a record of a sentence's words, joined by spaces, and their tags.

    columns: one or more lists of as many tags as there are words; their spans are added up.

    Raises UnusableError where a tag is not one.
    """
    starts = [*accumulate((len(word) + 1 for word in words), initial=0)]
    spans, notes = [], []
    for column in columns:
        if bad := [tag for tag in column if not TAG.match(tag)]:
            raise UnusableError(
                "shape", f"{bad[0]!r} is no tag: write O, or B-, I-, L-, U-, E- or S-."
            )
        tags = [BILUO.get(tag[:2], tag[:2]) + tag[2:] for tag in column]
        for label, first, last in tags_to_entities(iob_to_biluo(tags)):
            spans.append((starts[first], starts[last + 1] - 1, label))
        if at := find_mixed_tag(tags):
            advice = f"{tags[at]} continues no entity; it is read as the first tag of one."
            notes.append(("mixed-tags", advice, (starts[at], starts[at + 1] - 1)))
    return make_record(" ".join(words), spans, doc=doc, path=path, line=line, notes=notes)


def find_mixed_tag(tags: list[str]) -> int:
    """Return the place of the first I- or L- tag that continues no entity, or 0 if there is none.

    Such a tag is an error only where entities begin with B-. In the schemes IO and IOB1 they begin
    with I-, and B- comes at most directly after another entity: there 0 is returned. The first tag
    counts as none, too.
    """
    pairs = list(zip(["O", *tags], tags, strict=False))
    if not any(tag[:2] == "B-" and last == "O" for last, tag in pairs):
        return 0
    for i, (last, tag) in enumerate(pairs):
        if tag[:2] in ("I-", "L-") and last not in (f"B-{tag[2:]}", f"I-{tag[2:]}"):
            return i
    return 0


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
    lost: list[tuple[str, str]] = []
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
            lost.append((label, "discontinuous"))
        else:
            spans.append((*bounds[0], label))
            quoted.append((*bounds[0], words))
    record = make_record(
        text,
        spans,
        doc=Path(path).stem,
        path=path,
        line=line,
        quoted=quoted,
        open=pieces,
        notes=notes,
    )
    record.lost += lost
    return record


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
