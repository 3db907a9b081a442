"""A shard of documents becomes a file of annotated ones; the work of every core.

A pure function of model and shard (`annotate_shard`): batches never reach beyond the shard, so that
the same input gives the same bytes, whoever works on what and when.
"""

import gc
import json
from typing import NamedTuple

import spacy
from spacy.language import Language
from spacy.tokens import Doc

from scripts.annotation.inputs import Bad, Layout, read_row
from scripts.annotation.plan import SUFFIXES, WORK, Done, Setup
from scripts.annotation.shards import Shard
from scripts.annotation.writers import PACKERS, make_converter, write_json
from scripts.exceptions import UnusableError
from scripts.intake.readers import Piece
from scripts.intake.rejected import reject
from scripts.intake.tally import Outcome
from scripts.runtime.kernels import choose_blis
from scripts.storage.atomic import write_bytes

# New words before a model is loaded anew, about 25 MB. (`nlp.memory_zone` would forget them, and
# what the tokenizer knows of them, after each shard: a twentieth of the speed.)
MOST_WORDS = 50_000


class Result(NamedTuple):
    """A shard's file, its rejected documents as lines of JSON, and counts."""

    body: bytes
    rejected: list[bytes]
    written: int
    words: int


class Annotator:
    """What a worker process holds: the model, and what a run was asked for. Called with a shard.

    The model is loaded anew when its vocabulary has grown by MOST_WORDS.
    """

    def __init__(self, setup: Setup) -> None:
        choose_blis()
        if setup.gpu:
            spacy.require_gpu()
        self.setup = setup
        self.nlp: Language | None = None
        self.load()

    def load(self) -> Language:
        """Load the model, after the one that was loaded is gone from memory."""
        self.nlp = None
        gc.collect()
        self.nlp = spacy.load(self.setup.model, disable=self.setup.disable)
        self.most_words = len(self.nlp.vocab) + MOST_WORDS
        return self.nlp

    def __call__(self, shard: Shard) -> Done:
        """Annotate a shard and write its file, whole or not at all; return its counts."""
        nlp = self.nlp
        if nlp is None or len(nlp.vocab) > self.most_words:
            del nlp
            nlp = self.load()
        result = annotate_shard(nlp, shard, self.setup)
        counts = (len(shard.pieces), result.written, len(result.rejected))
        assert counts[0] == counts[1] + counts[2], f"{shard.name}: {counts}"
        folder = self.setup.output / WORK
        # The shard's own file comes last: where it is there, its rejected documents are, too.
        if result.rejected:
            write_bytes(folder / f"{shard.name}.jsonl", b"".join(result.rejected), folder)
        path = self.setup.output / f"{shard.name}{SUFFIXES[self.setup.format]}"
        write_bytes(path, result.body, folder)
        place = (shard.group, shard.number, shard.last)
        return Done(*place, *counts, result.words, len(result.body), shard.progress)


def annotate_shard(nlp: Language, shard: Shard, setup: Setup) -> Result:
    """Annotate the documents of a shard; one that fails is rejected, whole and alone."""
    failed = Outcome()
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
