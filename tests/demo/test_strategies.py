"""The comparison reads its tasks rightly and its tables say what was measured."""

from collections import Counter
from pathlib import Path

import pandas as pd
import spacy
from spacy.tokens import Doc, DocBin, Span

from benchmarks.strategies import (
    AMOUNTS,
    GOLD,
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
    runs = wanted_runs(3)
    assert len(runs) == len(set(runs))
    seeds = Counter((run.task, run.row) for run in runs if not run.texts)
    assert set(seeds) | {("wnut17, as it is", "replace")} == {(t, r) for t in TASKS for r in ROWS}
    assert {row: seeds["fashion_brands", row] for row in ROWS} == {
        "plain update": 3,
        "update": 3,
        "extend": 3,
        "replace": 1,
    }
    assert {run.seed for run in runs if run.texts} == {0}


def measured(row: str, new: float, kept: float, seed: int = 0, texts: int = 0) -> dict:
    cost = {"seconds": 10.0, "words_per_second": 5000.0, "time_ratio": 1.2, "megabytes": 12.0}
    place = {"task": "fashion_brands", "row": row, "texts": texts, "seed": seed}
    return place | {"new": new} | dict.fromkeys(GOLD, kept) | cost


def test_tables_have_mean_spread_and_retention() -> None:
    rows = [measured("base", 0.0, 0.5)]
    rows += [measured("update", 0.6, 0.5), measured("update", 0.7, 0.4, seed=1)]
    rows += [measured("extend", 0.65, 0.5)]
    rows += [measured(r, 0.6, n / 5_000, texts=n) for r in ("update", "extend") for n in AMOUNTS]
    runs = pd.DataFrame(rows)
    assert "| update | 0.650 ± 0.050 | 0.450 ± 0.050 (0.900) |" in report(runs)
    lines = curve(runs).splitlines()
    assert lines[-2:] == [
        "| 2,500 | 0.600, 1.000 | 0.600, 1.000 |",
        "| all | 0.600, 1.000 | 0.650, 1.000 |",
    ]
