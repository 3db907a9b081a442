"""What differs between two mappings."""

from typing import Any


def flatten(values: Any, name: str = "") -> dict[str, Any]:
    """Turn nested sections into keys with dots: {"a": {"b": 1}} becomes {"a.b": 1}.

    name: what all keys begin with.
    """
    if isinstance(values, dict) and values:
        parts = [flatten(value, f"{name}.{key}" if name else key) for key, value in values.items()]
        return {key: value for part in parts for key, value in part.items()}
    return {name: values}


def differences(before: dict[str, Any], after: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """List the keys whose values differ, sorted.

    name: what a key is called in the result.

    Returns {name: key, "before": value, "after": value} for each; a missing value is None.
    """
    return [
        {name: key, "before": before.get(key), "after": after.get(key)}
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]
