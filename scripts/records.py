"""Labelled texts: read from files, checked, made into Docs. What does not fit is listed, not lost.

A record is a line of JSON: {"text": ..., "spans": [{"start": 0, "end": 4, "label": "BAND"}, ...],
"meta": {"doc": "ticket-17"}, "answer": "accept"}, as Prodigy writes it. `start` and `end` count
characters; `meta.doc` names the document that the text is a part of. A record without "spans" is
plain text. A .txt file holds a plain text on every line.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import srsly
from spacy.language import Language
from spacy.tokens import Doc, Span

Offsets = tuple[int, int, str]


class DataError(Exception):
    """A file or record that cannot be read: what, where, and what to do."""


@dataclass(slots=True)
class Record:
    """A text with its spans (characters, label); None says that nobody has looked for any."""

    text: str
    spans: list[Offsets] | None
    doc: str
    path: str
    line: int


@dataclass(slots=True)
class Finding:
    """Something in the data that could not be used as it stands."""

    code: str
    path: str
    line: int
    doc: str
    text: str
    advice: str


@dataclass
class Findings:
    """All findings, and how many records were passed over for each answer other than accept."""

    listed: list[Finding] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)

    def add(self, code: str, record: Record, text: str, advice: str) -> None:
        """List a finding of `record`."""
        self.listed.append(Finding(code, record.path, record.line, record.doc, text, advice))


def find_split(source: Path, part: str) -> Path | None:
    """The file of a split in a folder of records."""
    found = [source / f"{part}{suffix}" for suffix in (".jsonl", ".txt")]
    found = [path for path in found if path.is_file()]
    if len(found) > 1:
        raise DataError(f"{found[0]} and {found[1]}: which one is meant? Take one away.")
    return found[0] if found else None


def read_folder(path: Path, findings: Findings) -> Iterator[Record]:
    """Yield the records of a file, or of every file below a folder, in the order of their names."""
    paths = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    if not paths:
        raise DataError(f"{path} is an empty folder: records come as .jsonl or .txt files.")
    for file in paths:
        yield from read_records(file, findings)


def read_records(path: Path, findings: Findings) -> Iterator[Record]:
    """Yield the records of a .jsonl or .txt file; broken lines are errors."""
    if path.suffix not in (".jsonl", ".txt"):
        raise DataError(f"{path}: records come as .jsonl (one JSON object a line) or .txt files.")
    if not path.is_file():
        raise DataError(f"{path} is not there: look at the paths in params.yaml.")
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            raw = read_line(line, path, number)
            answer = raw.get("answer") if isinstance(raw, dict) else None
            if answer is not None and answer != "accept":
                findings.skipped[str(answer)] = findings.skipped.get(str(answer), 0) + 1
            elif raw is not None:
                yield read_record(raw, str(path), number)


def read_line(line: bytes, path: Path, number: int) -> Any:
    """The JSON value of a line, an object with the text of a .txt file's; None for a blank one."""
    try:
        # Some programs begin a file with a byte order mark, which is no part of the text.
        text = line.decode("utf-8-sig" if number == 1 else "utf8").strip()
        if not text:
            return None
        return {"text": text} if path.suffix == ".txt" else srsly.json_loads(text)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}:{number}: not UTF-8 ({error}): save it as UTF-8.") from error
    except ValueError as error:
        raise DataError(f"{path}:{number}: not a line of JSON ({error}).") from error


def read_record(raw: Any, path: str, line: int) -> Record:
    """Check a record's shape."""
    where = f"{path}:{line}"
    if not isinstance(raw, dict) or not isinstance(raw.get("text"), str):
        raise DataError(f'{where}: a record is an object with a "text".')
    spans = None
    if raw.get("spans") is not None:
        try:
            spans = [(span["start"], span["end"], span["label"]) for span in raw["spans"]]
        except (TypeError, KeyError):
            raise DataError(f'{where}: every span has a "start", an "end" and a "label".') from None
        for start, end, label in spans:
            if type(start) is not int or type(end) is not int or not isinstance(label, str):
                raise DataError(f"{where}: start and end are whole numbers, the label is text.")
            if not label.strip():
                raise DataError(f"{where}: a span without a label.")
    meta = raw.get("meta")
    doc = meta.get("doc") if isinstance(meta, dict) else None
    text = raw["text"]
    try:
        digest = sha256(text.encode("utf8")).hexdigest()
    except UnicodeEncodeError as error:
        raise DataError(f"{where}: the text has half a character ({error}).") from None
    return Record(text, spans, digest[:16] if doc is None else str(doc), path, line)


def excerpt(text: str, start: int, end: int, width: int = 30) -> str:
    """The text around a span, with the span in angle quotes."""
    start, end = max(0, min(start, len(text))), max(0, min(end, len(text)))
    end = max(start, end)
    left, right = text[max(0, start - width) : start], text[end : end + width]
    return f"{left}«{text[start:end]}»{right}"


def make_doc(nlp: Language, record: Record, findings: Findings) -> Doc:
    """Tokenize a record and set its entities; without spans nothing is set.

    Tokens under a span that cannot be used, for it is off the token boundaries or overlaps another
    one, are left missing: they are evidence neither for nor against a label.
    """
    doc = nlp.make_doc(record.text)
    doc.user_data = {"doc": record.doc, "path": record.path, "line": record.line}
    doc.user_data["labelled"] = record.spans is not None
    if record.spans is None:
        return doc
    good: list[Span] = []
    unknown: set[int] = set()
    last = 0
    for start, end, label in sorted(set(record.spans)):
        if not 0 <= start < end <= len(record.text):
            advice = f"{label}, {start} to {end}, is no part of {len(record.text)} characters."
            findings.add("out-of-range", record, excerpt(record.text, start, end), advice)
            continue
        span = doc.char_span(start, end, label)
        # A token of spaces: spaCy never lets an entity start or end with one.
        if span is None or span[0].is_space or span[-1].is_space:
            unknown |= list_off_boundary(doc, record, (start, end, label), findings)
        elif start < last:
            other = good.pop() if good and good[-1].end_char > start else None
            findings.add(
                "overlap",
                record,
                excerpt(record.text, start, end),
                f"{label} overlaps {other.label_ if other else 'another span'}: keep one of them.",
            )
            unknown |= {token.i for s in (span, other) if s is not None for token in s}
        else:
            good.append(span)
        last = max(last, end)
    unknown -= {token.i for span in good for token in span}
    doc.set_ents(good, missing=[doc[i : i + 1] for i in sorted(unknown)], default="outside")
    return doc


def list_off_boundary(doc: Doc, record: Record, span: Offsets, findings: Findings) -> set[int]:
    """List a span that is off the token boundaries, and return the tokens that it touches."""
    start, end, label = span
    touched = [t for t in doc if t.idx < end and start < t.idx + len(t)]
    tokens = doc.text[touched[0].idx : touched[-1].idx + len(touched[-1])] if touched else ""
    advice = f"{label} starts or ends inside a token or on a space; whole tokens: «{tokens}»."
    findings.add("off-boundary", record, excerpt(record.text, start, end), advice)
    return {token.i for token in touched}
