"""A worker's task: a shard of documents becomes a file of annotated documents.

What is written depends on the model and the shard alone (`annotate_shard`). Batches never reach
beyond a shard, so the same input gives the same bytes, whichever worker gets which shard and when.
"""

import gc
import json
from typing import NamedTuple

import spacy
from spacy.language import Language
from spacy.tokens import Doc

from scripts.annotation.inputs import Layout, Unreadable, read_row
from scripts.annotation.options import SUFFIXES, AnnotateOptions
from scripts.annotation.plan import WORK, FinishedShard
from scripts.annotation.shards import Shard
from scripts.annotation.writers import WRITERS, write_json
from scripts.exceptions import UnusableError
from scripts.intake.readers import Piece
from scripts.intake.rejected import reject
from scripts.intake.tally import Outcome
from scripts.runtime.kernels import choose_blis
from scripts.storage.atomic import write_bytes

# How many new words a vocabulary takes before the model is loaded anew: about 25 MB.
# (`nlp.memory_zone` would forget the words, and what the tokenizer knows of them, after each shard,
# which costs a twentieth of the speed.)
MOST_WORDS = 50_000


class AnnotatedShard(NamedTuple):
    """What becomes of a shard."""

    body: bytes
    """The content of its file."""
    rejected: list[bytes]
    """Its rejected documents, as lines of JSON."""
    written: int
    """How many documents the file has."""
    words: int
    """How many tokens these have."""


class Annotator:
    """What a worker process holds: the model, and what a run was asked for. Called with a shard.

    The model is loaded anew when its vocabulary has grown by MOST_WORDS.
    """

    def __init__(self, options: AnnotateOptions) -> None:
        choose_blis()
        if options.gpu:
            spacy.require_gpu()
        self.options = options
        self.nlp: Language | None = None
        self.load()

    def load(self) -> Language:
        """Load the model, after the one that was loaded is gone from memory."""
        self.nlp = None
        gc.collect()
        self.nlp = spacy.load(self.options.model, disable=self.options.disable)
        self.most_words = len(self.nlp.vocab) + MOST_WORDS
        return self.nlp

    def __call__(self, shard: Shard) -> FinishedShard:
        """Annotate a shard and write its file, whole or not at all; return its counts."""
        nlp = self.nlp
        if nlp is None or len(nlp.vocab) > self.most_words:
            del nlp
            nlp = self.load()
        result = annotate_shard(nlp, shard, self.options)
        counts = (len(shard.pieces), result.written, len(result.rejected))
        assert counts[0] == counts[1] + counts[2], f"{shard.name}: {counts}"
        folder = self.options.output / WORK
        # The shard's own file comes last: where it is there, its rejected documents are, too.
        if result.rejected:
            write_bytes(folder / f"{shard.name}.jsonl", b"".join(result.rejected), folder)
        path = self.options.output / f"{shard.name}{SUFFIXES[self.options.format]}"
        write_bytes(path, result.body, folder)
        place = (shard.group, shard.number, shard.last)
        return FinishedShard(*place, *counts, result.words, len(result.body), shard.progress)


def annotate_shard(nlp: Language, shard: Shard, options: AnnotateOptions) -> AnnotatedShard:
    """Annotate the documents of a shard; one that fails is rejected, whole, and no other one."""
    failed = Outcome()
    parsed = [read_fields(piece, shard.layout, options, nlp.max_length) for piece in shard.pieces]
    texts = [row[options.text_field] for row in parsed if isinstance(row, dict)]
    annotated = iter(annotate_texts(nlp, texts))
    writer = WRITERS[options.format](options, shard.layout, nlp)
    items, words = [], 0
    for piece, row in zip(shard.pieces, parsed, strict=True):
        try:
            if isinstance(row, Exception):
                raise row
            if isinstance(doc := next(annotated), Exception):
                raise doc
            items.append(writer.convert(row, doc))
            words += len(doc)
        except Exception as error:  # whatever a pipeline, or a value that it left, can raise
            fields = row if isinstance(row, dict) else None
            reject(show_piece(piece, fields), None, as_unusable(error), failed)
    return AnnotatedShard(writer.pack(items), failed.rejected, len(items), words)


def annotate_texts(nlp: Language, texts: list[str]) -> list[Doc | Exception]:
    """Return for each text its Doc, or the exception that it raises.

    Where texts raise one together, each half is tried, down to a single text: spaCy's own error
    handlers would drop the whole batch.
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
    return annotate_texts(nlp, texts[:half]) + annotate_texts(nlp, texts[half:])


def read_fields(
    piece: Piece, layout: Layout, options: AnnotateOptions, longest: int
) -> dict | Exception:
    """Return the fields of a document, or an exception that says why it cannot be annotated.

    longest: how many characters a text has at most.
    """
    raw = piece[2]
    if isinstance(raw, Unreadable):
        return UnusableError(raw.code, raw.advice)
    try:
        row = read_row(piece, layout, options.text_field)
        text = row.get(options.text_field)
        if not isinstance(text, str):
            raise UnusableError(
                "shape", f"It has no text in {options.text_field!r}: is --text-field right?"
            )
        text.encode()
        if len(text) > longest:
            advice = f"{len(text):,} characters; the model takes {longest:,} at most. Split it."
            raise UnusableError("too-long", advice)
        if (field := options.entities_field) in row:
            advice = f"It has {field!r} already: choose another with --entities-field."
            raise UnusableError("key-taken", advice)
    except (UnusableError, UnicodeError, ValueError, RecursionError) as error:
        return error
    return row


def as_unusable(error: Exception) -> UnusableError:
    """Return why a document is rejected."""
    if isinstance(error, UnusableError):
        return error
    if isinstance(error, UnicodeDecodeError):
        advice = f"byte {error.start + 1} is 0x{error.object[error.start]:02x}: save it as UTF-8."
        return UnusableError("not-utf8", advice)
    if isinstance(error, UnicodeEncodeError):
        # Bytes of a table that are not UTF-8 were read as such halves (errors="surrogateescape").
        if "\udc80" <= error.object[error.start] <= "\udcff":
            byte = ord(error.object[error.start]) - 0xDC00
            return UnusableError("not-utf8", f"there is a byte 0x{byte:02x}: save it as UTF-8.")
        return UnusableError("half-character", f"{error}: write the text again.")
    if isinstance(error, json.JSONDecodeError):
        return UnusableError("not-json", f"{error}: is the line cut, or a part of a longer value?")
    return UnusableError("failed", f"{type(error).__name__}: {error}")


def show_piece(piece: Piece, row: dict | None) -> Piece:
    """Return a document as it is listed among the rejected: its fields where they could be read."""
    name, line, raw = piece
    if isinstance(raw, Unreadable):
        return name, line, raw.raw
    return name, line, raw if row is None else json.loads(write_json(row))
