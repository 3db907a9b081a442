"""Measure base and tuned model side by side: what was learned, what was kept.

    python -m scripts.evaluate training/base training/model corpus metrics

Both whole pipelines run over the test split and the general text. Writes scores.json (numbers from
0 to 1, counts beside them), predictions.jsonl (what was found in every text, so that commits can be
compared without running anything), labels.csv and confusion.csv (for `dvc plots`).
"""

import csv
from pathlib import Path

import numpy
import spacy
import srsly
import typer
from spacy.language import Language
from spacy.tokens import Doc
from tqdm import tqdm
from wasabi import msg

from scripts.docbins import read_docs
from scripts.errors import kinds
from scripts.kernels import choose_blis
from scripts.scoring import (
    Row,
    count,
    documents_of,
    draw,
    f_score,
    gold_and_found,
    interval,
    make_row,
    measure,
    recall_of_mentions,
)


def predict(nlp: Language, docs: list[Doc], title: str) -> list[Doc]:
    """Run a whole pipeline over the texts of `docs`."""
    texts = (doc.text for doc in docs)
    return list(tqdm(nlp.pipe(texts), total=len(docs), desc=title, unit=" texts"))


def score(predicted: list[Doc], gold: list[Doc], labels: list[str]) -> dict:
    """The figures of `labels` for predicted Docs against gold ones, without intervals."""
    pairs = zip(predicted, gold, strict=True)
    rows = [make_row("", str(i), truth, {"found": guess}) for i, (guess, truth) in enumerate(pairs)]
    return measure(rows, "found", labels)


def predict_all(base: Path, tuned: Path, corpus: Path, gold_general: bool) -> list[Row]:
    """Run both models over test split and general text; the base is gold where there is none."""
    choose_blis()
    models = {"base": spacy.load(base), "tuned": spacy.load(tuned)}
    rows = []
    for part in ("test", "general"):
        gold = list(read_docs(corpus / part, models["base"].vocab))
        found = {name: predict(nlp, gold, f"{name} on {part}") for name, nlp in models.items()}
        truths = gold if part == "test" or gold_general else found["base"]
        rows += [
            make_row(part, doc.user_data.get("doc", str(i)), truth, {"base": one, "tuned": other})
            for i, (doc, truth, one, other) in enumerate(
                zip(gold, truths, found["base"], found["tuned"], strict=True)
            )
        ]
    return rows


def read_mentions(train: Path) -> set[tuple[str, str]]:
    """The words in lower case and the label of every span in train."""
    docs = read_docs(train, spacy.blank("xx").vocab)
    return {(ent.text.casefold(), ent.label_) for doc in docs for ent in doc.ents}


def score_all(rows: list[Row], data: dict, known: set[tuple[str, str]]) -> dict:
    """Score both models on the test split and the general text.

    data: what `preprocess` wrote into data.json.
    known: the names in train (`read_mentions`).
    """
    parts = {part: [row for row in rows if row["part"] == part] for part in ("test", "general")}
    draws = {part: draw(len(set(documents_of(own)))) for part, own in parts.items()}
    # The labels that the base has and the data does not teach: what must not be lost. Measured on
    # the test split, too, where its gold has them.
    in_domain = sorted(set(data["spans"]["test"]) & set(data["base_labels"]) - set(data["labels"]))
    measured = {"new": ("test", data["labels"]), "kept": ("general", data["base_labels"])}
    if in_domain:
        measured["kept_in_domain"] = ("test", in_domain)
    scores: dict = {}
    for name in ("base", "tuned"):
        scores[name] = {
            key: measure(parts[part], name, labels, draws[part])
            for key, (part, labels) in measured.items()
        }
        scores[name]["new"] |= recall_of_mentions(parts["test"], name, data["labels"], known)
    kept = [scores[name]["kept"] for name in scores]
    scores["retention"] = retention(*kept)
    low, high = retention_interval(parts["general"], data["base_labels"], draws["general"])
    scores |= {"retention_low": low, "retention_high": high}
    scores["retention_per_label"] = {
        label: retention(*(block["per_label"][label] for block in kept))
        for label in data["base_labels"]
    }
    scores["documents"] = {part: draws[part].shape[1] for part in parts}
    return scores


def retention_interval(
    rows: list[Row], labels: list[str], draws: numpy.ndarray
) -> tuple[float | None, float | None]:
    """The interval of retention: base and tuned on the same documents; None where F is 0."""
    before, after = (
        f_score(draws @ sum(count(rows, name, labels).values())) if labels and rows else draws[:, 0]
        for name in ("base", "tuned")
    )
    return interval(after / before) if len(before) and before.all() else (None, None)


def retention(base: dict, tuned: dict) -> float | None:
    """The share of the base's F that is left; None where the base finds nothing."""
    return round(tuned["ents_f"] / base["ents_f"], 4) if base["ents_f"] else None


def write_labels(scores: dict, path: Path) -> None:
    """Write a row for each label of each measurement and model."""
    with path.open("w", encoding="utf8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["measured", "label", "model", "ents_p", "ents_r", "ents_f"])
        for name in ("base", "tuned"):
            for measured, block in scores[name].items():
                for label, figure in block["per_label"].items():
                    values = [figure[key] for key in ("ents_p", "ents_r", "ents_f")]
                    rows.writerow([measured, f"{label} ({measured})", name, *values])


def write_confusion(rows: list[Row], labels: list[str], path: Path) -> None:
    """Write a row for each entity of the test split: its gold label, and what was found there."""
    wanted = set(labels)
    with path.open("w", encoding="utf8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["gold", "tuned"])
        for row in rows:
            if row["part"] == "test":
                for _, truth, guess in kinds(*gold_and_found(row, "tuned", wanted)):
                    table.writerow([span[2] if span else "none" for span in (truth, guess)])


def evaluate(*, base: Path, tuned: Path, corpus: Path) -> tuple[list[Row], dict]:
    """Run both models and score them; return what was found in every text, and the scores."""
    data = srsly.read_json(corpus / "data.json")
    rows = predict_all(base, tuned, corpus, data["general_is_gold"])
    return rows, score_all(rows, data, read_mentions(corpus / "train"))


def main(base: Path, tuned: Path, corpus: Path, metrics: Path) -> None:
    """Measure base and tuned model side by side."""
    rows, scores = evaluate(base=base, tuned=tuned, corpus=corpus)
    metrics.mkdir(parents=True, exist_ok=True)
    # What says that the others are whole goes first and comes last.
    (metrics / "scores.json").unlink(missing_ok=True)
    srsly.write_jsonl(metrics / "predictions.jsonl", rows)
    write_labels(scores, metrics / "labels.csv")
    write_confusion(rows, list(scores["tuned"]["new"]["per_label"]), metrics / "confusion.csv")
    srsly.write_json(metrics / "scores.json", scores)
    new, kept = (
        f"{scores['base'][part]['ents_f']:.3f} → {scores['tuned'][part]['ents_f']:.3f}"
        for part in ("new", "kept")
    )
    msg.good(f"New labels: F {new}; kept: {kept} (retention {scores['retention']})")


if __name__ == "__main__":
    typer.run(main)
