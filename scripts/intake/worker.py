"""What a worker does with a chunk of records: parse, check, tokenize and pack them."""

from collections import Counter, defaultdict
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy
import spacy
import srsly
from spacy.language import Language
from spacy.strings import get_string_id
from spacy.tokens import Doc, DocBin

from scripts.exceptions import UnusableError
from scripts.intake.alignment import Fates, make_doc, mark_names
from scripts.intake.findings import Finding
from scripts.intake.minhash import sign
from scripts.intake.parsers import parse
from scripts.intake.readers import Piece
from scripts.intake.records import (
    Record,
    check_record,
    list_oddities,
    name_text,
    units_that_matter,
)
from scripts.intake.rejected import reject
from scripts.intake.repairs import join_tags, trim_spans
from scripts.intake.splits import choose_split, share_within
from scripts.intake.tally import FACTS, PARTS, Chunk, ChunkResult
from scripts.storage.docbins import ATTRS, add_doc, pack

# A tokenizer is loaded anew when it has seen so many words, which take about 100 MB.
MOST_WORDS = 250_000
# Parts whose DocBins keep the documents' names: intervals of scores are drawn over documents, and
# the model card names nothing that stands in a single document only.
NAMED = ("train", "test", "general", "plain")


UNANNOTATED = (
    'Nobody has annotated it: left out. If it was looked at and has no names, say so: "spans": []; '
    "of all such records, with data.unlabelled: outside."
)


class Settings(NamedTuple):
    """What a worker needs to know; most of it is from the section data of params.yaml."""

    base: Path
    """The folder of the base model."""
    alignment: str
    unlabelled: str
    rename: dict[str, str]
    shares: dict[str, float]
    """The share of documents of each split that has no file of its own."""
    train_share: float
    seed: int
    write: bool
    """Whether DocBins are made; False only checks."""
    fold: tuple[int, int] | None = None
    """The number of the fold that is tested on, and how many there are (data.fold)."""
    ranked: dict[str, str] | None = None
    """The part of each document, where there are few of them (`rank_documents`)."""
    tagged: bool = False
    """Whether labels are tags of tokens, such as B-PERSON, which are joined to spans."""
    lone: str = ""
    """The one document that all of the data is said to be of: each text counts as one instead."""


@lru_cache(maxsize=1)
def load_tokenizer(base: Path) -> Language:
    """Load the base without its components: it tokenizes texts and predicts nothing.

    A process loads it once; processes that are forked afterwards have it, too.
    """
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
            load_tokenizer.cache_clear()
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
    """Parse, check and tokenize a chunk; its usable records become a DocBin for each part."""
    result = ChunkResult(read=len(chunk.pieces))
    rows: list[tuple[int, ...]] = []
    bins: dict[str, DocBin] = {}
    tokens: list[numpy.ndarray] = []
    mentions: dict[tuple[str, str], list[int]] = defaultdict(list)
    for piece in chunk.pieces:
        if (record := read_record(piece, chunk, settings, result)) is None:
            continue
        part = choose_part(record, chunk.part, settings)
        doc = label_doc(nlp, record, part, settings, result)
        is_marked, _ = result.firsts.get(record.path, (None, ""))
        if is_marked is None or (doc.ents and not is_marked):
            result.firsts[record.path] = (bool(doc.ents), mark_names(doc))
        if part not in bins:
            bins[part] = DocBin(attrs=ATTRS, store_user_data=part in NAMED)
        add_doc(bins[part], doc, record.doc)
        tokens.append(bins[part].tokens[-1])
        for ent in doc.ents:
            mentions[part, ent.label_].append(get_string_id(ent.text.casefold()))
        rows.append(take_facts(record, doc, part, result.files))
    result.signatures = sign(nlp.vocab.strings, tokens)
    for part, bin_ in bins.items():
        # What data.train_share leaves out of train is only checked.
        if settings.write and part != "spare":
            result.shards[part] = pack(nlp.vocab, bin_)
    result.used = len(rows)
    columns = zip(*rows, strict=True) if rows else ((),) * len(FACTS)
    for (name, dtype), column in zip(FACTS.items(), columns, strict=True):
        result.facts[name] = numpy.array(column, dtype=dtype)
    result.mentions = {key: numpy.array(names, "u8") for key, names in mentions.items()}
    return result


def read_record(
    piece: Piece, chunk: Chunk, settings: Settings, result: ChunkResult
) -> Record | None:
    """Parse and check a piece of a chunk, rename its labels and repair its spans.

    Returns None if it cannot be used; then `result` has it among the rejected records.
    """
    record: Record | None = None
    try:
        record = parse(piece, chunk.layout)
        if record.spans is None and chunk.part != "general":
            if settings.unlabelled != "outside":
                raise UnusableError("unannotated", UNANNOTATED)
            record.spans = []
        if settings.lone and record.doc == settings.lone:
            record.doc = name_text(record.text)
        if record.spans:
            result.labels.update(label for _, _, label in record.spans)
            if settings.rename:
                names = settings.rename
                record.spans = [(s, e, names.get(label, label)) for s, e, label in record.spans]
            for code in units_that_matter(record):
                result.units[record.path, code, "matters"] += 1
        check_record(record)
    except UnusableError as error:
        reject(piece, record, error, result)
        if record:
            result.fates.update((label, error.code) for _, _, label in record.spans or ())
        return None
    trim_spans(record)
    if settings.tagged:
        join_tags(record)
    return record


def choose_part(record: Record, part: str | None, settings: Settings) -> str:
    """The part that a record belongs to, one of PARTS.

    part: the part of its file; None if its document is assigned to a split by its name.
    """
    if part is None and settings.ranked is not None:
        return settings.ranked[record.doc]
    part = part or choose_split(record.doc, settings.shares, settings.seed, settings.fold)
    if part == "general" and record.spans is None:
        return "plain"
    if part == "train" and share_within(record.doc, settings.seed) >= settings.train_share:
        return "spare"
    return part


def label_doc(
    nlp: Language, record: Record, part: str, settings: Settings, result: ChunkResult
) -> Doc:
    """Make a Doc of a record; what is odd in it is added to `result`.

    In train and dev, data.unlabelled decides what is known of tokens without a label.
    """
    is_missing = part in ("train", "dev") and settings.unlabelled == "missing"
    findings: list[Finding] = []
    default = "missing" if is_missing else "outside"
    fates = Fates(Counter(record.lost))
    doc = make_doc(nlp, record, settings.alignment, findings, default, fates)
    result.fates.update(fates.spans)
    for code, number in fates.shifts.items():
        result.units[record.path, code, "fits"] += number
    if record.spans:
        result.units[record.path, "spans", "matters"] += len(record.spans)
    for finding in (*findings, *list_oddities(record, len(doc))):
        result.add_finding(finding)
    return doc


def take_facts(record: Record, doc: Doc, part: str, files: list[str]) -> tuple[int, ...]:
    """The facts that are kept of a record, in the order of FACTS.

    files: the paths of the chunk's files so far; the record's own is added if it is new.
    """
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
