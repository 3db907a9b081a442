"""Measure base and tuned model side by side: what was learned, what was kept.

    python -m scripts.evaluate training/base training/model corpus metrics

Both whole pipelines run over the test split and the general text. Writes scores.json (numbers from
0 to 1, counts beside them) and labels.csv (a row for each label and model, for `dvc plots`).
"""

import csv
from collections.abc import Iterable
from pathlib import Path

import spacy
import srsly
import typer
from spacy.language import Language
from spacy.scorer import PRFScore
from spacy.tokens import Doc
from tqdm import tqdm
from wasabi import msg

from scripts.docbins import read_docs

Spans = set[tuple[int, int, str]]


def predict(nlp: Language, docs: list[Doc], title: str) -> list[Doc]:
    """Run a whole pipeline over the texts of `docs`."""
    texts = (doc.text for doc in docs)
    return list(tqdm(nlp.pipe(texts), total=len(docs), desc=title, unit=" texts"))


def entities(doc: Doc, labels: Iterable[str]) -> Spans:
    """The entities with one of `labels`, as characters and label."""
    wanted = set(labels)
    return {(e.start_char, e.end_char, e.label_) for e in doc.ents if e.label_ in wanted}


def unknown_characters(gold: Doc) -> set[int]:
    """Where the tokens begin of which the gold says nothing."""
    return {token.idx for token in gold if not token.ent_iob}


def score(predicted: list[Doc], gold: list[Doc], labels: list[str]) -> dict:
    """Precision, recall, F and counts of exact entities, over all labels and for each.

    A predicted entity counts neither way where it touches a token that the gold leaves open.
    """
    total, per_label = PRFScore(), {label: PRFScore() for label in labels}
    for guess, truth in zip(predicted, gold, strict=True):
        unknown = unknown_characters(truth)
        right = entities(truth, labels)
        found = {
            (start, end, label)
            for start, end, label in entities(guess, labels)
            if not any(start <= at < end for at in unknown)
        }
        total.score_set(found, right)
        for label, prf in per_label.items():
            prf.score_set({s for s in found if s[2] == label}, {s for s in right if s[2] == label})
    return figures(total) | {"per_label": {k: figures(v) for k, v in per_label.items()}}


def figures(prf: PRFScore) -> dict:
    """What scores.json says of a score."""
    return {
        "ents_p": round(prf.precision, 4),
        "ents_r": round(prf.recall, 4),
        "ents_f": round(prf.fscore, 4),
        "true_positives": prf.tp,
        "false_positives": prf.fp,
        "misses": prf.fn,
    }


def evaluate(*, base: Path, tuned: Path, corpus: Path) -> dict:
    """Score both models on the test split and the general text."""
    data = srsly.read_json(corpus / "data.json")
    models = {"base": spacy.load(base), "tuned": spacy.load(tuned)}
    gold = {
        part: list(read_docs(corpus / part, models["base"].vocab)) for part in ("test", "general")
    }
    guesses = {
        (name, part): predict(nlp, docs, f"{name} on {part}")
        for name, nlp in models.items()
        for part, docs in gold.items()
    }
    if not data["general_is_gold"]:
        gold["general"] = guesses["base", "general"]
    # The labels that the base has and the data does not teach: what must not be lost. Measured on
    # the test split, too, where its gold has them.
    in_domain = sorted(set(data["spans"]["test"]) & set(data["base_labels"]) - set(data["labels"]))
    scores: dict = {}
    for name in models:
        scores[name] = {
            "new": score(guesses[name, "test"], gold["test"], data["labels"]),
            "kept": score(guesses[name, "general"], gold["general"], data["base_labels"]),
        }
        if in_domain:
            scores[name]["kept_in_domain"] = score(guesses[name, "test"], gold["test"], in_domain)
    kept = [scores[name]["kept"] for name in models]
    scores["retention"] = retention(*kept)
    scores["retention_per_label"] = {
        label: retention(*(block["per_label"][label] for block in kept))
        for label in data["base_labels"]
    }
    return scores


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


def main(base: Path, tuned: Path, corpus: Path, metrics: Path) -> None:
    """Measure base and tuned model side by side."""
    scores = evaluate(base=base, tuned=tuned, corpus=corpus)
    metrics.mkdir(parents=True, exist_ok=True)
    srsly.write_json(metrics / "scores.json", scores)
    write_labels(scores, metrics / "labels.csv")
    new, kept = (
        f"{scores['base'][part]['ents_f']:.3f} → {scores['tuned'][part]['ents_f']:.3f}"
        for part in ("new", "kept")
    )
    msg.good(f"New labels: F {new}; kept: {kept} (retention {scores['retention']})")


if __name__ == "__main__":
    typer.run(main)
