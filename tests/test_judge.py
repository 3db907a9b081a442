"""A model's figures in brief, the verdict on it, and an experiment that packages nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.keeping.judgement import in_brief, judge, mark_as_due
from scripts.package import main
from scripts.params import Params, with_values
from scripts.storage.json_files import read_json
from tests.conftest import world_values
from tests.evaluations import agreed, block, gold_of

SUMMARY, VERDICT = Path("metrics/summary.json"), Path("training/verdict.json")
LIVE = {"loss": 446.77, "best": {"score": 0.71234, "step": 531}}


def scores(
    retention: float | None = 0.9876, agreement: float | None = 0.9912, **more: Any
) -> dict[str, Any]:
    """What of scores.json is judged."""
    bounds = {"ents_f_low": 0.7011, "ents_f_high": 0.9022}
    found = {
        name: {"new": block(new, ["BAND"], **bounds), "kept": block(kept, ["LOC"])}
        for name, new, kept in (("base", 0.0, 0.48), ("tuned", 0.8412, 0.4759))
    }
    kept = {
        "retention": retention,
        "retention_by": "gold",
        "retention_low": 0.95,
        "agreement": agreed(agreement, ["LOC"]),
        "gold": gold_of(["LOC"], retention=retention),
    }
    return found | kept | more


def judge_here(
    found: dict[str, Any], minimum: float = 0.95, min_new_f: float = 0.0, fold: str = ""
) -> str | None:
    """Judge scores in the working folder."""
    for path in (SUMMARY, VERDICT):
        path.parent.mkdir(exist_ok=True)
    files = {"scores": Path("scores.json"), "live": Path("live.json")}
    for path, content in zip(files.values(), (found, LIVE), strict=True):
        path.write_text(json.dumps(content), encoding="utf8")
    params = with_values(
        Params.model_validate(world_values(Path())),
        {
            "evaluate.min_retention": minimum,
            "evaluate.min_new_f": min_new_f,
            "training.strategy": "extend",
            "data.fold": fold,
        },
    )
    return judge(**files, params=params, summary=SUMMARY, verdict=VERDICT)


def test_the_figures_that_matter_most_come_first() -> None:
    assert list(in_brief(scores(), LIVE).items()) == [
        ("new_f", 0.841),
        ("kept_f", 0.476),
        ("retention", 0.988),
        ("retention_by", "gold"),
        ("agreement", 0.991),
        ("dev_score", 0.712),
        ("loss", 446.77),
        ("new_low", 0.701),
        ("new_high", 0.902),
        ("kept_low", 0.95),
    ]


def test_what_is_unknown_is_left_out() -> None:
    found = in_brief(scores(None, None, retention_low=None), LIVE)
    assert not {"retention", "kept_low", "agreement"} & found.keys()
    assert found["new_f"] == 0.841


def test_a_model_below_the_gate_is_a_result_with_a_reason(here: Path) -> None:
    reason = judge_here(scores(0.5)) or ""
    assert "Retention on gold 0.500 is below" in reason and "LOC 0.48 → 0.48" in reason
    assert read_json(SUMMARY) == {"ships": False} | in_brief(scores(0.5), LIVE)
    assert read_json(VERDICT) == {"ships": False, "reason": reason}


def test_a_model_of_a_fold_does_not_ship(here: Path) -> None:
    assert "data.fold is 2/5" in (judge_here(scores(), fold="2/5") or "")
    assert read_json(SUMMARY)["ships"] is False


def test_a_model_that_learned_too_little_does_not_ship_either(here: Path) -> None:
    assert judge_here(scores(), min_new_f=0.84) is None
    assert "0.841, is below evaluate.min_new_f 0.85" in (judge_here(scores(), min_new_f=0.85) or "")
    assert read_json(SUMMARY)["ships"] is False


@pytest.mark.parametrize("share", [0.95, 0.29, 0.57])
def test_a_model_at_the_gate_ships(here: Path, share: float) -> None:
    assert judge_here(scores(share, share), minimum=share) is None
    assert next(iter(read_json(SUMMARY).items())) == ("ships", True)
    assert read_json(VERDICT) == {"ships": True, "reason": None}


def test_an_experiment_leaves_no_package_and_a_verdict_that_asks_for_one(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    judge_here(scores())
    before = VERDICT.read_bytes()
    output = Path("packages")
    output.mkdir()
    (output / "of_another_model.whl").touch()
    monkeypatch.setenv("DVC_EXP_NAME", "mine")
    main(Path("training"), Path("corpus"), Path("scores.json"), VERDICT, output)
    said = " ".join(capsys.readouterr().out.split())
    assert "Experiments build no package." in said
    assert "dvc exp apply mine, then weasel run all" in said
    assert list(output.iterdir()) == []
    assert VERDICT.read_bytes() != before
    # Whatever it is called, an experiment leaves the same.
    marked = VERDICT.read_bytes()
    mark_as_due(VERDICT)
    assert VERDICT.read_bytes() == marked
