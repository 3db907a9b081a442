"""The formats that annotated documents are written in."""

import base64
import datetime
import io
import json
from collections.abc import Callable
from itertools import chain
from typing import Any

import pyarrow
import pyarrow.parquet
import spacy
import srsly
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from srsly.msgpack import Packer

from scripts.annotation.inputs import Layout
from scripts.annotation.plan import Setup
from scripts.storage.docbins import NO_SPANS

# Of what a Doc's tokens have, what is a string.
STRINGS = ("ORTH", "TAG", "DEP", "ENT_TYPE", "ENT_KB_ID", "ENT_ID", "LEMMA", "MORPH")

SPANS = pyarrow.list_(
    pyarrow.struct(
        [("start", pyarrow.int64()), ("end", pyarrow.int64()), ("label", pyarrow.string())]
    )
)


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
