"""The formats that annotated documents are written in, a writer for each."""

import base64
import datetime
import io
import json
from abc import ABC, abstractmethod
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
from scripts.annotation.options import AnnotateOptions
from scripts.storage.docbins import NO_SPANS

# The attributes of a token that are strings; a DocBin has their hashes, and each string once.
STRINGS = ("ORTH", "TAG", "DEP", "ENT_TYPE", "ENT_KB_ID", "ENT_ID", "LEMMA", "MORPH")

SPANS = pyarrow.list_(
    pyarrow.struct(
        [("start", pyarrow.int64()), ("end", pyarrow.int64()), ("label", pyarrow.string())]
    )
)


class Writer(ABC):
    """Makes the file of a shard: converts one document after another, and packs them all."""

    def __init__(self, options: AnnotateOptions, layout: Layout, nlp: Language) -> None:
        """Prepare for the documents of one layout, which `nlp` annotates."""
        self.text_field, self.entities_field = options.text_field, options.entities_field
        self.layout = layout
        self.nlp = nlp

    @abstractmethod
    def convert(self, row: dict[str, Any], doc: Doc) -> Any:
        """Return what `pack` takes of a document, from its fields and its Doc.

        Whatever can fail because of a single document fails here.
        """

    @abstractmethod
    def pack(self, items: list[Any]) -> bytes:
        """Return the content of the file, from what `convert` returned."""

    def other_fields(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return the fields of a document without its text."""
        return {name: value for name, value in row.items() if name != self.text_field}


class JsonLinesWriter(Writer):
    """Writes JSON lines: the fields as they came, and the entities."""

    def convert(self, row: dict[str, Any], doc: Doc) -> bytes:
        """Return the document's line."""
        line = write_json(row | {self.entities_field: spans_of(doc)}) + "\n"
        return line.encode("utf8", "backslashreplace")

    def pack(self, items: list[bytes]) -> bytes:
        """Join the lines."""
        return b"".join(items)


class ParquetWriter(Writer):
    """Writes Parquet: a table keeps its columns, other input has its text and a column `fields`.

    A Parquet file's columns keep their types, too.
    """

    def convert(self, row: dict[str, Any], doc: Doc) -> dict[str, Any]:
        """Return the document's row."""
        if self.layout.columns:
            return row | {self.entities_field: spans_of(doc)}
        fields = write_json(self.other_fields(row)).encode("utf8", "backslashreplace").decode()
        text = row[self.text_field]
        return {self.text_field: text, "fields": fields, self.entities_field: spans_of(doc)}

    def pack(self, items: list[dict[str, Any]]) -> bytes:
        """Make a table of the rows."""
        if self.layout.schema:
            schema = pyarrow.ipc.read_schema(pyarrow.py_buffer(self.layout.schema))
        else:
            names = self.layout.columns or (self.text_field, "fields")
            schema = pyarrow.schema([(name, pyarrow.string()) for name in names])
        schema = schema.append(pyarrow.field(self.entities_field, SPANS))
        file = io.BytesIO()
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(items, schema), file)
        return file.getvalue()


class DocBinWriter(Writer):
    """Writes a DocBin with all annotation; the other fields are in user_data["fields"]."""

    def __init__(self, options: AnnotateOptions, layout: Layout, nlp: Language) -> None:
        super().__init__(options, layout, nlp)
        self.packer = Packer(use_bin_type=True)

    def convert(self, row: dict[str, Any], doc: Doc) -> tuple[Doc, bytes]:
        """Return the Doc, and its user_data as MessagePack."""
        # srsly's function looks at all installed packages each time: a quarter of the speed.
        dumps = srsly.msgpack_dumps if doc.user_data else self.packer.pack
        doc.user_data["fields"] = json.loads(write_json(self.other_fields(row)))
        return doc, dumps(doc.user_data)

    def pack(self, items: list[tuple[Doc, bytes]]) -> bytes:
        """Do what `DocBin.add` does for each Doc, but collect the strings once for all.

        `DocBin.add` asks every token for its strings, which takes half as long as annotating it.
        """
        # A DocBin has either heads or sentences; heads without a parser would make one sentence.
        parsed = any(
            "token.dep" in self.nlp.get_pipe_meta(name).assigns for name in self.nlp.pipe_names
        )
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
        docs.strings |= {self.nlp.vocab.strings[number] for number in used}
        return docs.to_bytes()


WRITERS: dict[str, type[Writer]] = {
    "jsonl": JsonLinesWriter,
    "parquet": ParquetWriter,
    "docbin": DocBinWriter,
}
"""The writer of each format."""


def spans_of(doc: Doc) -> list[dict[str, Any]]:
    """Return the entities of a Doc in Prodigy's form; start and end are in characters."""
    return [{"start": e.start_char, "end": e.end_char, "label": e.label_} for e in doc.ents]


def write_json(value: Any) -> str:
    """Return a value as JSON, with times as ISO 8601, bytes as base64, and other types as text."""
    return json.dumps(value, ensure_ascii=False, default=to_text)


def to_text(value: Any) -> str:
    """Return what stands in JSON for a value of a type that JSON does not have."""
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
