"""The work on a chunk of records: parsed, checked, tokenized, packed; done by every core."""

import base64
import json
from collections import defaultdict
from functools import cache
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import numpy
import spacy
import srsly
from spacy.language import Language
from spacy.strings import get_string_id
from spacy.tokens import Doc, DocBin

from scripts.batches import FACTS, PARTS, Batch, Chunk, note
from scripts.docbins import ATTRS, add_doc, pack
from scripts.minhash import sign
from scripts.parsers import load, parse
from scripts.readers import Piece
from scripts.records import (
    Finding,
    Record,
    UnusableError,
    check_record,
    excerpt,
    find,
    list_oddities,
    make_doc,
    units_that_matter,
)

# Words that a tokenizer has seen before it is loaded anew: about 100 MB.
MOST_WORDS = 250_000
# Parts whose documents are known later: for intervals of what is measured on them, and because the
# model card names nothing that a single document has.
NAMED = ("train", "test", "general", "plain")


class Settings(NamedTuple):
    """What a worker needs to know."""

    base: Path
    alignment: str
    unlabelled: str
    rename: dict[str, str]
    shares: dict[str, float]
    train_share: float
    seed: int
    write: bool
    """False to check only."""


_settings: Settings


def start(settings: Settings) -> None:
    """Make a process ready to work."""
    global _settings
    _settings = settings
    load_tokenizer(settings.base)


def load_tokenizer(base: Path) -> Language:
    """The base without its components: texts are tokenized, nothing is predicted.

    Loaded once, and anew when its vocabulary has grown large. (`nlp.memory_zone` would forget every
    new word at once, and keep none in the tokenizer's cache: a third of the speed.)
    """
    nlp = _load_tokenizer(base)
    if len(nlp.vocab) > MOST_WORDS:
        _load_tokenizer.cache_clear()
        nlp = _load_tokenizer(base)
    return nlp


@cache
def _load_tokenizer(base: Path) -> Language:
    return spacy.load(base, exclude=srsly.read_json(base / "meta.json")["pipeline"])


def work(chunk: Chunk) -> Batch:
    """Parse, check and tokenize a chunk."""
    nlp = load_tokenizer(_settings.base)
    batch = Batch(read=len(chunk.pieces))
    rows: list[tuple[int, ...]] = []
    bins: dict[str, DocBin] = {}
    tokens: list[numpy.ndarray] = []
    mentions: dict[tuple[str, str], list[int]] = defaultdict(list)
    for piece in chunk.pieces:
        try:
            record, doc, part = make(nlp, piece, chunk, batch)
        except UnusableError:
            continue
        if part not in bins:
            bins[part] = DocBin(attrs=ATTRS, store_user_data=part in NAMED)
        add_doc(bins[part], doc, record.doc)
        tokens.append(bins[part].tokens[-1])
        for ent in doc.ents:
            mentions[part, ent.label_].append(get_string_id(ent.text.casefold()))
        rows.append(take_facts(record, doc, part, batch.files))
    batch.signatures = sign(nlp.vocab.strings, tokens)
    for part, bin_ in bins.items():
        # What is left out of train is only checked.
        if _settings.write and part != "spare":
            batch.shards[part] = pack(nlp.vocab, bin_)
    batch.used = len(rows)
    columns = zip(*rows, strict=True) if rows else ((),) * len(FACTS)
    for (name, dtype), column in zip(FACTS.items(), columns, strict=True):
        batch.facts[name] = numpy.array(column, dtype=dtype)
    batch.mentions = {key: numpy.array(names, "u8") for key, names in mentions.items()}
    return batch


def make(nlp: Language, piece: Piece, chunk: Chunk, batch: Batch) -> tuple[Record, Doc, str]:
    """The record and Doc of a piece, and the part it belongs to; else it is listed as rejected."""
    record: Record | None = None
    try:
        record = parse(piece, chunk.layout)
        if record.spans:
            batch.labels.update(label for _, _, label in record.spans)
            if _settings.rename:
                names = _settings.rename
                record.spans = [(s, e, names.get(label, label)) for s, e, label in record.spans]
            for code in units_that_matter(record):
                batch.units[record.path, code, "matters"] += 1
        check_record(record)
    except UnusableError as error:
        reject(piece, record, error, batch)
        raise
    part = chunk.part or choose_part(record.doc)
    if part == "general" and record.spans is None:
        part = "plain"
    # With a dot behind it no name ends in a number: another draw than that of its split.
    if part == "train" and share(f"{record.doc}.", _settings.seed) >= _settings.train_share:
        part = "spare"
    findings: list[Finding] = []
    learned = part in ("train", "dev")
    missing = learned and _settings.unlabelled == "missing"
    doc = make_doc(
        nlp, record, _settings.alignment, findings, default="missing" if missing else "outside"
    )
    if record.spans is None and learned and not missing:
        doc.set_ents([], default="outside")
    for finding in (*findings, *list_oddities(record, len(doc))):
        note(finding, batch)
    return record, doc, part


def share(name: str, seed: int) -> float:
    """A number from 0 to 1 that depends on a document's name alone, so that it never moves.

    Names are hashed up to their last number, which is then added in steps of the golden ratio:
    numbers that follow each other spread more evenly than by chance (Knuth, 1973, The Art of
    Computer Programming 3, section 6.4, "Fibonacci hashing").
    """
    stem = name.rstrip("0123456789")
    number = int(name[len(stem) :] or 0) if len(name) - len(stem) < 20 else get_string_id(name)
    begin = int.from_bytes(sha256(f"{seed}:{stem}".encode()).digest()[:8], "big")
    return (begin + number * 0x9E3779B97F4A7C15) % 2**64 / 2**64


def choose_part(doc: str) -> str:
    """The split of a document, by its name."""
    value = share(doc, _settings.seed)
    bounds = accumulate(_settings.shares.values())
    return next(
        (part for part, bound in zip(_settings.shares, bounds, strict=True) if value < bound),
        "train",
    )


def take_facts(record: Record, doc: Doc, part: str, files: list[str]) -> tuple[int, ...]:
    """What stays of a record, in the order of FACTS."""
    if not files or files[-1] != record.path:
        files.append(record.path)
    spans = 0 if record.spans is None else get_string_id(str(sorted(set(record.spans))))
    return (
        PARTS.index(part),
        len(files) - 1,
        record.line,
        get_string_id(record.text),
        get_string_id(record.doc),
        spans,
        len(doc),
    )


def reject(piece: Piece, record: Record | None, error: UnusableError, batch: Batch) -> None:
    """List a record as rejected, and keep it whole."""
    path, line, raw = piece
    value = whole(raw, record)
    if record:
        finding = find(error.code, record, error.advice, error.span)
    else:
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        finding = Finding(error.code, path, line, "", excerpt(shown, 0, 0), error.advice)
    if error.code == "answer":
        batch.answers[error.advice.split(":")[0]] += 1
    note(finding, batch)
    if error.code.endswith("-offsets"):
        batch.units[path, error.code, "fits"] += 1
    row = {"record": value, "code": error.code, "advice": error.advice, "path": path, "line": line}
    if isinstance(raw, bytes) and error.code == "not-utf8":
        row["base64"] = base64.b64encode(raw).decode()
    # Half a surrogate pair cannot be written; escaped as Python does it, it is JSON's own escape.
    text = json.dumps(row, ensure_ascii=False) + "\n"
    batch.rejected.append(text.encode("utf8", "backslashreplace"))


def whole(raw: Any, record: Record | None) -> Any:
    """A piece as JSON to be mended and read again: its own, or Prodigy's where it has none."""
    if isinstance(raw, (dict, list)):
        return raw
    if isinstance(raw, bytes):
        try:
            value = load(raw)
        except (UnusableError, UnicodeDecodeError):
            value = None
        return value if isinstance(value, (dict, list)) else as_text(raw)
    if record:
        spans = [{"start": s, "end": e, "label": label} for s, e, label in record.spans or ()]
        return {"text": record.text, "spans": spans, "meta": {"doc": record.doc}}
    return as_text(raw)


def as_text(raw: Any) -> str:
    """A piece as lines of text; bytes that are none, with their values."""
    if isinstance(raw, bytes):
        return raw.decode("utf8", "backslashreplace").rstrip("\r\n")
    if isinstance(raw, (list, tuple)):
        return "\n".join(as_text(part) for part in raw if part is not None)
    return str(raw)
