"""The work on a chunk of records: parsed, checked, tokenized, packed; done by every core."""

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy
import spacy
import srsly
from spacy.language import Language
from spacy.strings import get_string_id
from spacy.tokens import Doc, DocBin

from scripts.exceptions import UnusableError
from scripts.intake.alignment import make_doc
from scripts.intake.findings import Finding
from scripts.intake.minhash import sign
from scripts.intake.parsers import parse
from scripts.intake.readers import Piece
from scripts.intake.records import Record, check_record, list_oddities, units_that_matter
from scripts.intake.rejected import reject
from scripts.intake.splits import choose_part, share
from scripts.intake.tally import FACTS, PARTS, Chunk, ChunkResult
from scripts.storage.docbins import ATTRS, add_doc, pack

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


def load_tokenizer(base: Path) -> Language:
    """Load the base without its components: it tokenizes texts and predicts nothing."""
    return spacy.load(base, exclude=srsly.read_json(base / "meta.json")["pipeline"])


class Tokenizer:
    """The tokenizer of a base, loaded anew when its vocabulary has grown large.

    `nlp.memory_zone` would forget every new word at once and keep none of them in the tokenizer's
    cache, which leaves a third of the speed.
    """

    def __init__(self, base: Path) -> None:
        self.base = base
        self.loaded = load_tokenizer(base)

    def nlp(self) -> Language:
        """Return the tokenizer, whose vocabulary is not large yet."""
        if len(self.loaded.vocab) > MOST_WORDS:
            self.loaded = load_tokenizer(self.base)
        return self.loaded


class ChunkWorker:
    """What a worker process holds: the settings, and a tokenizer. Called with a chunk."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.tokenizer = Tokenizer(settings.base)

    def __call__(self, chunk: Chunk) -> ChunkResult:
        """Parse, check and tokenize a chunk."""
        return work(self.tokenizer.nlp(), chunk, self.settings)


def work(nlp: Language, chunk: Chunk, settings: Settings) -> ChunkResult:
    """Parse, check and tokenize a chunk."""
    batch = ChunkResult(read=len(chunk.pieces))
    rows: list[tuple[int, ...]] = []
    bins: dict[str, DocBin] = {}
    tokens: list[numpy.ndarray] = []
    mentions: dict[tuple[str, str], list[int]] = defaultdict(list)
    for piece in chunk.pieces:
        try:
            record, doc, part = make(nlp, piece, chunk, settings, batch)
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
        if settings.write and part != "spare":
            batch.shards[part] = pack(nlp.vocab, bin_)
    batch.used = len(rows)
    columns = zip(*rows, strict=True) if rows else ((),) * len(FACTS)
    for (name, dtype), column in zip(FACTS.items(), columns, strict=True):
        batch.facts[name] = numpy.array(column, dtype=dtype)
    batch.mentions = {key: numpy.array(names, "u8") for key, names in mentions.items()}
    return batch


def make(
    nlp: Language, piece: Piece, chunk: Chunk, settings: Settings, batch: ChunkResult
) -> tuple[Record, Doc, str]:
    """The record and Doc of a piece, and the part it belongs to; else it is listed as rejected."""
    record: Record | None = None
    try:
        record = parse(piece, chunk.layout)
        if record.spans:
            batch.labels.update(label for _, _, label in record.spans)
            if settings.rename:
                names = settings.rename
                record.spans = [(s, e, names.get(label, label)) for s, e, label in record.spans]
            for code in units_that_matter(record):
                batch.units[record.path, code, "matters"] += 1
        check_record(record)
    except UnusableError as error:
        reject(piece, record, error, batch)
        raise
    part = chunk.part or choose_part(record.doc, settings.shares, settings.seed)
    if part == "general" and record.spans is None:
        part = "plain"
    # With a dot behind it no name ends in a number: another draw than that of its split.
    if part == "train" and share(f"{record.doc}.", settings.seed) >= settings.train_share:
        part = "spare"
    findings: list[Finding] = []
    learned = part in ("train", "dev")
    missing = learned and settings.unlabelled == "missing"
    doc = make_doc(
        nlp, record, settings.alignment, findings, default="missing" if missing else "outside"
    )
    if record.spans is None and learned and not missing:
        doc.set_ents([], default="outside")
    for finding in (*findings, *list_oddities(record, len(doc))):
        batch.add_finding(finding)
    return record, doc, part


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
