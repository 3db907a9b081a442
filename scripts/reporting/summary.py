"""The summary of an evaluation, in about ten lines."""

from pathlib import Path
from typing import Any

from wasabi import color

from scripts.reporting.escape import printable
from scripts.scoring.verdict import doubts
from scripts.words import amount

REPORT = Path("metrics/report.html")
SCORES, DATA = Path("metrics/scores.json"), Path("corpus/data.json")
# Below this, agreement in the texts of test is worth a line.
NOTEWORTHY = 0.95
# What can become of an entity of the base, worst first.
CHANGED = ("lost", "relabelled", "gained", "moved")
# What a line about something doubtful begins with.
DOUBT = "⚠"


def change(base: dict, tuned: dict) -> str:
    """Say how F changed from base to tuned, with the interval of tuned."""
    bounds = between(tuned, "ents_f_low", "ents_f_high")
    return f"F {base['ents_f']:.3f} → {tuned['ents_f']:.3f}{bounds}"


def between(scores: dict, low: str, high: str) -> str:
    """An interval in brackets; nothing where `scores` has none.

    low, high: the keys of its bounds in `scores`.
    """
    return "" if scores.get(low) is None else f" ({scores[low]:.3f} to {scores[high]:.3f})"


def rank(per_label: dict[str, dict]) -> str:
    """Name the labels with their F, the best first; of more than four the two at either end."""
    ranked = sorted(per_label, key=lambda label: -per_label[label]["ents_f"])
    shown = [f"{label} {per_label[label]['ents_f']:.2f}" for label in ranked]
    return ", ".join(shown if len(shown) <= 4 else [*shown[:2], "...", *shown[-2:]])


def judge(scores: dict, data: dict) -> list[str]:
    """Say in words what to make of the figures: what speaks against them, and what to do."""
    lines = [f"{DOUBT} {doubt.what} → {doubt.todo}" for doubt in doubts(scores, data)]
    return lines or ["learned; dev and test are large enough to say so"]


def learned(base: dict, tuned: dict, documents: int) -> list[str]:
    """Say how well the new labels were learned: in all, and the best and worst of them.

    base, tuned: the figures of the new labels. documents: how many the test split has.
    """
    gold = tuned["true_positives"] + tuned["misses"]
    seen, unseen = (tuned[key]["ents_r"] for key in ("seen", "unseen"))
    return [
        f"{change(base, tuned)} on {amount(gold, 'entity', 'entities')} in "
        f"{amount(documents, 'document')}",
        f"{rank(tuned['per_label'])}; found of names in train {seen:.2f}, of others {unseen:.2f}",
    ]


def kept(scores: dict, data: dict) -> list[str]:
    """Say how well the base's labels were kept: on general text, and in the texts of test."""
    base, tuned = scores["base"], scores["tuned"]
    lines = [kept_in_general(scores)]
    if "kept_in_domain" in tuned:
        both = change(base["kept_in_domain"], tuned["kept_in_domain"])
        lines.append(f"{both} of the base's labels in your test texts")
    lines += changed_in_domain(scores, data)
    if data["dropped_labels"]:
        names = ", ".join(data["dropped_labels"])
        lines.append(f"Replaced: the model no longer finds {names} (training.strategy: replace)")
    return lines


def kept_in_general(scores: dict) -> str:
    """Say what is kept on general text: first by what retention is of, then by the other."""
    agreed, gold = scores["agreement"], scores["gold"]
    both = change(scores["base"]["kept"], scores["tuned"]["kept"])
    if scores["retention"] is None:
        return "retention unknown: the base finds nothing in the general text"
    retention = f"retention {scores['retention']:.3f}" + between(
        scores, "retention_low", "retention_high"
    )
    if scores["retention_by"] == "gold":
        other = f"{agreed['ents_f']:.3f}{between(agreed, 'ents_f_low', 'ents_f_high')}"
        return f"{both} on general text; {retention} by gold, agreement with the base {other}"
    line = f"{retention}: agreement with the base on general text, {entities_of(agreed)}"
    return line + (f"; {both} by gold, on {', '.join(gold['labels'])}" if counts(gold) else "")


def counts(gold: dict | None) -> bool:
    """Whether gold counts for any label of the base. gold: of scores.json; None without any."""
    return bool(gold and gold["labels"])


def entities_of(agreed: dict) -> str:
    """Say how many entities the base finds."""
    return amount(agreed["true_positives"] + agreed["misses"], "entity", "entities")


def rank_least(agreed: dict) -> str:
    """Name the two labels of the base on which the tuned model agrees least with it."""
    known = {
        label: own["ents_f"]
        for label, own in agreed["per_label"].items()
        if own["ents_f"] is not None
    }
    least = sorted(known, key=lambda label: (known[label], label))[:2]
    return ", ".join(f"{label} {known[label]:.2f}" for label in least)


def changed_in_domain(scores: dict, data: dict) -> list[str]:
    """Say what became of the base's entities in the texts of test, where much did.

    Nothing is said where the base's labels were given up on purpose.
    """
    agreed = scores.get("agreement_in_domain")
    if not agreed or data["dropped_labels"] or agreed["ents_f"] is None:
        return []
    if agreed["ents_f"] >= NOTEWORTHY:
        return []
    changes = agreed["changes"]
    what = ", ".join(f"{changes[name]:,} {name}" for name in CHANGED if changes[name])
    return [
        f"agreement with the base in your test texts {agreed['ents_f']:.3f}: of "
        f"{entities_of(agreed)} {what}; least: {rank_least(agreed)}"
    ]


def since(comparison: dict[str, Any] | None) -> list[str]:
    """Say what changed since the last commit; nothing without a comparison."""
    if not comparison:
        return []
    parts = [
        f"{row['measured']} F {row['difference']:+.3f} (p {row['p']:.3f})"
        for row in comparison["rows"]
        if row["label"] == "all"
    ]
    better, worse = len(comparison["better"]), len(comparison["worse"])
    return [f"{', '.join(parts)}; {amount(better, 'text')} better, {worse:,} worse"]


def warnings(data: dict) -> list[str]:
    """Say what is wrong with the data, and which labels may mean the same as one of the base."""
    lines = []
    if found := sum(data["findings"].values()):
        lines.append(
            f"{amount(found, 'finding')} ({', '.join(data['findings'])}): corpus/findings.html"
        )
    for label, rivals in data["rivals"].items():
        names = ", ".join(rivals)
        lines.append(f"{label} is often the base's {names}: data.rename, if they mean the same")
    return lines or ["nothing found that is wrong"]


def install(wheel: Path) -> str:
    """Say how to install and load a package, whatever is installed under its name.

    A version with a mark of the content is another one after every training. Without a mark, pip
    would find the version installed, and do nothing.
    """
    name, version = wheel.name.split("-")[:2]
    options = "" if "+" in version else "--force-reinstall --no-deps "
    return f'pip install {options}{wheel}, then spacy.load("{name}")'


def summary(
    scores: dict, data: dict, comparison: dict[str, Any] | None, wheels: list[Path]
) -> list[tuple[str, list[str]]]:
    """Make the summary: pairs of a heading and its lines, safe to print in a terminal.

    scores, data: metrics/scores.json and corpus/data.json.
    comparison: what differs from the last commit; None where nothing can be compared.
    wheels: the packages that were built.
    """
    documents = scores["documents"]["test"]
    experiment = "dvc exp run -S training.max_epochs=50; weasel run compare"
    parts = [
        ("Verdict", judge(scores, data)),
        ("Learned", learned(scores["base"]["new"], scores["tuned"]["new"], documents)),
        ("Kept", kept(scores, data)),
        ("Since HEAD", since(comparison)),
        ("Data", warnings(data)),
        ("Report", [f"{REPORT}, for a browser; model: training/model"]),
        (
            "Next",
            [*map(install, wheels), experiment],
        ),
    ]
    return [(name, [*map(printable, lines)]) for name, lines in parts]


def as_text(parts: list[tuple[str, list[str]]]) -> str:
    """Lay the summary out for a terminal, with the headings in a column of their own."""
    return "\n".join(
        f"{color(f'{name if number == 0 else str():12}', bold=True)}"
        f"{color(line, fg='yellow', bold=True) if line.startswith(DOUBT) else line}"
        for name, lines in parts
        for number, line in enumerate(lines)
    )
