"""The names of experiments, and of the figures and parameters in their tables."""

from typing import Any

from scripts.storage.dvc import hash_values

Changes = dict[str, Any]
"""Keys of params.yaml, with dots, and the values that an experiment gives them."""

NEW_F = "tuned.new.ents_f"
RETENTION = "retention"
AGREEMENT = "agreement.ents_f"


def name_of(kind: str, commit: str, changes: Changes) -> str:
    """The name of an experiment: KIND-COMMIT-HASH.

    The hash is that of the changes, so the same commit and the same values give the same name.
    """
    return f"{kind}-{commit}-{hash_values(changes)[:10]}"


def short_names(keys: list[str]) -> dict[str, str]:
    """The column of each key: its last part, or the whole key where two keys share that part."""
    last = [key.rpartition(".")[2] for key in keys]
    return {k: x if last.count(x) == 1 else k for k, x in zip(keys, last, strict=True)}
