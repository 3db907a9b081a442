"""The comparison reads its tasks rightly and its tables say what was measured."""

from collections import Counter
from itertools import product
from pathlib import Path

import pandas as pd
import spacy
from spacy.tokens import Doc, DocBin, Span

from benchmarks.strategies import (
    AMOUNTS,
    BASES,
    CURVE,
    ROWS,
    TASKS,
    curve,
    read_general,
    report,
    wanted_runs,
)

BLANK = spacy.blank("en")


def test_general_text_is_sentences_each_once(tmp_path: Path) -> None:
    words = ["Ada", "sings", ".", "Bo", "naps", "."]
    doc = Doc(BLANK.vocab, words=words, sent_starts=[True, False, False, True, False, False])
    DocBin(docs=[doc]).to_disk(tmp_path / "syntax_train.spacy")
    again = Doc(BLANK.vocab, words=words[:3])
    again.set_ents([Span(again, 0, 1, "PERSON")])
    DocBin(docs=[again]).to_disk(tmp_path / "ner_train.spacy")
    assert sorted(read_general(tmp_path, BLANK)) == ["Ada sings .", "Bo naps ."]


def test_every_row_has_its_seeds_and_the_curve_one() -> None:
    runs = list(wanted_runs(3))
    assert len(runs) == len(set(runs))
    seeds = Counter((run.base, run.task, run.row) for run in runs if not run.texts)
    assert seeds == dict.fromkeys(product(BASES, TASKS, ROWS), 3)
    assert {run.seed for run in runs if run.texts} == {0}


def measured(row: str, new: float, agreement: float, seed: int = 0, texts: int = 0) -> dict:
    cost = {"seconds": 10.0, "words_per_second": 5000.0, "time_ratio": 1.2, "megabytes": 12.0}
    place = {"base": "en_base_sm", "task": "wnut17", "row": row, "texts": texts, "seed": seed}
    figures = {"new": new, "agreement": agreement, "gold": 0.5, "gold_base": 0.6}
    return place | figures | cost


def test_tables_have_mean_and_spread() -> None:
    rows = [measured("update", 0.6, 1.0), measured("update", 0.7, 0.9, seed=1)]
    rows += [measured("extend", 0.65, 0.5)]
    rows += [measured(r, 0.6, n / 25_000, texts=n) for r in CURVE for n in AMOUNTS]
    runs = pd.DataFrame(rows)
    start = (
        "| en_base_sm | wnut17 | update | 0.650 ± 0.050 | 0.950 ± 0.050 | 0.500 ± 0.000 (0.600) |"
    )
    assert start in report(runs)
    assert curve(runs).splitlines()[-2:] == [
        "| 2,500 | 0.600, 0.100 | 0.600, 0.100 |",
        "| 25,000 | 0.600, 1.000 | 0.600, 1.000 |",
    ]
