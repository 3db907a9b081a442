"""What differs between two mappings."""

from typing import Any


def flatten(values: Any, name: str = "") -> dict[str, Any]:
    """Nested sections as keys with dots."""
    if isinstance(values, dict) and values:
        parts = [flatten(value, f"{name}.{key}" if name else key) for key, value in values.items()]
        return {key: value for part in parts for key, value in part.items()}
    return {name: values}


def differences(before: dict[str, Any], after: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The keys whose values differ."""
    return [
        {name: key, "before": before.get(key), "after": after.get(key)}
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]
