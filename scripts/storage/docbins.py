"""Read and write folders of DocBins, in the shards that spaCy's Corpus reads."""

from collections.abc import Iterator
from pathlib import Path

from spacy.tokens import Doc, DocBin
from spacy.training.corpus import walk_corpus
from spacy.vocab import Vocab
from srsly.msgpack import Packer

# What DocBins of labelled texts store of each token; DocBin adds ORTH in front, and SPACY apart.
ATTRS = ("ENT_IOB", "ENT_TYPE")
# A Doc without span groups, as DocBin stores it.
NO_SPANS = Doc(Vocab()).spans.to_bytes()
# srsly's own function looks at all installed packages each time, which takes longer than all else.
USER_DATA = Packer(use_bin_type=True)


def read_docs(path: Path, vocab: Vocab) -> Iterator[Doc]:
    """Yield the Docs of a DocBin, or of all DocBins in a folder in the order of their names."""
    for shard in walk_corpus(path, ".spacy"):
        yield from DocBin().from_disk(shard).get_docs(vocab)


def add_doc(docs: DocBin, doc: Doc, name: str = "") -> None:
    """Do what `DocBin.add` does, several times as fast.

    Strings are not collected here: `pack` does that once for all Docs, and must be used to write
    the DocBin. Categories, span groups and other user data of the Doc are not stored.

    docs: the DocBin that the Doc is added to.
    name: the name of the Doc's document, stored if the DocBin stores user data.
    """
    docs.tokens.append(doc.to_array([*docs.attrs]))
    docs.spaces.append(doc.to_array("SPACY").astype(bool).reshape(-1, 1))
    docs.flags.append({"has_unknown_spaces": False})
    docs.cats.append({})
    docs.span_groups.append(NO_SPANS)
    if docs.store_user_data:
        docs.user_data.append(USER_DATA.pack({"doc": name}))


def pack(vocab: Vocab, docs: DocBin) -> bytes:
    """Return the bytes of a DocBin whose Docs were added by `add_doc` and belong to `vocab`."""
    used = {number for array in docs.tokens for number in array[:, (0, -1)].ravel().tolist()}
    docs.strings = {vocab.strings[number] for number in used}
    return docs.to_bytes()


def write_shard(output: Path, part: str, number: int, shard: bytes) -> None:
    """Write a DocBin to the folder of its part, under a name that sorts by its number.

    output: the folder of all parts.
    part: the name of the part, such as train.
    number: the shard's place in the order of the part's records.
    shard: the DocBin's bytes.
    """
    folder = output / part
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{part}-{number:05}.spacy").write_bytes(shard)
