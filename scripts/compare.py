"""Compare two commits: is the second model better, where, and could it be chance?

    python -m scripts.compare [BEFORE] [AFTER]

Each is a commit, branch, tag or the name of an experiment; `workspace` is what lies in the folder.
Without arguments: the last commit against the workspace. Nothing is run: every evaluation's
predictions are in DVC's cache (`dvc fetch` brings those of another machine). The same texts with
the same gold are compared; what only one of the two has is left out, and said.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import dvc.api
import numpy
import srsly
import typer
from dvc.exceptions import DvcException
from dvc.scm import SCMError
from scmrepo.exceptions import SCMError as GitError
from scmrepo.git import Git
from wasabi import msg

from scripts.errors import kinds
from scripts.escape import escape, printable
from scripts.scoring import Row, count, difference, documents_of, draw, gold_and_found

WORKSPACE = "workspace"
PREDICTIONS = "metrics/predictions.jsonl"
SHOWN = 10
MEASURED = {"new": "test", "kept": "general"}


class CompareError(Exception):
    """Why two revisions cannot be compared, and what to do."""


def resolve(name: str) -> str | None:
    """The commit of a revision or experiment; None for the workspace."""
    if name == WORKSPACE:
        return None
    try:
        git = Git(".")
        experiments = [ref for ref in git.iter_refs(base="refs/exps") if ref.endswith(f"/{name}")]
        return git.resolve_rev(experiments[0] if experiments else name)
    except GitError:
        raise CompareError(f"{name} is no commit, branch, tag or experiment here.") from None


def read(path: str, name: str) -> str:
    """The text of a file at a revision, out of git or DVC's cache."""
    commit = resolve(name)
    try:
        if commit is None:
            return Path(path).read_text(encoding="utf8")
        return dvc.api.read(path, rev=commit, encoding="utf8")
    except (OSError, DvcException, SCMError) as error:
        advice = (
            "make run" if commit is None else "dvc fetch --all-commits, or run that commit again"
        )
        raise CompareError(f"{name} has no {path}: {advice} ({error}).") from None


def read_rows(name: str) -> list[Row]:
    """The predictions of a revision."""
    return [json.loads(line) for line in read(PREDICTIONS, name).splitlines()]


def pair_rows(before: list[Row], after: list[Row]) -> tuple[list[Row], list[str]]:
    """Texts that both have, with the same gold: what either model found; and what was left out."""

    def key(row: Row) -> str:
        return json.dumps([row[x] for x in ("part", "text", "gold", "unknown")])

    known: dict[str, list[Row]] = {}
    for row in before:
        known.setdefault(key(row), []).append(row)
    pairs = []
    for row in after:
        if same := known.get(key(row)):
            pairs.append(row | {"before": same.pop(0)["tuned"], "after": row["tuned"]})
    notes = []
    for part in MEASURED.values():
        sizes = [sum(row["part"] == part for row in rows) for rows in (pairs, before, after)]
        if sizes[1:] and not sizes[0]:
            raise CompareError(f"The two have no text of {part} in common: nothing to compare.")
        if len(set(sizes)) > 1:
            notes.append(
                f"The texts of {part} differ: {sizes[0]:,} are compared, which both have with the "
                f"same gold, of {sizes[1]:,} before and {sizes[2]:,} after."
            )
    return pairs, notes


def labels_of(name: str) -> dict[str, set[str]]:
    """The labels that a revision measured, new and kept."""
    tuned = json.loads(read("metrics/scores.json", name))["tuned"]
    return {measured: set(tuned[measured]["per_label"]) for measured in MEASURED}


def compare_labels(rows: list[Row], measured: str, labels: list[str]) -> list[dict[str, Any]]:
    """F before and after of all labels and of each, with interval and p-value."""
    draws = draw(len(set(documents_of(rows))))
    counts = [count(rows, model, labels) for model in ("before", "after")]
    all_labels = [numpy.sum([*each.values()], axis=0) for each in counts]
    table = [("all", all_labels)] if labels else []
    table += [(label, [each[label] for each in counts]) for label in labels]
    return [
        {"measured": measured, "label": label} | difference(before, after, draws)
        for label, (before, after) in table
    ]


def compare_documents(rows: list[Row], labels: set[str]) -> dict[str, list[dict[str, Any]]]:
    """The texts that got better and worse, by the change in right minus wrong, the most first."""
    changed = []
    for row in rows:
        score = {}
        for model in ("before", "after"):
            found = Counter(kind for kind, _, _ in kinds(*gold_and_found(row, model, labels)))
            score[model] = 2 * found["right"] - found.total()
        if change := score["after"] - score["before"]:
            changed.append({key: row[key] for key in ("part", "doc", "text")} | {"change": change})
    return {
        "better": sorted((x for x in changed if x["change"] > 0), key=lambda x: -x["change"]),
        "worse": sorted((x for x in changed if x["change"] < 0), key=lambda x: x["change"]),
    }


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


def read_data(name: str) -> dict[str, str]:
    """The hashes of what the stages read that no stage made, scripts apart."""
    stages = srsly.yaml_loads(read("dvc.lock", name))["stages"]
    made = {out["path"] for stage in stages.values() for out in stage.get("outs", [])}
    deps = {dep["path"]: dep["md5"] for stage in stages.values() for dep in stage.get("deps", [])}
    return {
        path: md5
        for path, md5 in deps.items()
        if path not in made and not path.startswith("scripts/")
    }


def compare_revisions(before: str = "HEAD", after: str = WORKSPACE) -> dict[str, Any]:
    """Everything that differs between two revisions; raises CompareError."""
    rows, notes = pair_rows(read_rows(before), read_rows(after))
    labels = [labels_of(name) for name in (before, after)]
    wanted = {key: sorted(labels[0][key] | labels[1][key]) for key in MEASURED}
    table = [
        line
        for measured, part in MEASURED.items()
        for line in compare_labels(
            [row for row in rows if row["part"] == part], measured, wanted[measured]
        )
    ]
    old, new = (flatten(srsly.yaml_loads(read("params.yaml", name))) for name in (before, after))
    return {
        "before": before,
        "after": after,
        "notes": notes,
        "rows": table,
        **compare_documents(rows, {label for each in wanted.values() for label in each}),
        "params": differences(old, new, "key"),
        "data": differences(read_data(before), read_data(after), "path"),
    }


def verdict(row: dict[str, Any]) -> str:
    """What a difference means, in a word."""
    if not row["difference"]:
        return "the same"
    if row["p"] >= 0.05:
        return "could be chance"
    return "better" if row["difference"] > 0 else "worse"


def table_of(result: dict[str, Any]) -> list[tuple[str, ...]]:
    """The lines of the table per label."""
    return [
        (
            printable(f"{row['label']} ({row['measured']})"),
            f"{row['before']:.3f}",
            f"{row['after']:.3f}",
            f"{row['difference']:+.3f}",
            f"{row['low']:+.3f} to {row['high']:+.3f}",
            f"{row['p']:.4f}",
            verdict(row),
        )
        for row in result["rows"]
    ]


def headers(result: dict[str, Any]) -> tuple[str, ...]:
    """The header of that table."""
    return ("F of", result["before"], result["after"], "change", "95% interval", "p", "")


def lists_of(result: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """What else differs: a title and lines, as far as there is any."""
    lists = [
        (title, [f"{x[name]}: {x['before']} → {x['after']}" for x in result[key]])
        for title, key, name in (("Parameters", "params", "key"), ("Data", "data", "path"))
    ]
    for title in ("better", "worse"):
        lines = [
            printable(
                f"{x['change']:+d} {x['part']} {x['doc']}: {' '.join(x['text'].split())[:100]}"
            )
            for x in result[title]
        ]
        more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
        lists.append((f"{len(lines)} texts got {title}", lines[:SHOWN] + more))
    return [(title, lines) for title, lines in lists if lines]


def as_code(text: str) -> str:
    """Text on one line of Markdown that cannot become markup."""
    return f"`{' '.join(text.split()).replace('`', chr(39))}`"


def as_markdown(result: dict[str, Any]) -> str:
    """The comparison for a pull request; text cannot become markup."""
    aligns = ["---", *["---:"] * 5, "---"]
    rows = [headers(result), aligns, *table_of(result)]
    lines = [f"{note}\n" for note in result["notes"]]
    lines += ["| " + " | ".join(map(escape, row)) + " |" for row in rows]
    for title, items in lists_of(result):
        lines += ["", f"**{title}**", "", *(f"- {as_code(item)}" for item in items)]
    return "\n".join(lines)


def show(result: dict[str, Any]) -> None:
    """Print the comparison."""
    for note in result["notes"]:
        msg.warn(note)
    aligns = ("l", *"rrrrr", "l")
    msg.table(table_of(result), header=headers(result), divider=True, aligns=aligns)
    for title, lines in lists_of(result):
        msg.info(title)
        print("\n".join(f"  {line}" for line in lines))


def main(
    before: str = typer.Argument("HEAD", help="A commit, branch, tag or experiment"),
    after: str = typer.Argument(WORKSPACE, help="The same; workspace is what lies here"),
    md: bool = typer.Option(False, "--md", help="Markdown, for a pull request"),
    as_json: bool = typer.Option(False, "--json", help="JSON, for programs"),
) -> None:
    """Compare two commits: is the second model better, where, and could it be chance?"""
    try:
        result = compare_revisions(before, after)
    except CompareError as error:
        if not md:
            msg.fail(str(error), exits=1)
        print(f"There is no comparison: {as_code(str(error))}")
        raise SystemExit(1) from None
    if as_json:
        print(json.dumps(result, indent=2, ensure_ascii=False))
    elif md:
        print(as_markdown(result))
    else:
        show(result)


if __name__ == "__main__":
    typer.run(main)
