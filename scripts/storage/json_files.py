"""JSON whose numbers are read and written as they stand, which srsly's parser changes a little."""

import json
from pathlib import Path
from typing import Any

from scripts.storage.atomic import write_text


def read_json(path: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(path.read_bytes())


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write values as JSON, a line for each; the file is whole or not there."""
    write_text(path, json.dumps(values, ensure_ascii=False, indent=2) + "\n")
