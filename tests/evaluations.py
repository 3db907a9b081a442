"""Made-up results of evaluations, from which tests make the report and the summary."""

from typing import Any

from scripts.scoring.agreement import CHANGES
from scripts.scoring.kinds import KINDS

HOSTILE = "</script><script>document.title='run'</script> <!-- 😀 router n78 & <img src=x>"
DATA = {
    "labels": ["BAND", "GEAR"],
    "base_labels": ["LOC", "PERSON"],
    "dropped_labels": [],
    "rivals": {"GEAR": {"PERSON": 0.4}},
    "texts": {"train": 1_234, "test": 3, "general": 2},
    "documents": {"train": 410, "dev": 21, "test": 3},
    "spans": {"train": {"BAND": 77}, "dev": {"BAND": 31}, "test": {"BAND": 2, "GEAR": 2, "LOC": 1}},
    "general_is_gold": True,
}

ORIGIN = {
    "package": "en_tiny 1.2.3",
    "ships": True,
    "base": "en_small 3.2.1",
    "component": "ner",
    "strategy": "update",
    "source": "assets/own",
    "model": "training/model",
    "read": {"assets/own": "aaaaaaaa-of-the-data"},
    "made": {"training/model": "bbbbbbbb-of-the-model"},
}


def spans(text: str, *marked: tuple[str, str]) -> list[list]:
    """Return a span [start, end, label] for each (words, label): the words' first occurrence."""
    return [[text.index(w), text.index(w) + len(w), label] for w, label in marked]


def row(
    part: str,
    doc: str,
    text: str,
    gold: list[tuple[str, str]],
    base: list[tuple[str, str]],
    tuned: list[tuple[str, str]],
) -> dict[str, Any]:
    """Make a line of predictions.jsonl.

    gold, base, tuned: spans, each given as (words, label).
    """
    found = {"gold": gold, "base": base, "tuned": tuned}
    lanes: dict[str, Any] = {name: spans(text, *marked) for name, marked in found.items()}
    return {"part": part, "doc": doc, "text": text, "unknown": [], **lanes}


ROWS = [
    row("test", "ticket-1", "Put n78 on in Rome.", [("n78", "BAND"), ("Rome", "LOC")],
        [("Rome", "LOC")], [("n78", "BAND"), ("Rome", "LOC")]),
    row("test", "odd-<b>", HOSTILE, [("router", "GEAR"), ("n78", "BAND")],
        [], [("router n78", "GEAR")]),
    row("test", "ticket-2", "The new mast fell.", [("mast", "GEAR")],
        [("new", "PERSON")], [("mast", "BAND"), ("fell", "GEAR")]),
    row("general", "news-1", "Ann is in Oslo.", [("Ann", "PERSON"), ("Oslo", "LOC")],
        [("Ann", "PERSON"), ("Oslo", "LOC")], [("Ann", "PERSON"), ("is", "BAND")]),
    row("general", "news-2", "Nobody was there.", [], [], []),
]  # fmt: skip


def figures(f: float, **more: Any) -> dict[str, Any]:
    """Make the figures of a label as scores.json has them; precision, recall and F are all `f`."""
    counts = {"true_positives": 31, "false_positives": 5, "misses": 9}
    return {"ents_p": f, "ents_r": f, "ents_f": f, **counts, **more}


def block(f: float, labels: list[str], **more: Any) -> dict[str, Any]:
    """Make the figures of a measurement, where all and each of `labels` have the same `f`."""
    return figures(f, per_label={label: figures(f) for label in labels}, **more)


def agreed(f: float | None, labels: list[str], **more: Any) -> dict[str, Any]:
    """Make the figures of agreement with the base, the same for all and each of `labels`."""
    changes = dict(zip(CHANGES, (31, 2, 3, 4, 5), strict=True))
    own = dict.fromkeys(("ents_p", "ents_r", "ents_f", "ents_f_low", "ents_f_high"), f)
    own |= {"true_positives": 31, "false_positives": 5, "misses": 9, "changes": changes} | more
    return own | {"per_label": {label: dict(own) for label in labels}}


def gold_of(labels: list[str], **more: Any) -> dict[str, Any]:
    """Make what scores.json says of gold that counts for these labels."""
    shares = {"retention": None, "retention_low": None, "retention_high": None}
    rest = {"not_counted": {}, "uncovered": [], "retention_per_label": dict.fromkeys(labels)}
    return {"labels": labels} | shares | rest | more


def unknown_kept(labels: list[str]) -> dict[str, Any]:
    """Make what scores.json says of what is kept where the base finds nothing."""
    return {
        "retention": None,
        "retention_by": "agreement",
        "retention_per_label": dict.fromkeys(labels),
        "agreement": agreed(None, labels, true_positives=0, misses=0),
        "gold": None,
    }


def inputs(**changed: Any) -> dict[str, Any]:
    """Make arguments for make_report in which everything that can be absent is absent.

    changed: other values for some of the arguments.
    """
    bounds = {"ents_f_low": 0.0, "ents_f_high": 0.9}
    scores = {
        name: {
            "new": block(new, ["BAND", "GEAR"], **bounds),
            "kept": block(kept, ["LOC", "PERSON"]),
        }
        for name, new, kept in (("base", 0.0, 0.4801), ("tuned", 0.8412, 0.4759))
    }
    least = {
        "scores": {
            **scores,
            **unknown_kept(["LOC", "PERSON"]),
            "documents": {"test": 3, "general": 2},
        },
        "predictions": ROWS,
        "data": DATA,
        "findings": None,
        "params": {"training": {"max_epochs": 10}, "data": {"rename": {}}},
        "origin": ORIGIN,
        "curves": {},
        "comparison": None,
    }
    return least | changed


def everything() -> dict[str, Any]:
    """Make arguments for make_report in which nothing is absent."""
    more = {
        "ents_f_low": 0.7011,
        "ents_f_high": 0.9022,
        "errors": dict(zip(KINDS, (41, 42, 43, 44, 45, 46), strict=True)),
        "seen": {"ents_r": 0.9501, "true_positives": 19, "misses": 1},
        "unseen": {"ents_r": 0.6203, "true_positives": 12, "misses": 8},
    }
    labels = ["BAND", "GEAR"]
    scores = {
        name: {
            "new": block(f, labels, **more),
            "kept": block(f, ["LOC", "PERSON"]),
            "kept_in_domain": block(f, ["LOC"]),
        }
        for name, f in (("base", 0.3), ("tuned", 0.8412))
    }
    change = {"before": 0.8, "after": 0.84, "difference": 0.04, "low": 0.01, "high": 0.07}
    return inputs(
        scores={
            **scores,
            "documents": {"test": 38, "general": 10},
            "retention": 0.9912,
            "retention_by": "gold",
            "retention_low": 0.97,
            "retention_high": 1.01,
            "retention_per_label": {"LOC": 0.9876, "PERSON": None},
            "agreement": agreed(0.9345, ["LOC", "PERSON"]),
            "agreement_in_domain": agreed(0.7654, ["LOC", "PERSON"]) | {"on_purpose": {"LOC": 67}},
            "gold": gold_of(
                ["LOC", "PERSON"],
                retention=0.9912,
                retention_per_label={"LOC": 0.9876, "PERSON": None},
            ),
        },
        findings={
            "records": {"read": 5_040, "used": 5_039, "rejected": 1},
            "counts": [
                {"code": "not-json", "severity": "error", "count": 1, "meaning": "A line & more"}
            ],
            "findings": [],
        },
        params={"training": {"max_epochs": 10}, "evaluate": {"min_retention": 0.95}},
        curves={
            "loss_ner": [(10.0, 900.0), (20.0, 90.0)],
            "ents_f": [(10.0, 0.5), (20.0, 0.8)],
            "ents_per_type/BAND/f": [(10.0, 0.4), (20.0, 0.7)],
        },
        comparison={
            "before": "HEAD",
            "after": "workspace",
            "notes": ["The texts of test differ."],
            "retention": {"before": "0.981 by gold", "after": "0.991 by agreement"},
            "rows": [
                {"measured": "new", "label": "all", **change, "p": 0.0041},
                {"measured": "new", "label": "BAND", **change, "p": 0.2},
            ],
            "better": [{**{key: ROWS[0][key] for key in ("part", "doc", "text")}, "change": 2}],
            "worse": [{**{key: ROWS[3][key] for key in ("part", "doc", "text")}, "change": -1}],
            "params": [{"key": "training.max_epochs", "before": 10, "after": 20}],
            "data": [],
        },
    )


def brief(ents_f: float, right: int = 30, misses: int = 10, **per_label: Any) -> dict[str, Any]:
    """Make the figures of a measurement, with an interval of F, as the summary reads them.

    right, misses: the numbers of true positives and of misses.
    per_label: the figures of each label.
    """
    counts = {"true_positives": right, "false_positives": 0, "misses": misses}
    bounds = {"ents_f_low": ents_f - 0.05, "ents_f_high": ents_f + 0.05}
    return (
        {"ents_p": ents_f, "ents_r": ents_f, "ents_f": ents_f}
        | counts
        | bounds
        | {"per_label": per_label}
    )


def summary_scores(in_domain: bool = False, labels: int = 2) -> dict[str, Any]:
    """Make the part of scores.json that the summary reads.

    in_domain: whether the kept labels were also measured on the domain's texts.
    labels: how many new labels there are, at most 6.
    """
    names = ["BAND", "GEAR", "MAST", "PORT", "CELL", "LINK"][:labels]
    recall = {"seen": {"ents_r": 0.91}, "unseen": {"ents_r": 0.48}}
    base = {"new": brief(0.125) | recall, "kept": brief(0.875)}
    per_label = {name: brief(0.3 + 0.1 * number) for number, name in enumerate(names)}
    tuned = {
        "new": brief(0.75, 50, 20, **per_label) | recall,
        "kept": brief(0.84, 100, 70),
    }
    if in_domain:
        base["kept_in_domain"], tuned["kept_in_domain"] = brief(0.5), brief(0.44)
    return {
        "base": base,
        "tuned": tuned,
        "retention": 0.96,
        "retention_by": "gold",
        "retention_low": 0.94,
        "retention_high": 0.98,
        "agreement": agreed(0.91, ["LOC", "ORG"]),
        "gold": gold_of(["LOC", "ORG"], retention=0.96),
        "documents": {"test": 38, "general": 10},
    }


def summary_data(gold: bool = True, findings: dict[str, int] | None = None) -> dict[str, Any]:
    """Make the part of data.json that the summary reads.

    gold: whether the general texts have gold entities.
    findings: the number of findings of each code.
    """
    known = {"general_is_gold": gold, "findings": findings or {}}
    known |= {"labels": ["BAND", "GEAR"], "spans": {"dev": {"BAND": 20, "GEAR": 10}}}
    return known | {"documents": {"dev": 12}, "dropped_labels": [], "rivals": {}}
