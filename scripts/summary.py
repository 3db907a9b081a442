"""Say what the last run came to, for a person.

    python -m scripts.summary

Imports nothing heavy: it runs at the end of every `weasel run all`, also where nothing was to do.
"""

import json
from pathlib import Path

from wasabi import msg, table


def row(name: str, base: dict, tuned: dict) -> tuple[str, ...]:
    """A line of the table: F of base and tuned, the change, and how many entities it rests on."""
    before, after = base["ents_f"], tuned["ents_f"]
    gold = tuned["true_positives"] + tuned["misses"]
    return (name, f"{before:.3f}", f"{after:.3f}", f"{after - before:+.3f}", str(gold))


def summary(scores: dict, data: dict, wheels: list[Path]) -> str:
    """The text of the summary."""
    base, tuned = scores["base"], scores["tuned"]
    rows = [row("Learned: all new labels", base["new"], tuned["new"])]
    for label, figures in tuned["new"]["per_label"].items():
        rows.append(row(f"  {label}", base["new"]["per_label"][label], figures))
    rows.append(row("Kept: the base's labels, general text", base["kept"], tuned["kept"]))
    for label, figures in tuned["kept"]["per_label"].items():
        if figures["true_positives"] + figures["misses"]:
            rows.append(row(f"  {label}", base["kept"]["per_label"][label], figures))
    if "kept_in_domain" in tuned:
        name = "Kept: the base's labels, your test texts"
        rows.append(row(name, base["kept_in_domain"], tuned["kept_in_domain"]))
    lines = [
        table(
            rows,
            header=("", "base F", "tuned F", "change", "entities"),
            divider=True,
            aligns=("l", "r", "r", "r", "r"),
            max_col=60,
        ),
        "Retention "
        + ("unknown" if scores["retention"] is None else f"{scores['retention']:.3f}")
        + ": the share of the base's F on general text that is left"
        + ("." if data["general_is_gold"] else " (agreement with the base: the text has no gold)."),
    ]
    if data["dropped_labels"]:
        names = ", ".join(data["dropped_labels"])
        lines.append(f"Replaced: the model no longer finds {names} (training.strategy: replace).")
    for label, rivals in data["rivals"].items():
        names = ", ".join(rivals)
        lines.append(f"{label} is often the base's {names}: data.rename, if they mean the same.")
    if found := sum(data["findings"].values()):
        codes = ", ".join(data["findings"])
        lines.append(f"{found:,} findings in the data ({codes}): corpus/findings.html")
    lines += ["", "Model    training/model", "Figures  metrics/scores.json, dvc plots show"]
    for wheel in wheels:
        name = wheel.name.split("-")[0]
        lines += [f"Wheel    {wheel}", "", "Next:"]
        lines += [f'  pip install {wheel}, then spacy.load("{name}")']
    lines += [
        "  dvc exp run -S training.max_epochs=50    try another value",
        "  dvc metrics diff HEAD                    compare with the last commit",
    ]
    return "\n".join(lines)


def main() -> None:
    """Print the summary of what lies in the project's folder."""
    try:
        scores = json.loads(Path("metrics/scores.json").read_text(encoding="utf8"))
        data = json.loads(Path("corpus/data.json").read_text(encoding="utf8"))
    except FileNotFoundError as error:
        msg.fail(f"{error.filename} is not there yet: make run", exits=1)
    msg.divider("What was learned, what was kept")
    print(summary(scores, data, sorted(Path("packages").glob("*.whl"))))


if __name__ == "__main__":
    main()
