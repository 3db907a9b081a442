"""A shard of documents becomes a file of annotated ones; the work of every core.

A pure function of model and shard (`annotate_shard`): batches never reach beyond the shard, so that
the same input gives the same bytes, whoever works on what and when.
"""

import base64
import datetime
import gc
import io
import json
import os
import uuid
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow
import pyarrow.parquet
import spacy
import srsly
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from srsly.msgpack import Packer

from scripts.batches import Batch
from scripts.docbins import NO_SPANS
from scripts.documents import Bad, Layout, Shard, read_row
from scripts.kernels import choose_blis
from scripts.readers import Piece
from scripts.records import UnusableError
from scripts.worker import reject

SUFFIXES = {"jsonl": ".jsonl", "parquet": ".parquet", "docbin": ".spacy"}
WORK = ".work"
# New words before a model is loaded anew, about 25 MB. (`nlp.memory_zone` would forget them, and
# what the tokenizer knows of them, after each shard: a twentieth of the speed.)
MOST_WORDS = 50_000

# Of what a Doc's tokens have, what is a string.
STRINGS = ("ORTH", "TAG", "DEP", "ENT_TYPE", "ENT_KB_ID", "ENT_ID", "LEMMA", "MORPH")

SPANS = pyarrow.list_(
    pyarrow.struct(
        [("start", pyarrow.int64()), ("end", pyarrow.int64()), ("label", pyarrow.string())]
    )
)


class Setup(NamedTuple):
    """What a worker needs to know."""

    model: str
    output: Path
    format: str
    text: str
    key: str
    disable: tuple[str, ...] = ()
    gpu: bool = False


class Done(NamedTuple):
    """What became of a shard."""

    group: int
    number: int
    last: bool
    read: int
    written: int
    rejected: int
    words: int
    bytes: int
    """The size of its file: one of another size is not whole."""
    progress: int


class Result(NamedTuple):
    """A shard's file, its rejected documents as lines of JSON, and counts."""

    body: bytes
    rejected: list[bytes]
    written: int
    words: int


_nlp: Language | None
_setup: Setup
_words: int
"""Of the model as it was loaded."""


def start(setup: Setup) -> None:
    """Make a process ready to work."""
    global _nlp, _setup, _words
    choose_blis()
    if setup.gpu:
        spacy.require_gpu()
    # First the old one goes, or there would be room for both.
    _nlp = None
    gc.collect()
    _nlp, _setup = spacy.load(setup.model, disable=setup.disable), setup
    _words = len(_nlp.vocab)


def work(shard: Shard) -> Done:
    """Annotate a shard and write its file, which is there when it is whole."""
    if _nlp is None or len(_nlp.vocab) > _words + MOST_WORDS:
        start(_setup)
    assert _nlp
    result = annotate_shard(_nlp, shard, _setup)
    counts = (len(shard.pieces), result.written, len(result.rejected))
    assert counts[0] == counts[1] + counts[2], f"{shard.name}: {counts}"
    folder = _setup.output / WORK
    # The shard's own file comes last: where it is, the rejected ones are, too.
    if result.rejected:
        write_whole(folder / f"{shard.name}.jsonl", b"".join(result.rejected), folder)
    path = _setup.output / f"{shard.name}{SUFFIXES[_setup.format]}"
    write_whole(path, result.body, folder)
    place = (shard.group, shard.number, shard.last)
    return Done(*place, *counts, result.words, len(result.body), shard.progress)


def write_whole(path: Path, body: bytes, folder: Path) -> None:
    """Write a file beside its place, in `folder`, and put it there at once."""
    scratch = folder / f"{path.name}.{uuid.uuid4().hex}"
    with scratch.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)


def annotate_shard(nlp: Language, shard: Shard, setup: Setup) -> Result:
    """Annotate the documents of a shard; one that fails is rejected, whole and alone."""
    failed = Batch()
    parsed = [parse(piece, shard.layout, setup, nlp.max_length) for piece in shard.pieces]
    texts = [row[setup.text] for row in parsed if isinstance(row, dict)]
    annotated = iter(run(nlp, texts))
    make = make_converter(setup, shard.layout)
    items, words = [], 0
    for piece, row in zip(shard.pieces, parsed, strict=True):
        try:
            if isinstance(row, Exception):
                raise row
            if isinstance(doc := next(annotated), Exception):
                raise doc
            items.append(make(row, doc))
            words += len(doc)
        except Exception as error:  # whatever a pipeline, or a value that it left, can raise
            fields = row if isinstance(row, dict) else None
            reject(show_piece(piece, fields), None, as_unusable(error), failed)
    body = PACKERS[setup.format](items, setup, shard.layout, nlp)
    return Result(body, failed.rejected, len(items), words)


def run(nlp: Language, texts: list[str]) -> list[Doc | Exception]:
    """The Docs of texts; where there is an error, halves are tried, down to the text that has it.

    nlp's own error handlers would drop the whole batch.
    """
    try:
        docs = list(nlp.pipe(texts))
        if len(docs) != len(texts):
            raise RuntimeError(f"{len(texts)} texts became {len(docs)} Docs")
        return [*docs]
    except Exception as error:
        if len(texts) < 2:
            return [error]
    half = len(texts) // 2
    return run(nlp, texts[:half]) + run(nlp, texts[half:])


def parse(piece: Piece, layout: Layout, setup: Setup, longest: int) -> dict | Exception:
    """The fields of a document, or why there are none or they cannot be used."""
    raw = piece[2]
    if isinstance(raw, Bad):
        return UnusableError(raw.code, raw.advice)
    try:
        row = read_row(piece, layout, setup.text)
        text = row.get(setup.text)
        if not isinstance(text, str):
            raise UnusableError("shape", f"It has no text in {setup.text!r}: is --text right?")
        text.encode()
        if len(text) > longest:
            advice = f"{len(text):,} characters; the model takes {longest:,} at most. Split it."
            raise UnusableError("too-long", advice)
        if setup.key in row:
            raise UnusableError("key-taken", f"It has {setup.key!r}: choose another with --key.")
    except (UnusableError, UnicodeError, ValueError, RecursionError) as error:
        return error
    return row


def as_unusable(error: Exception) -> UnusableError:
    """Why a document is rejected."""
    if isinstance(error, UnusableError):
        return error
    if isinstance(error, UnicodeDecodeError):
        advice = f"byte {error.start + 1} is 0x{error.object[error.start]:02x}: save it as UTF-8."
        return UnusableError("not-utf8", advice)
    if isinstance(error, UnicodeEncodeError):
        # So Python marks bytes of a table that are no UTF-8.
        if "\udc80" <= error.object[error.start] <= "\udcff":
            byte = ord(error.object[error.start]) - 0xDC00
            return UnusableError("not-utf8", f"there is a byte 0x{byte:02x}: save it as UTF-8.")
        return UnusableError("half-character", f"{error}: write the text again.")
    if isinstance(error, json.JSONDecodeError):
        return UnusableError("not-json", f"{error}: is the line cut, or a part of a longer value?")
    return UnusableError("failed", f"{type(error).__name__}: {error}")


def show_piece(piece: Piece, row: dict | None) -> Piece:
    """A piece as it is to be listed: as its fields where these could be read."""
    name, line, raw = piece
    if isinstance(raw, Bad):
        return name, line, raw.raw
    return name, line, raw if row is None else json.loads(write_json(row))


def make_converter(setup: Setup, layout: Layout) -> Callable[[dict, Doc], Any]:
    """What makes of a document's fields and its Doc what its format's packer takes.

    Whatever can fail of one document alone fails there.
    """
    packer = Packer(use_bin_type=True)

    def make_line(row: dict, doc: Doc) -> bytes:
        return (write_json(row | {setup.key: spans_of(doc)}) + "\n").encode(
            "utf8", "backslashreplace"
        )

    def make_row(row: dict, doc: Doc) -> dict:
        if layout.columns:
            return row | {setup.key: spans_of(doc)}
        rest = {name: value for name, value in row.items() if name != setup.text}
        fields = write_json(rest).encode("utf8", "backslashreplace").decode()
        return {setup.text: row[setup.text], "fields": fields, setup.key: spans_of(doc)}

    def make_doc(row: dict, doc: Doc) -> tuple[Doc, bytes]:
        rest = {name: value for name, value in row.items() if name != setup.text}
        # srsly's own function asks all installed packages each time: a quarter of the speed.
        dumps = srsly.msgpack_dumps if doc.user_data else packer.pack
        doc.user_data["fields"] = json.loads(write_json(rest))
        return doc, dumps(doc.user_data)

    return {"jsonl": make_line, "parquet": make_row, "docbin": make_doc}[setup.format]


def spans_of(doc: Doc) -> list[dict[str, Any]]:
    """The entities of a Doc, as Prodigy and this project write them."""
    return [{"start": e.start_char, "end": e.end_char, "label": e.label_} for e in doc.ents]


def write_json(value: Any) -> str:
    """A value as JSON; of Parquet's types, times as ISO 8601, bytes as base64, others as text."""
    return json.dumps(value, ensure_ascii=False, default=plain)


def plain(value: Any) -> str:
    """What JSON has for a value that it does not know."""
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def pack_lines(items: list[bytes], *_: Any) -> bytes:
    """JSON lines."""
    return b"".join(items)


def pack_rows(items: list[dict], setup: Setup, layout: Layout, _: Language) -> bytes:
    """Parquet: a table's own columns and types, or the text and the other fields as JSON."""
    if layout.schema:
        schema = pyarrow.ipc.read_schema(pyarrow.py_buffer(layout.schema))
    else:
        names = layout.columns or (setup.text, "fields")
        schema = pyarrow.schema([(name, pyarrow.string()) for name in names])
    schema = schema.append(pyarrow.field(setup.key, SPANS))
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(items, schema), file)
    return file.getvalue()


def pack_docs(items: list[tuple[Doc, bytes]], _: Setup, __: Layout, nlp: Language) -> bytes:
    """A DocBin with all annotation; the other fields are in user_data["fields"].

    `DocBin.add` asks every token for its strings, which takes half as long as to annotate it; here
    they are collected once for all.
    """
    # DocBin has heads or sentences, not both; heads without a parser would make one sentence.
    parsed = any("token.dep" in nlp.get_pipe_meta(name).assigns for name in nlp.pipe_names)
    numbers = ("HEAD", "ENT_IOB", "POS") if parsed else ("SENT_START", "ENT_IOB", "POS")
    docs = DocBin(attrs=sorted({*STRINGS, *numbers}), store_user_data=True)
    texts = [docs.attrs.index(spacy.attrs.IDS[name]) for name in STRINGS]
    used: set[int] = set()
    for doc, user_data in items:
        array = doc.to_array([*docs.attrs]).reshape(len(doc), -1)
        used.update(array[:, texts].ravel().tolist())
        docs.tokens.append(array)
        docs.spaces.append(doc.to_array("SPACY").astype(bool).reshape(-1, 1))
        docs.flags.append({"has_unknown_spaces": doc.has_unknown_spaces})
        docs.cats.append(doc.cats)
        docs.user_data.append(user_data)
        docs.span_groups.append(doc.spans.to_bytes() if doc.spans else NO_SPANS)
        for span in chain.from_iterable(doc.spans.values()):
            docs.strings |= {span.label_, span.kb_id_, span.id_}
    docs.strings |= {nlp.vocab.strings[number] for number in used}
    return docs.to_bytes()


PACKERS: dict[str, Callable[[list, Setup, Layout, Language], bytes]] = {
    "jsonl": pack_lines,
    "parquet": pack_rows,
    "docbin": pack_docs,
}
