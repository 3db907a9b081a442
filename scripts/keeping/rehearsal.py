"""General text to practise on: plain texts, each once, in an order that no file decides."""

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import chain
from pathlib import Path

import numpy
from spacy.language import Language
from spacy.strings import get_string_id
from spacy.tokens import Doc, DocBin
from tqdm import tqdm
from wasabi import msg

from scripts.exceptions import UnusableError
from scripts.intake.formats import Source, recognize
from scripts.intake.parsers import parse
from scripts.intake.records import check_record
from scripts.intake.rejected import reject
from scripts.intake.stream import CHUNK, read_chunks
from scripts.intake.tally import Batch, count_words, is_part
from scripts.intake.worker import Tokenizer, load_tokenizer
from scripts.params import Params
from scripts.runtime.workers import in_order
from scripts.storage.docbins import ATTRS, add_doc, pack, write_shard
from scripts.storage.input_files import list_files

# Words of general text below which more than a fiftieth of the base's F is lost, as measured
# (docs/keeping.md).
ENOUGH_WORDS = {"extend": 40_000, "update": 400_000, "replace": 0}


def collect_plain(
    params: Params, folder: Path, taken: numpy.ndarray, table: sqlite3.Connection, total: Batch
) -> int:
    """Put the plain texts that are in no split into a table, each once; return how many.

    folder: where rejected records are listed.
    taken: the hashes of texts that are used otherwise, sorted.
    """
    table.execute("CREATE TABLE texts (hash BLOB PRIMARY KEY, text TEXT) WITHOUT ROWID")
    path = Path(params.rehearsal.text)
    sources: list[Source] = [(file, recognize(file), "rehearsal") for file in list_files(path)]
    # What is wrong in a file that is read as general text, too, has been said.
    found = Batch() if path == Path(params.evaluate.general) else total
    for chunk in read_chunks(sources, "Reading rehearsal"):
        texts = []
        for piece in chunk.pieces:
            record = None
            found.read += 1
            try:
                record = parse(piece, chunk.layout)
                check_record(record)
            except UnusableError as error:
                reject(piece, record, error, found)
                continue
            found.used += 1
            if record.spans is None:
                texts.append(record.text)
        hashes = numpy.array([get_string_id(text) for text in texts], "u8")
        new = ~numpy.isin(hashes, taken)
        rows = [
            (sha256(text.encode()).digest(), text)
            for text, is_new in zip(texts, new, strict=True)
            if is_new
        ]
        table.executemany("INSERT OR IGNORE INTO texts VALUES (?, ?)", rows)
    with (folder / "rejected.jsonl").open("ab") as rejects:
        rejects.writelines(total.rejected)
    return table.execute("SELECT count(*) FROM texts").fetchone()[0]


def rehearse(
    params: Params, base: Path, folder: Path, total: Batch, general: Batch, jobs: int
) -> dict[str, dict[str, int]]:
    """Write general text to practise on (all that there is), and for dev, in the ratio asked for.

    Dev gets some, so that the score that picks the best model sees what is kept; a tenth at most.
    The texts come in the order of their hashes: it does not hang on the file's, and more text moves
    none to another place among the rest.
    """
    counts = {part: {"texts": 0, "words": 0} for part in ("train", "dev")}
    (folder / "rehearsal").mkdir()
    if not params.rehearsal.ratio:
        return counts
    nlp = load_tokenizer(base)
    gold = general.facts["text"][is_part(general, "general")]
    taken = numpy.unique(numpy.concatenate([total.facts["text"], gold]))
    dev_words = count_words(total, "dev")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        table = sqlite3.connect(Path(scratch) / "texts.sqlite")
        number = collect_plain(params, folder, taken, table, total)
        texts = (text for (text,) in table.execute("SELECT text FROM texts ORDER BY hash"))
        docs, rest = take_words(texts, nlp, params.rehearsal.ratio * dev_words, number // 10)
        counts["dev"] = {"texts": len(docs), "words": sum(map(len, docs))}
        if docs:
            shard = DocBin(attrs=ATTRS)
            for doc in docs:
                doc.set_ents([], default="outside")
                add_doc(shard, doc)
            (folder / "dev").mkdir(exist_ok=True)
            (folder / "dev" / "general.spacy").write_bytes(pack(nlp.vocab, shard))
        chunks = chunk_texts(tqdm(rest, "Tokenizing rehearsal", number - len(docs), unit=" texts"))
        for place, (shard_bytes, texts_done, words) in enumerate(
            in_order(TextWorker, base, chunks, jobs)
        ):
            write_shard(folder, "rehearsal", place, shard_bytes)
            counts["train"]["texts"] += texts_done
            counts["train"]["words"] += words
        table.close()
    return counts


def take_words(
    texts: Iterator[str], nlp: Language, words: float, most: int
) -> tuple[list[Doc], Iterator[str]]:
    """The first texts, up to `words` tokens and `most` texts, and the texts after them."""
    docs: list[Doc] = []
    for text in texts:
        doc = nlp.make_doc(text)
        words -= len(doc)
        if words < 0 or len(docs) == most:
            return docs, chain([text], texts)
        docs.append(doc)
    return docs, texts


def chunk_texts(texts: Iterable[str]) -> Iterator[list[str]]:
    """Lists of texts, of about the size of intake's chunks."""
    chunk: list[str] = []
    size = 0
    for text in texts:
        chunk.append(text)
        size += len(text)
        if size >= CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


class TextWorker:
    """What a worker process holds: a tokenizer. Called with a list of texts."""

    def __init__(self, base: Path) -> None:
        self.tokenizer = Tokenizer(base)

    def __call__(self, texts: list[str]) -> tuple[bytes, int, int]:
        """Return a DocBin of the texts, how many they are, and how many tokens they have."""
        nlp = self.tokenizer.nlp()
        shard = DocBin(attrs=ATTRS)
        for text in texts:
            add_doc(shard, nlp.make_doc(text))
        return pack(nlp.vocab, shard), len(texts), sum(map(len, shard.tokens))


def warn_of_little(words: int, strategy: str) -> None:
    """Say so where the general text is too little to keep what the base knows."""
    if words < (enough := ENOUGH_WORDS[strategy]):
        msg.warn(
            f"rehearsal.text has {words:,} words to practise on; with {strategy}, the model "
            f"forgets where there are fewer than {enough:,} (docs/keeping.md).",
            "Give it more text like that in which the base's labels are to be kept.",
        )
