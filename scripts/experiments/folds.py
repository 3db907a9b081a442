"""Every text is tested once, by a model that did not learn from it (k-fold cross-validation).

Each fold is an experiment with another `data.fold`. What all of them found is put together and
measured as if one model had found it, so that the interval is that of all documents: of the mean of
five small test splits there is no such interval.
"""

import json
from itertools import chain
from typing import Any, NamedTuple

from scripts.experiments.naming import Changes
from scripts.experiments.tables import add_origin, refuse_missing
from scripts.intake.ranks import find_lone_document, rank_documents
from scripts.intake.splits import find_sources
from scripts.params import Params, with_values
from scripts.provenance.revisions import SCORES, Revision
from scripts.scoring.chance import resample
from scripts.scoring.figures import measure_labels
from scripts.scoring.retention import measure_kept
from scripts.scoring.rows import Row, documents_of
from scripts.scoring.verdict import doubt_learned, too_small

KEPT = ("retention", "retention_low", "retention_high", "retention_by")
"""What scores.json and the table say of what was kept."""


class Fold(NamedTuple):
    """What came of a fold."""

    name: str
    """As in `data.fold`, such as 2/5; "all" for all folds together."""
    new: dict[str, Any]
    """Figures of the new labels, as scores.json has them."""
    documents: int
    """How many documents it was tested on."""
    kept: dict[str, float | str | None]
    """Retention with its interval and what it is of, by KEPT; None where the base finds nothing."""


def experiments_of(commit: str, folds: int) -> dict[str, Changes]:
    """The experiments, by their names: one for each fold."""
    return {
        f"folds-{commit}-{number}of{folds}": {"data.fold": f"{number}/{folds}"}
        for number in range(1, folds + 1)
    }


def refuse_few(params: Params, folds: int) -> None:
    """Raise DataError where there are too few documents for so many folds, before any is run."""
    data = with_values(params, {"data.fold": f"1/{folds}"}).data
    sources, shares = find_sources(data)
    rank_documents(sources, shares, data, find_lone_document(sources, data.unlabelled))


def read_folds(commit: str, names: list[str]) -> list[tuple[dict[str, Any], list[Row]]]:
    """The scores and predictions of each fold.

    Raises ExperimentError where a fold has no result.
    """
    refuse_missing(commit, names, "folds")
    revisions = [Revision(name) for name in names]
    return [(json.loads(one.read(SCORES)), one.predictions()) for one in revisions]


def own_result(name: str, scores: dict[str, Any]) -> Fold:
    """The result of one fold.

    scores: its scores.json.
    """
    kept = {key: scores[key] for key in KEPT}
    return Fold(name, scores["tuned"]["new"], scores["documents"]["test"], kept)


def pool(folds: list[tuple[dict[str, Any], list[Row]]]) -> Fold:
    """The result of all folds together.

    folds: of `read_folds`. A document is tested on in one fold alone; the general text is the same
    in all, and the counts of a document are added up over the folds.
    """
    rows = list(chain.from_iterable(rows for _, rows in folds))
    test, general = ([row for row in rows if row["part"] == part] for part in ("test", "general"))
    # A rare label can be missing in what one fold learns from.
    labels = sorted({label for scores, _ in folds for label in scores["tuned"]["new"]["per_label"]})
    first = folds[0][0]
    known, is_gold = list(first["agreement"]["per_label"]), first["gold"] is not None
    documents, others = (len(set(documents_of(part))) for part in (test, general))
    found = measure_kept(general, known, labels, resample(others), is_gold=is_gold)
    return Fold(
        "all",
        measure_labels(test, "tuned", labels, resample(documents)),
        documents,
        {key: found[key] for key in KEPT},
    )


def table_of(folds: list[Fold], everything: Fold) -> list[dict[str, Any]]:
    """The rows of the table: each fold, all together, and all together for each label."""
    rows = [row_of(fold, "all", fold.new) | fold.kept for fold in [*folds, everything]]
    return rows + [
        row_of(everything, label, own) | dict.fromkeys(KEPT, "")
        for label, own in everything.new["per_label"].items()
    ]


def row_of(fold: Fold, label: str, figures: dict[str, Any]) -> dict[str, Any]:
    """What a row says of a fold and a label, or of all labels."""
    return {
        "fold": fold.name,
        "label": label,
        "documents": fold.documents,
        "entities": figures["true_positives"] + figures["misses"],
        "new_f": figures["ents_f"],
        "low": figures["ents_f_low"],
        "high": figures["ents_f_high"],
    }


def with_origin(
    rows: list[dict[str, Any]], commit: str, experiments: dict[str, Changes]
) -> list[dict[str, Any]]:
    """The rows of `table_of` with a last column `made_of` (`add_origin`), the same in all of them.

    experiments: of `experiments_of`; the first rows are theirs.
    """
    own = add_origin(rows[: len(experiments)], commit, experiments.items())
    return own + [row | {"made_of": own[0]["made_of"]} for row in rows[len(experiments) :]]


def conclude(everything: Fold) -> str:
    """What all folds together say, and whether even that is too little to go by."""
    new = everything.new
    line = (
        f"F of the new labels {new['ents_f']:.3f} ({new['ents_f_low']:.3f} to "
        f"{new['ents_f_high']:.3f}), every text tested once by a model that did not learn from it"
    )
    lines = [line, *(doubt.title for doubt in doubt_learned({"tuned": {"new": new}}))]
    if why := too_small(new, everything.documents):
        lines.append(f"Even all texts are too few to tell: {why}. Label more")
    return ". ".join(lines) + "."
