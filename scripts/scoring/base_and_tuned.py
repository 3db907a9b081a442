"""Base and tuned model are run and measured side by side."""

from pathlib import Path

import spacy
from spacy.language import Language
from spacy.tokens import Doc
from tqdm import tqdm

from scripts.runtime.kernels import choose_blis
from scripts.scoring.chance import draw
from scripts.scoring.figures import measure, recall_of_mentions
from scripts.scoring.retention import retention, retention_interval
from scripts.scoring.rows import Row, documents_of, make_row
from scripts.storage.docbins import read_docs


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
