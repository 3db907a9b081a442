"""A comparison of two revisions as text: for a terminal, and as Markdown for a pull request."""

from typing import Any

from wasabi import msg

from scripts.provenance.comparison import verdict
from scripts.reporting.escape import escape, printable
from scripts.words import amount

# How many texts that got better, and how many that got worse, are listed.
SHOWN = 10


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
    kept = result["retention"]
    lists = [("Retention", [f"{kept['before']} → {kept['after']}"])]
    lists += [
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
        lists.append((f"{amount(len(lines), 'text')} got {title}", lines[:SHOWN] + more))
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
