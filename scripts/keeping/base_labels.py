"""What the base model says of labelled texts.

It predicts its labels where the data leaves tokens open, and it shows which labels of the data
mean what a label of its own means.
"""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from tqdm import tqdm

from scripts.base.recognizers import find_entity_setters
from scripts.runtime.kernels import choose_blis
from scripts.runtime.workers import in_order
from scripts.scoring.gold import shares_seen
from scripts.scoring.rows import Row, make_row
from scripts.storage.docbins import ATTRS, add_doc, pack

# A label is contested if the base gives at least this share of its spans labels of its own, and
# those that it gives at least a tenth of them are its rivals: a base of many labels has many that a
# name can pass for.
CONTESTED, RIVAL = 0.2, 0.1
# So many texts with spans are looked at.
RIVAL_TEXTS = 500


class Filler:
    """What a worker process holds: the base model, and the labels it fills in. Called with a path.

    base_and_labels: the base model's folder, and the labels that are taken from its predictions.
    """

    def __init__(self, base_and_labels: tuple[Path, set[str]]) -> None:
        choose_blis()
        base, self.labels = base_and_labels
        self.nlp = spacy.load(base)

    def __call__(self, path: Path) -> bytes:
        """Return the DocBin at `path` with the labels filled in."""
        return add_predictions(self.nlp, self.labels, path)


def add_predictions(nlp: Language, labels: set[str], path: Path) -> bytes:
    """Return a DocBin whose tokens outside of entities have what the base predicts of `labels`.

    Entities that are set stay, and so do tokens that are missing because a span was unusable.
    """
    filled = DocBin(attrs=ATTRS, store_user_data=True)
    with nlp.memory_zone():
        docs = list(DocBin().from_disk(path).get_docs(nlp.vocab))
        guesses = nlp.pipe(doc.text for doc in docs)
        for doc, guess in zip(docs, guesses, strict=True):
            found = [ent for ent in guess.ents if ent.label_ in labels]
            if found:
                unknown = [doc[t.i : t.i + 1] for t in doc if not t.ent_iob]
                known = {t.i for span in [*doc.ents, *unknown] for t in span}
                new = [
                    Span(doc, span.start, span.end, span.label_)
                    for span in found
                    if not known & set(range(span.start, span.end))
                ]
                doc.set_ents([*doc.ents, *new], missing=unknown, default="outside")
            add_doc(filled, doc, doc.user_data.get("doc", ""))
        return pack(nlp.vocab, filled)


def fill_train_and_dev(
    folder: Path, unlabelled: str, base: Path, labels: set[str], jobs: int
) -> None:
    """Add the base's predictions of `labels` to the DocBins of train and dev in `folder`.

    unlabelled: data.unlabelled; unless it is base, only dev's general text gets predictions.
    """
    shards = [*sorted((folder / "train").iterdir()), *sorted((folder / "dev").iterdir())]
    if unlabelled != "base":
        shards = [path for path in shards if path.name == "general.spacy"]
    bar = tqdm(shards, "Base model on train and dev", unit=" shards", disable=None)
    for path, filled in zip(shards, in_order(Filler, (base, labels), bar, jobs), strict=True):
        path.write_bytes(filled)


def find_rivals(nlp: Language, train: Iterable[Doc]) -> dict[str, dict[str, float]]:
    """Find labels of the data that the base often predicts as a label of its own.

    Such a name is the base's label in general text and another one in the data, so that neither
    label can be learned well (docs/keeping.md).

    train: labelled Docs; the first `RIVAL_TEXTS` that have spans are looked at.
    Returns, for each such label, the base's labels with the share of spans that get them.
    """
    marked = list(islice((doc for doc in train if doc.ents), RIVAL_TEXTS))
    rivals = {}
    for label, shares in shares_seen(predict_rows(nlp, marked, "Base model on names")).items():
        others = {other: share for other, share in shares.items() if other != label}
        if sum(others.values()) >= CONTESTED:
            rivals[label] = {other: share for other, share in others.items() if share >= RIVAL}
    return {label: own for label, own in rivals.items() if own}


def predict_rows(nlp: Language, docs: list[Doc], title: str) -> list[Row]:
    """Run the base over texts with or without gold, and return the row of each (`make_row`).

    title: what a terminal's bar is called.
    """
    texts = tqdm((doc.text for doc in docs), title, len(docs), disable=None)
    guesses = nlp.pipe(texts)
    return [
        make_row("", "", doc, {"base": guess}) for doc, guess in zip(docs, guesses, strict=True)
    ]


def entity_labels(nlp: Language) -> set[str]:
    """The labels of every component of a pipeline that sets entities."""
    return {label for name in find_entity_setters(nlp) for label in nlp.pipe_labels.get(name, [])}
