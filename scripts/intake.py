"""Many labelled texts become DocBins, in a stream: read once, worked on by every core.

Files are cut into chunks of about a megabyte. A chunk is the same whoever works on it, and comes
out where it went in, so that shards and findings do not hang on the number of workers. Of a record
that is done a few hashes stay (`FACTS`), from which duplicates and the like are found later.
"""

import base64
import json
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from itertools import accumulate, chain, islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy
import spacy
import srsly
from spacy.language import Language
from spacy.strings import get_string_id
from spacy.tokens import Doc, DocBin
from tqdm import tqdm

from scripts.docbins import ATTRS, add_doc, pack, write_shard
from scripts.parsers import load, parse
from scripts.readers import Layout, Piece, read_pieces
from scripts.records import (
    Finding,
    Record,
    UnusableError,
    check_record,
    excerpt,
    find,
    list_oddities,
    make_doc,
    units_that_matter,
)

CHUNK = 1 << 20
# Words that a tokenizer has seen before it is loaded anew: about 100 MB.
MOST_WORDS = 250_000
# So many findings of each code are listed; all are counted.
LISTED = 1_000
PARTS = ("train", "dev", "test", "general", "plain", "spare")
# Parts whose documents are known later, for intervals of what is measured on them.
NAMED = ("test", "general", "plain")
# Functions of a MinHash signature (Broder, 1997, "On the resemblance and containment of
# documents"), and words below which two texts are alike too easily.
SIGNATURE = 16
SHORT = 5

FACTS: dict[str, str] = {
    "part": "u1",
    "file": "u4",
    "line": "u4",
    "text": "u8",
    "doc": "u8",
    "spans": "u8",
    "words": "u4",
}

Source = tuple[Path, Layout, str | None]
"""A file, its format, and the part that its records belong to; None: a document's hash says it."""


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


class Chunk(NamedTuple):
    """Pieces that are worked on together."""

    layout: Layout
    part: str | None
    pieces: list[Piece]


@dataclass
class Batch:
    """What became of a chunk, or of all of them."""

    shards: dict[str, bytes] = field(default_factory=dict)
    facts: dict[str, numpy.ndarray] = field(default_factory=dict)
    signatures: numpy.ndarray | None = None
    files: list[str] = field(default_factory=list)
    mentions: dict[tuple[str, str], numpy.ndarray] = field(default_factory=dict)
    """The names of a part and label, as hashes."""
    findings: list[Finding] = field(default_factory=list)
    found: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    """Spans of each label, before data.rename."""
    units: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """For a file and a unit that is refused: how many records it matters in, and how many fit."""
    rejected: list[bytes] = field(default_factory=list)
    read: int = 0
    used: int = 0

    def add_findings(self, other: "Batch") -> None:
        """Add what another one counted and listed; of each code, the first ones stay listed."""
        listed = Counter(finding.code for finding in self.findings)
        for finding in other.findings:
            if listed[finding.code] < LISTED:
                self.findings.append(finding)
            listed[finding.code] += 1
        self.found += other.found
        self.answers += other.answers
        self.labels += other.labels
        self.units += other.units
        self.read += other.read
        self.used += other.used


# Workers

_settings: Settings


def start(settings: Settings) -> None:
    """Make a process ready to work."""
    global _settings
    _settings = settings
    load_tokenizer(settings.base)


def load_tokenizer(base: Path) -> Language:
    """The base without its components: texts are tokenized, nothing is predicted.

    Loaded once, and anew when its vocabulary has grown large. (`nlp.memory_zone` would forget every
    new word at once, and keep none in the tokenizer's cache: a third of the speed.)
    """
    nlp = _load_tokenizer(base)
    if len(nlp.vocab) > MOST_WORDS:
        _load_tokenizer.cache_clear()
        nlp = _load_tokenizer(base)
    return nlp


@cache
def _load_tokenizer(base: Path) -> Language:
    return spacy.load(base, exclude=srsly.read_json(base / "meta.json")["pipeline"])


def work(chunk: Chunk) -> Batch:
    """Parse, check and tokenize a chunk."""
    nlp = load_tokenizer(_settings.base)
    batch = Batch(read=len(chunk.pieces))
    rows: list[tuple[int, ...]] = []
    bins: dict[str, DocBin] = {}
    tokens: list[numpy.ndarray] = []
    mentions: dict[tuple[str, str], list[int]] = defaultdict(list)
    for piece in chunk.pieces:
        try:
            record, doc, part = make(nlp, piece, chunk, batch)
        except UnusableError:
            continue
        if part not in bins:
            bins[part] = DocBin(attrs=ATTRS, store_user_data=part in NAMED)
        add_doc(bins[part], doc, record.doc)
        tokens.append(bins[part].tokens[-1])
        for ent in doc.ents:
            mentions[part, ent.label_].append(get_string_id(ent.text.casefold()))
        rows.append(take_facts(record, doc, part, batch.files))
    batch.signatures = sign(nlp, tokens)
    for part, bin_ in bins.items():
        batch.shards[part] = pack(nlp.vocab, bin_) if is_written(part) else b""
    batch.used = len(rows)
    columns = zip(*rows, strict=True) if rows else ((),) * len(FACTS)
    for (name, dtype), column in zip(FACTS.items(), columns, strict=True):
        batch.facts[name] = numpy.array(column, dtype=dtype)
    batch.mentions = {key: numpy.array(names, "u8") for key, names in mentions.items()}
    return batch


def make(nlp: Language, piece: Piece, chunk: Chunk, batch: Batch) -> tuple[Record, Doc, str]:
    """The record and Doc of a piece, and the part it belongs to; else it is listed as rejected."""
    record: Record | None = None
    try:
        record = parse(piece, chunk.layout)
        if record.spans:
            batch.labels.update(label for _, _, label in record.spans)
            if _settings.rename:
                names = _settings.rename
                record.spans = [(s, e, names.get(label, label)) for s, e, label in record.spans]
            for code in units_that_matter(record):
                batch.units[record.path, code, "matters"] += 1
        check_record(record)
    except UnusableError as error:
        reject(piece, record, error, batch)
        raise
    part = chunk.part or choose_part(record.doc)
    if part == "general" and record.spans is None:
        part = "plain"
    # With a dot behind it no name ends in a number: another draw than that of its split.
    if part == "train" and share(f"{record.doc}.", _settings.seed) >= _settings.train_share:
        part = "spare"
    findings: list[Finding] = []
    learned = part in ("train", "dev")
    missing = learned and _settings.unlabelled == "missing"
    doc = make_doc(
        nlp, record, _settings.alignment, findings, default="missing" if missing else "outside"
    )
    if record.spans is None and learned and not missing:
        doc.set_ents([], default="outside")
    for finding in (*findings, *list_oddities(record, len(doc))):
        note(finding, batch)
    return record, doc, part


def share(name: str, seed: int) -> float:
    """A number from 0 to 1 that depends on a document's name alone, so that it never moves.

    Names are hashed up to their last number, which is then added in steps of the golden ratio:
    numbers that follow each other spread more evenly than by chance (Knuth, 1973, The Art of
    Computer Programming 3, section 6.4, "Fibonacci hashing").
    """
    stem = name.rstrip("0123456789")
    number = int(name[len(stem) :] or 0) if len(name) - len(stem) < 20 else get_string_id(name)
    begin = int.from_bytes(sha256(f"{seed}:{stem}".encode()).digest()[:8], "big")
    return (begin + number * 0x9E3779B97F4A7C15) % 2**64 / 2**64


def is_written(part: str) -> bool:
    """Whether a part is written at all; what is left out of train is only checked."""
    return _settings.write and part != "spare"


def choose_part(doc: str) -> str:
    """The split of a document, by its name."""
    value = share(doc, _settings.seed)
    bounds = accumulate(_settings.shares.values())
    return next(
        (part for part, bound in zip(_settings.shares, bounds, strict=True) if value < bound),
        "train",
    )


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


def note(finding: Finding, batch: Batch) -> None:
    """Count a finding, and list it unless there are many like it."""
    batch.found[finding.code] += 1
    if batch.found[finding.code] <= LISTED:
        batch.findings.append(finding)


def reject(piece: Piece, record: Record | None, error: UnusableError, batch: Batch) -> None:
    """List a record as rejected, and keep it whole."""
    path, line, raw = piece
    value = whole(raw, record)
    if record:
        finding = find(error.code, record, error.advice, error.span)
    else:
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        finding = Finding(error.code, path, line, "", excerpt(shown, 0, 0), error.advice)
    if error.code == "answer":
        batch.answers[error.advice.split(":")[0]] += 1
    note(finding, batch)
    if error.code.endswith("-offsets"):
        batch.units[path, error.code, "fits"] += 1
    row = {"record": value, "code": error.code, "advice": error.advice, "path": path, "line": line}
    if isinstance(raw, bytes) and error.code == "not-utf8":
        row["base64"] = base64.b64encode(raw).decode()
    # Half a surrogate pair cannot be written; escaped as Python does it, it is JSON's own escape.
    text = json.dumps(row, ensure_ascii=False) + "\n"
    batch.rejected.append(text.encode("utf8", "backslashreplace"))


def whole(raw: Any, record: Record | None) -> Any:
    """A piece as JSON to be mended and read again: its own, or Prodigy's where it has none."""
    if isinstance(raw, (dict, list)):
        return raw
    if isinstance(raw, bytes):
        try:
            value = load(raw)
        except (UnusableError, UnicodeDecodeError):
            value = None
        return value if isinstance(value, (dict, list)) else as_text(raw)
    if record:
        spans = [{"start": s, "end": e, "label": label} for s, e, label in record.spans or ()]
        return {"text": record.text, "spans": spans, "meta": {"doc": record.doc}}
    return as_text(raw)


def as_text(raw: Any) -> str:
    """A piece as lines of text; bytes that are none, with their values."""
    if isinstance(raw, bytes):
        return raw.decode("utf8", "backslashreplace").rstrip("\r\n")
    if isinstance(raw, (list, tuple)):
        return "\n".join(as_text(part) for part in raw if part is not None)
    return str(raw)


def sign(nlp: Language, tokens: list[numpy.ndarray]) -> numpy.ndarray:
    """A MinHash signature of each text's set of words, case and digits apart (texts x SIGNATURE).

    Two texts agree in about as many places as they have words in common, of all words of both.
    """
    if not tokens:
        return numpy.zeros((0, SIGNATURE), "u2")
    words, inverse = numpy.unique(
        numpy.concatenate([array[:, 0] for array in tokens]), return_inverse=True
    )
    plain = (nlp.vocab.strings[int(word)].casefold().translate(DIGITS) for word in words)
    keys = numpy.array([get_string_id(word) for word in plain], "u8")[inverse]
    sizes = numpy.array([len(array) for array in tokens])
    begins = numpy.concatenate(([0], numpy.cumsum(sizes)[:-1]))
    columns = [
        numpy.minimum.reduceat((keys * factor) >> numpy.uint64(32), begins) for factor in FACTORS
    ]
    signature = numpy.stack(columns, axis=1).astype("u2")
    signature[sizes < SHORT] = 0
    return signature


DIGITS = str.maketrans("123456789", "000000000")
FACTORS = numpy.array(
    [int.from_bytes(sha256(str(i).encode()).digest()[:8], "big") | 1 for i in range(SIGNATURE)],
    "u8",
)


# The process that reads


def cut(sources: list[Source], progress: Callable[[int], object]) -> Iterator[Chunk]:
    """Cut files into chunks; small files of one part and format share one."""
    pieces: list[Piece] = []
    size, done = 0, 0
    last: tuple[Layout, str | None] | None = None

    def tell(at: int) -> None:
        progress(done + at)

    for path, layout, part in sources:
        if last and last != (layout, part) and pieces:
            yield Chunk(*last, pieces)
            pieces, size = [], 0
        last = (layout, part)
        for piece, length in read_pieces(path, layout, tell):
            pieces.append(piece)
            size += length
            if size >= CHUNK:
                yield Chunk(*last, pieces)
                pieces, size = [], 0
        done += path.stat().st_size
    if last and pieces:
        yield Chunk(*last, pieces)


Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    begin: Callable,
    argument: Any,
    jobs: int,
) -> Iterator[Result]:
    """Map in `jobs` processes, in order, not far ahead of what is taken; one item is done here."""
    items = iter(items)
    first = [*islice(items, 2)]
    if jobs == 1 or len(first) < 2:
        begin(argument)
        for item in chain(first, items):
            yield function(item)
        return
    with ProcessPoolExecutor(jobs, initializer=begin, initargs=(argument,)) as pool:
        waiting = deque(pool.submit(function, item) for item in first)
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def take_in(
    sources: list[Source],
    settings: Settings,
    *,
    output: Path,
    rejected: Path,
    jobs: int,
    title: str,
) -> Batch:
    """Work on all files; write shards below `output` and whole rejected records to `rejected`.

    Returns everything but shards and rejected records.
    """
    total = Batch()
    facts: dict[str, list[numpy.ndarray]] = {name: [numpy.empty(0, FACTS[name])] for name in FACTS}
    signatures = [numpy.zeros((0, SIGNATURE), "u2")]
    mentions: dict[tuple[str, str], list[numpy.ndarray]] = defaultdict(list)
    written: Counter[str] = Counter()
    size = sum(path.stat().st_size for path, _, _ in sources)
    with (
        rejected.open("ab") as rejects,
        tqdm(total=size, desc=title, unit="B", unit_scale=True, leave=False) as bar,
    ):
        chunks = cut(sources, lambda done: bar.update(done - bar.n))
        for batch in in_order(work, chunks, start, settings, jobs):
            for part, shard in batch.shards.items():
                if shard:
                    write_shard(output, part, written[part], shard)
                    written[part] += 1
            batch.facts["file"] = batch.facts["file"] + len(total.files)
            total.files += batch.files
            for name, column in batch.facts.items():
                facts[name].append(column)
            signatures.append(batch.signatures)  # type: ignore[arg-type]
            for key, names in batch.mentions.items():
                mentions[key].append(names)
            total.add_findings(batch)
            rejects.writelines(batch.rejected)
            bar.set_postfix_str(f"{total.read:,} texts")
    # Each list goes as its array comes, or there would be room for both.
    total.facts = {name: numpy.concatenate(facts.pop(name)) for name in FACTS}
    total.signatures = numpy.concatenate(signatures)
    total.mentions = {key: numpy.concatenate(mentions.pop(key)) for key in sorted(mentions)}
    return total


def is_part(total: Batch, part: str) -> numpy.ndarray:
    """Whether each record is in a part (bool)."""
    return total.facts["part"] == PARTS.index(part)


def count_words(total: Batch, part: str) -> int:
    """The words of a part."""
    return int(total.facts["words"][is_part(total, part)].sum())
