"""Folders of DocBins: what spaCy's Corpus reads, written in shards."""

from collections.abc import Iterator
from pathlib import Path

import spacy
import srsly
from spacy.tokens import Doc, DocBin
from spacy.training.corpus import walk_corpus
from spacy.vocab import Vocab

ATTRS = ("ENT_IOB", "ENT_TYPE")
NO_SPANS = Doc(spacy.blank("xx").vocab).spans.to_bytes()


def read_docs(path: Path, vocab: Vocab) -> Iterator[Doc]:
    """The Docs of a DocBin, or of all DocBins in a folder in the order of their names."""
    for shard in walk_corpus(path, ".spacy"):
        yield from DocBin().from_disk(shard).get_docs(vocab)


def add_doc(docs: DocBin, doc: Doc, name: str = "") -> None:
    """`DocBin.add`, several times as fast: strings are collected by `pack`, once for all Docs.

    name: of the document, kept where the DocBin stores user data.
    """
    docs.tokens.append(doc.to_array([*docs.attrs]))
    docs.spaces.append(doc.to_array("SPACY").astype(bool).reshape(-1, 1))
    docs.flags.append({"has_unknown_spaces": False})
    docs.cats.append({})
    docs.span_groups.append(NO_SPANS)
    if docs.store_user_data:
        docs.user_data.append(srsly.msgpack_dumps({"doc": name}))


def pack(vocab: Vocab, docs: DocBin) -> bytes:
    """The bytes of a DocBin whose Docs came by `add_doc`."""
    used = {number for array in docs.tokens for number in array[:, (0, -1)].ravel().tolist()}
    docs.strings = {vocab.strings[number] for number in used}
    return docs.to_bytes()


def write_shard(output: Path, part: str, number: int, shard: bytes) -> None:
    """Write one of a part's DocBins; their names sort in the order of the records."""
    folder = output / part
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{part}-{number:05}.spacy").write_bytes(shard)
