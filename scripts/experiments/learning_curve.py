"""The score over the amount of training data, and whether more of it would help."""

from typing import Any

from scripts.experiments.naming import NEW_F, RETENTION, Changes

SHARES = (0.25, 0.5, 0.75, 1.0)
COLUMNS = {
    "share": "data.train_share",
    "new_f": NEW_F,
    "low": f"{NEW_F}_low",
    "high": f"{NEW_F}_high",
    "retention": RETENTION,
}


def points_of(commit: str) -> dict[str, Changes]:
    """The experiments of a learning curve, by their names, from the smallest share to the whole."""
    return {f"learning-{commit}-{share}": {"data.train_share": share} for share in SHARES}


def advice(row: dict[str, Any]) -> str:
    """What the step from three quarters of the training data to all of it says.

    row: the row of `compare_revisions` for all new labels.
    """
    step = f"From three quarters to all, F changes by {row['difference']:+.3f} (p = {row['p']:.4f})"
    if row["p"] < 0.05 and row["difference"] > 0:
        return f"{step}: more annotation is likely to help."
    return f"{step}: from this it cannot be said that more annotation would help."
