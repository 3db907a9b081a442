"""Run base and tuned model over the same texts and measure both."""

from pathlib import Path
from typing import Any

import numpy
import spacy
from spacy.language import Language
from spacy.tokens import Doc
from tqdm import tqdm

from scripts.runtime.kernels import choose_blis
from scripts.scoring.agreement import against_base_in_domain, agreement, count_on_purpose
from scripts.scoring.chance import resample
from scripts.scoring.figures import measure_labels, recall_of_mentions
from scripts.scoring.retention import measure_kept
from scripts.scoring.rows import Row, documents_of, make_row
from scripts.storage.docbins import read_docs
from scripts.storage.json_files import read_json


def evaluate(*, base: Path, tuned: Path, corpus: Path) -> tuple[list[Row], dict]:
    """Run both models over the test split and the general text, and score them.

    base, tuned: folders of pipelines.
    corpus: the folder that `preprocess` wrote.

    Returns the row of every text, and the content of scores.json.
    """
    data = read_json(corpus / "data.json")
    rows = predict_all(base, tuned, corpus, data["general_is_gold"])
    return rows, score_all(rows, data, read_mentions(corpus / "train"))


def predict(nlp: Language, docs: list[Doc], title: str) -> list[Doc]:
    """Run a whole pipeline over the texts of `docs`; a terminal shows a bar named `title`."""
    found = nlp.pipe(doc.text for doc in docs)
    return list(tqdm(found, total=len(docs), desc=title, unit=" texts", disable=None))


def score(predicted: list[Doc], gold: list[Doc], labels: list[str]) -> dict:
    """Measure predicted Docs against gold ones of the same texts, in the same order.

    Returns what `measure_labels` does, without intervals. Raises ValueError when the two lists are
    not of the same length.
    """
    pairs = zip(predicted, gold, strict=True)
    rows = [make_row("", str(i), truth, {"found": guess}) for i, (guess, truth) in enumerate(pairs)]
    return measure_labels(rows, "found", labels)


def predict_all(base: Path, tuned: Path, corpus: Path, gold_general: bool) -> list[Row]:
    """Run both models over test split and general text; return a row for each text.

    gold_general: whether the general text has gold entities; without, what the base finds there
        takes their place, so that agreement with the base is measured.
    """
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
    """The words, case-folded, and the label of every gold span in a folder of DocBins."""
    docs = read_docs(train, spacy.blank("xx").vocab)
    return {(ent.text.casefold(), ent.label_) for doc in docs for ent in doc.ents}


def score_all(rows: list[Row], data: dict, names: set[tuple[str, str]]) -> dict:
    """Score both models on the test split and the general text.

    rows: those of `predict_all`.
    data: the content of corpus/data.json.
    names: the names in train (`read_mentions`).

    Returns the content of scores.json: for each model `new`, `kept` and, where the test split has
    gold of the base's labels, `kept_in_domain`; then retention, agreement and gold of
    `measure_kept`, `agreement_in_domain`, and how many documents were measured on.
    """
    parts = {part: [row for row in rows if row["part"] == part] for part in ("test", "general")}
    draws = {part: resample(len(set(documents_of(own)))) for part, own in parts.items()}
    known, learned = data["base_labels"], data["labels"]
    found = measure_kept(
        parts["general"], known, learned, draws["general"], is_gold=data["general_is_gold"]
    )
    kept = found.pop("kept")
    # Labels of the base that the data does not teach. Where the test split has gold of them, what
    # is kept is measured in the new domain, too.
    others = sorted(set(known) - set(learned))
    in_domain = [label for label in others if label in data["spans"]["test"]]
    scores: dict = {}
    for name in ("base", "tuned"):
        new = measure_labels(parts["test"], name, learned, draws["test"])
        new |= recall_of_mentions(parts["test"], name, learned, names)
        scores[name] = {"new": new, "kept": kept[name]}
        if in_domain:
            own = measure_labels(parts["test"], name, in_domain, draws["test"])
            scores[name]["kept_in_domain"] = own
    scores |= found
    if others:
        scores["agreement_in_domain"] = measure_in_domain(
            parts["test"], others, learned, draws["test"]
        )
    return scores | {"documents": {part: draws[part].shape[1] for part in parts}}


def measure_in_domain(
    test: list[Row], labels: list[str], learned: list[str], draws: numpy.ndarray
) -> dict[str, Any]:
    """Measure agreement with the base on the labelled texts, without what gold takes on purpose.

    test: the rows of the test split.
    labels: the base's labels that the data does not teach. learned: those that it teaches.
    draws: bootstrap samples of the test split's documents (`resample`).

    Returns `agreement`, and `on_purpose` (`count_on_purpose`).
    """
    rows = against_base_in_domain(test, labels, learned)
    return agreement(rows, labels, learned, draws) | {
        "on_purpose": count_on_purpose(test, labels, learned)
    }
