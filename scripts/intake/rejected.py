"""Keep records that cannot be used as they are, so that they can be mended and put back."""

import base64
import json
from typing import Any

from scripts.exceptions import UnusableError
from scripts.intake.findings import Finding, excerpt
from scripts.intake.json_records import load
from scripts.intake.readers import Piece
from scripts.intake.records import Record, finding_in
from scripts.intake.tally import Outcome


def reject(piece: Piece, record: Record | None, error: UnusableError, outcome: Outcome) -> None:
    """Add a rejected record to `outcome`: the finding, the counts, and its line of rejected.jsonl.

    record: what `piece` was parsed to, or None if it could not be parsed.
    """
    path, line, raw = piece
    value = as_json_value(raw, record)
    if record:
        finding = finding_in(record, error.code, error.advice, error.span)
    else:
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        finding = Finding(error.code, path, line, "", excerpt(shown, 0, 0), error.advice)
    if error.code == "answer":
        outcome.answers[error.advice.split(":")[0]] += 1
    elif error.code == "unannotated":
        outcome.answers[error.code] += 1
    outcome.add_finding(finding)
    if error.code.endswith("-offsets"):
        outcome.units[path, error.code, "fits"] += 1
    row = {"record": value, "code": error.code, "advice": error.advice, "path": path, "line": line}
    if isinstance(raw, bytes) and error.code == "not-utf8":
        row["base64"] = base64.b64encode(raw).decode()
    # Half a surrogate pair cannot be written; escaped as Python does it, it is JSON's own escape.
    text = json.dumps(row, ensure_ascii=False) + "\n"
    outcome.rejected.append(text.encode("utf8", "backslashreplace"))


def as_json_value(raw: Any, record: Record | None) -> Any:
    """A piece as a JSON value that can be mended and read again.

    A piece that is JSON stays as it is; of another format, a parsed record becomes Prodigy's JSON,
    and a piece that could not be parsed becomes a string.
    """
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
    """A piece as lines of text; bytes that are not UTF-8 become escapes such as \\xff."""
    if isinstance(raw, bytes):
        return raw.decode("utf8", "backslashreplace").rstrip("\r\n")
    if isinstance(raw, (list, tuple)):
        return "\n".join(as_text(part) for part in raw if part is not None)
    return str(raw)
