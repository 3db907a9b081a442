"""General text to practise on, so that the model keeps what the base knows (rehearsal).

It is the plain texts of rehearsal.text, each once. Their order depends on the texts alone, not on
the files that they stand in.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy
from spacy.language import Language
from spacy.strings import get_string_id
from spacy.tokens import Doc, DocBin
from tqdm import tqdm
from wasabi import msg

from scripts.exceptions import UnusableError
from scripts.intake.folder import list_data
from scripts.intake.formats import Source, recognize
from scripts.intake.parsers import parse
from scripts.intake.records import check_record
from scripts.intake.rejected import reject
from scripts.intake.stream import CHUNK, read_chunks
from scripts.intake.tally import Chunk, Outcome, Tally, count_words
from scripts.intake.worker import Tokenizer, load_tokenizer
from scripts.keeping.general_text import Measured, rehearses_general
from scripts.params import Params
from scripts.runtime.workers import in_order
from scripts.storage.docbins import ATTRS, add_doc, pack, write_shard

# Words of general text below which more than a fiftieth of the base's F is lost, as measured
# (docs/keeping.md).
ENOUGH_WORDS = {"extend": 40_000, "update": 400_000, "replace": 0}


def read_plain(params: Params, folder: Path, total: Outcome) -> Iterator[list[str]]:
    """Read and check rehearsal.text; yield the texts without spans, a list for each chunk.

    Counts and findings are added to `total`, and rejected records to rejected.jsonl in `folder`,
    unless rehearsal.text is evaluate.general, of which they are known already.
    Raises DataError.
    """
    if not params.rehearsal.ratio:
        return
    path, is_known = Path(params.rehearsal.text), rehearses_general(params)
    sources: list[Source] = [(file, recognize(file), "rehearsal") for file in list_data(path)[0]]
    with (folder / "rejected.jsonl").open("ab") as rejects:
        for chunk in read_chunks(sources, "Reading rehearsal"):
            texts, outcome = check_chunk(chunk)
            if not is_known:
                total.add(outcome)
                rejects.writelines(outcome.rejected)
            yield texts


def check_chunk(chunk: Chunk) -> tuple[list[str], Outcome]:
    """The texts without spans of a chunk, and what checking its records has shown."""
    texts, outcome = [], Outcome(read=len(chunk.pieces))
    for piece in chunk.pieces:
        record = None
        try:
            record = parse(piece, chunk.layout)
            check_record(record)
        except UnusableError as error:
            reject(piece, record, error, outcome)
            continue
        outcome.used += 1
        if record.spans is None:
            texts.append(record.text)
    return texts, outcome


@contextmanager
def sorted_texts(
    chunks: Iterable[list[str]], taken: numpy.ndarray, folder: Path
) -> Iterator[tuple[int, Iterator[str]]]:
    """How many different texts there are, and the texts in the order of their SHA-256.

    There can be more texts than fit into memory. SQLite sorts them on disk by the hash, which is
    the table's primary key and so also drops duplicates; the memory it takes stays the same.

    taken: spaCy's hashes of texts to leave out, uint64.
    folder: where the database stands until the context ends.
    """
    with (
        TemporaryDirectory(dir=folder) as scratch,
        closing(sqlite3.connect(Path(scratch) / "texts.sqlite")) as table,
    ):
        table.execute("CREATE TABLE texts (hash BLOB PRIMARY KEY, text TEXT) WITHOUT ROWID")
        for texts in chunks:
            hashes = numpy.array([get_string_id(text) for text in texts], "u8")
            is_free = ~numpy.isin(hashes, taken)
            rows = [
                (sha256(text.encode()).digest(), text)
                for text, free in zip(texts, is_free, strict=True)
                if free
            ]
            table.executemany("INSERT OR IGNORE INTO texts VALUES (?, ?)", rows)
        (number,) = table.execute("SELECT count(*) FROM texts").fetchone()
        yield number, (text for (text,) in table.execute("SELECT text FROM texts ORDER BY hash"))


def rehearse(
    params: Params, base: Path, folder: Path, total: Tally, measured: Measured, jobs: int
) -> dict[str, dict[str, int]]:
    """Write general text to practise on, and some for dev; count texts and words of both.

    Texts of the labelled data, and those that are measured on, are left out. dev gets some, so that
    the score that picks the best model sees what is kept: rehearsal.ratio times the words that it
    has, and at most a tenth of the texts. All others are practised on. They stand in the order of
    their hashes: more text moves none to another place among the rest.

    total: of the labelled data; findings in rehearsal.text are added to it.
    measured: the general text that is measured on.
    """
    counts = {part: {"texts": 0, "words": 0} for part in ("train", "dev")}
    (folder / "rehearsal").mkdir()
    if not params.rehearsal.ratio:
        return counts
    nlp = load_tokenizer(base)
    taken = numpy.unique(numpy.concatenate([total.facts["text"], measured.hashes]))
    dev_words = params.rehearsal.ratio * count_words(total, "dev")
    with sorted_texts(read_plain(params, folder, total), taken, folder) as (number, texts):
        docs, rest = take_words(texts, nlp, dev_words, number // 10)
        counts["dev"] = {"texts": len(docs), "words": sum(map(len, docs))}
        write_dev(docs, nlp, folder)
        bar = tqdm(rest, "Tokenizing rehearsal", number - len(docs), unit=" texts", disable=None)
        chunks = chunk_texts(bar)
        for place, (shard_bytes, texts_done, words) in enumerate(
            in_order(TextWorker, base, chunks, jobs)
        ):
            write_shard(folder, "rehearsal", place, shard_bytes)
            counts["train"]["texts"] += texts_done
            counts["train"]["words"] += words
    return counts


def write_dev(docs: list[Doc], nlp: Language, folder: Path) -> None:
    """Write general text for dev, with every token outside, beside the labelled DocBins."""
    if not docs:
        return
    shard = DocBin(attrs=ATTRS)
    for doc in docs:
        doc.set_ents([], default="outside")
        add_doc(shard, doc)
    (folder / "dev").mkdir(exist_ok=True)
    (folder / "dev" / "general.spacy").write_bytes(pack(nlp.vocab, shard))


def take_words(
    texts: Iterator[str], nlp: Language, words: float, most: int
) -> tuple[list[Doc], Iterator[str]]:
    """The Docs of the first texts, and the texts after them.

    words: how many tokens the Docs have at most, together.
    most: how many Docs there are at most.
    """
    docs: list[Doc] = []
    for text in texts:
        doc = nlp.make_doc(text)
        words -= len(doc)
        if words < 0 or len(docs) == most:
            return docs, chain([text], texts)
        docs.append(doc)
    return docs, texts


def chunk_texts(texts: Iterable[str]) -> Iterator[list[str]]:
    """Group texts into lists of `CHUNK` characters, or a little more."""
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
    """Warn if the general text is too little to keep what the base knows.

    words: of the text to practise on.
    """
    if words < (enough := ENOUGH_WORDS[strategy]):
        msg.warn(
            f"rehearsal.text has {words:,} words to practise on; with {strategy}, the model "
            f"forgets where there are fewer than {enough:,} (docs/keeping.md).",
            "Give it more text like that in which the base's labels are to be kept.",
        )
