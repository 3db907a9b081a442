"""The model card: what hubs and people read in it, and that no text in it becomes markup."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import spacy
from huggingface_hub import ModelCard, ModelCardData
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from spacy.tokens import DocBin, Span

from scripts.release import card
from scripts.storage.docbins import ATTRS, add_doc, pack, write_shard
from tests.conftest import write_world
from tests.evaluations import agreed, gold_of

HOSTILE = (
    "<script>a()</script> | `b` [c](javascript:d) ![e](f) *g* _h_ ~~i~~ $j$ &lt; "
    "\\ <!--\n\n# k\n---"
)
READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
SOURCES = [{"name": "Treebank", "url": "example.org", "license": "CC BY 3.0"}, {"name": "Wiki"}]
BASE = {
    "lang": "en",
    "name": "core_sm",
    "version": "3.8.0",
    "description": "A small pipeline.",
    "license": "MIT",
    "sources": SOURCES,
}
META = {
    "lang": "en",
    "name": "tiny",
    "version": "1.2.0",
    "author": "",
    "license": "CC BY-SA 4.0",
    "description": "en_core_sm 3.8.0, taught BAND, GEAR.",
    "spacy_version": ">=3.8.7,<3.9.0",
    "pipeline": ["tagger", "ner_2", "ner"],
}
DATA: dict[str, Any] = {
    "labels": ["BAND", "GEAR"],
    "base_labels": ["LOC", "PERSON"],
    "dropped_labels": [],
    "rivals": {},
    "texts": {"train": 1_234, "dev": 77, "test": 55, "general": 321},
    "labelled_texts": {"train": 1_234, "dev": 66, "test": 55},
    "documents": {"train": 41, "dev": 8, "test": 20},
    "words": {"train": 98_765, "dev": 8_000, "test": 6_000},
    "spans": {"train": {"BAND": 500, "GEAR": 600}, "dev": {"BAND": 9}, "test": {"BAND": 40}},
    "rehearsal": {"train": {"texts": 2_867, "words": 55_428}, "dev": {"texts": 11, "words": 90}},
    "general_is_gold": True,
}


def figures(f: float, gold: int = 40, width: float = 0.1, **more: Any) -> dict[str, Any]:
    """The figures of a label as scores.json has them."""
    return {
        "ents_p": f + 0.011,
        "ents_r": f - 0.011,
        "ents_f": f,
        "ents_f_low": f - width / 2,
        "ents_f_high": f + width / 2,
        "true_positives": gold - 9,
        "false_positives": 5,
        "misses": 9,
        **more,
    }


def block(f: float, labels: list[str], **more: Any) -> dict[str, Any]:
    """The figures of a measurement."""
    return figures(f, per_label={label: figures(f) for label in labels}, **more)


def recalls(seen: float, unseen: float, names: int = 30) -> dict[str, Any]:
    """The recall of names that stand in train, and of `names` others."""
    return {
        "seen": {"ents_r": seen, "true_positives": 19, "misses": 2},
        "unseen": {"ents_r": unseen, "true_positives": names, "misses": 0},
    }


def make_scores(**tuned: Any) -> dict[str, Any]:
    """What scores.json says of a model that is good and lost nothing."""
    labels, base_labels = DATA["labels"], DATA["base_labels"]
    scores = {
        name: {"new": block(new, labels, **recalls(0.9, 0.9)), "kept": block(kept, base_labels)}
        for name, new, kept in (("base", 0.0, 0.8012), ("tuned", 0.8412, 0.8034))
    }
    scores["tuned"] |= tuned
    return {
        **scores,
        "retention": 1.0,
        "retention_by": "gold",
        "retention_low": 0.98,
        "retention_high": 1.02,
        "retention_per_label": {"LOC": 1.0, "PERSON": 1.0},
        "agreement": agreed(0.9876, base_labels),
        "gold": gold_of(base_labels, retention=1.0),
        "documents": {"test": 20, "general": 30},
    }


def make_inputs(folder: Path, **changed: Any) -> dict[str, Any]:
    """What make_card takes, without anything that can be absent."""
    params = write_world(folder, data__source="assets/own")
    inputs = {"assets/own": "md5-of-own", "training/base": "md5-of-base.dir"}
    model = {"path": "training/model", "md5": "md5-of-model.dir", "files": {"config.cfg": "x"}}
    least = {
        "meta": META,
        "base": BASE,
        "scores": make_scores(),
        "data": DATA,
        "params": params,
        "lineage": {"inputs": inputs, "params": params.model_dump(), "model": model},
        "licenses": {},
        "examples": {"BAND": [], "GEAR": []},
        "guide": None,
    }
    return least | changed


def make_everything(folder: Path) -> dict[str, Any]:
    """What make_card takes, with everything that can be there and much that is wrong."""
    weak = {"BAND": figures(0.5003, gold=12), "GEAR": figures(0.9, width=0.31)}
    scores = make_scores(
        new=figures(0.6, per_label=weak, **recalls(0.91, 0.4812)),
        kept_in_domain=block(0.4343, ["LOC"]),
    )
    scores["base"]["kept_in_domain"] = block(0.3131, ["LOC"])
    scores |= {"retention": 0.97, "retention_by": "agreement"}
    scores["retention_per_label"] = {"LOC": 0.9123, "PERSON": None}
    scores["agreement"]["per_label"]["PERSON"] = agreed(None, [], true_positives=0, misses=0)
    scores["agreement_in_domain"] = agreed(0.7654, ["LOC", "PERSON"]) | {"on_purpose": {}}
    scores["gold"] = gold_of(["LOC"])
    scores["documents"]["test"] = 7
    return make_inputs(
        folder,
        meta=META | {"author": "Ada Writer"},
        scores=scores,
        data=DATA | {"rivals": {"GEAR": {"LOC": 0.376, "PERSON": 0.21}}},
        licenses={"assets/own": "CC0 1.0"},
        examples={"BAND": ["n78", "C-band"], "GEAR": []},
        guide="GUIDE.md",
    )


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Any]:
    return make_inputs(tmp_path / "world")


@pytest.fixture
def everything(tmp_path: Path) -> dict[str, Any]:
    return make_everything(tmp_path / "world")


@pytest.fixture(scope="module")
def least(tmp_path_factory: pytest.TempPathFactory) -> str:
    return card.make_card(**make_inputs(tmp_path_factory.mktemp("least") / "world"))


@pytest.fixture(scope="module")
def most(tmp_path_factory: pytest.TempPathFactory) -> str:
    return card.make_card(**make_everything(tmp_path_factory.mktemp("most") / "world"))


def body(text: str) -> str:
    """A card without the block that hubs read."""
    return text.split("\n---\n", 1)[1]


def tokens_of(text: str) -> Iterator[Token]:
    """The tokens of a Markdown text, those within lines, too."""
    for token in READER.parse(text):
        yield token
        yield from token.children or ()


def headings(text: str) -> list[tuple[str, str]]:
    """Level and words of each heading."""
    tokens = READER.parse(text)
    return [
        (x.tag, tokens[i + 1].content) for i, x in enumerate(tokens) if x.type == "heading_open"
    ]


def cells(text: str) -> list[list[str]]:
    """The words in the cells of each row of each table, as a reader sees them."""
    rows = re.findall(r"<tr>(.*?)</tr>", READER.render(text), re.DOTALL)
    return [
        [unescape(re.sub("<[^>]*>", "", x)) for x in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row)]
        for row in rows
    ]


# ---- What hubs read ----


def hub(text: str) -> ModelCardData:
    """What a hub makes of a card."""
    data = ModelCard(text).data
    assert isinstance(data, ModelCardData)
    return data


def test_hubs_read_it(inputs: dict[str, Any]) -> None:
    data = hub(card.make_card(**inputs))
    assert data.language == ["en"] and data.license == "cc-by-sa-4.0"
    assert data.library_name == "spacy" and data.pipeline_tag == "token-classification"
    assert data.tags == ["spacy", "token-classification"]
    assert data.model_name == "en_tiny"
    assert data.eval_results
    assert [(x.metric_type, x.metric_value, x.dataset_name) for x in data.eval_results] == [
        ("precision", 0.8522, "New labels, the project's own test split"),
        ("recall", 0.8302, "New labels, the project's own test split"),
        ("f1", 0.8412, "New labels, the project's own test split"),
        ("f1", 0.8034, "The base's labels, general text, gold LOC, PERSON"),
        ("f1", 0.9876, "The base's labels, general text, agreement with the base"),
    ]
    assert {x.task_type for x in data.eval_results} == {"token-classification"}


def test_hubs_are_told_of_agreement_and_of_a_base_without_labels(inputs: dict[str, Any]) -> None:
    results = hub(card.make_card(**inputs)).eval_results
    assert results and "agreement with the base" in results[-1].dataset_name
    inputs["scores"]["gold"] = None
    results = hub(card.make_card(**inputs)).eval_results or []
    assert [x.dataset_name for x in results if "general" in x.dataset_name] == [
        "The base's labels, general text, agreement with the base"
    ]
    inputs["data"] = DATA | {"base_labels": []}
    text = card.make_card(**inputs)
    assert len(hub(text).eval_results or ()) == 3
    assert "Kept and lost" not in text


@pytest.mark.parametrize(
    ("text", "identifier", "name"),
    [
        ("MIT", "mit", None),
        ("CC-BY-SA 3.0", "cc-by-sa-3.0", None),
        ("Apache License, Version 2.0", "apache-2.0", None),
        ("GNU GPL 3.0", "gpl-3.0", None),
        ("LGPL-LR", "lgpl-lr", None),
        ("", "unknown", None),
        ("Acme: internal, v2\n---\n# <b>", "other", "acme-internal-v2-b"),
        ("No", "other", "no"),
        ("texts CC BY or CC BY-SA", "other", "texts-cc-by-or-cc-by-sa"),
    ],
)
def test_licence_of_hubs(
    inputs: dict[str, Any], text: str, identifier: str, name: str | None
) -> None:
    data = hub(card.make_card(**inputs | {"meta": META | {"license": text}}))
    assert (data.license, data.license_name) == (identifier, name)


@pytest.mark.parametrize(("lang", "said"), [("no", "no"), ("xx", "multilingual")])
def test_language_of_hubs(inputs: dict[str, Any], lang: str, said: str) -> None:
    text = card.make_card(**inputs | {"meta": META | {"lang": lang}})
    assert hub(text).language == [said]
    assert (f"in the language {lang}" in text) == (lang != "xx")


# ---- What people read ----


@pytest.mark.parametrize(
    "said",
    [
        "en_core_sm 3.8.0, taught BAND, GEAR.", "| Author | Ada Writer |",
        "| Licence | CC BY-SA 4.0 |",
        "| Needs | spaCy >=3.8.7,<3.9.0 |", "tagger, ner_2, ner",
        "pip install en_tiny-1.2.0-py3-none-any.whl", 'spacy.load("en_tiny")',
        "F 0.000 → 0.600 (0.550 to 0.650)", "on 40 entities in 7 documents",
        "| BAND | 500 | 12 | 0.511 | 0.489 | 0.500 (0.450 to 0.550) | n78, C-band |",
        "| **all** | 1,100 | 40 |", "0.910 (of 21)", "0.481 (of 30)",
        "[annotation guide](GUIDE.md)",
        "Retention 0.970 (0.980 to 1.020)", "by agreement with the base",
        "covers only some of the base's labels (LOC)",
        "| LOC | 40 | 0.988 (0.988 to 0.988) | 0.801 → 0.803 (0.753 to 0.853) | "
        "0.765 (0.765 to 0.765) | 0.313 → 0.434 (0.384 to 0.484) |",
        "| PERSON | 0 | – | 0.801 → 0.803 (0.753 to 0.853) | 0.765 (0.765 to 0.765) |  |",
        "say whether they are kept: PERSON.",
        "in the language en", "Measured on 7 documents",
        "- BAND: few entities to measure on (12); often missed or wrong (F 0.500).",
        "- GEAR: F is uncertain (0.745 to 1.055).", "found less often: recall 0.481, against 0.910",
        "- GEAR is easily confused with", "takes 38% for LOC, 21% for PERSON.",
        "measured as agreement with the base", "most of all for LOC: 0.912",
        "| train | 41 | 1,234 | 98,765 | 1,100 |", "| dev | 8 | 66 |", "321 texts in 30 documents",
        "2,867 texts (55,428 words)", "en_core_sm 3.8.0: A small pipeline.",
        "| The base, en_core_sm | MIT |", "Treebank | CC BY 3.0 |", "Wiki | not stated |",
        "| Labelled data | CC0 1.0 |", "| General text to measure on | not stated |",
        "scripts.lineage en_tiny-1.2.0-py3-none-any.whl", "| assets/own | md5-of-own |",
        "| the pipeline | md5-of-model.dir |", "      max_epochs: 8",
    ],
)  # fmt: skip
def test_says(most: str, said: str) -> None:
    assert said in most


@pytest.mark.parametrize(
    "said",
    [
        "Author", "examples", "nnotation guide", "by agreement", "test split |", "Given up", "few",
        "Too rare", "uncertain", "wrong", "documents:", "less often", "confused", "lost, most",
        "unknown", "\n\n\n",
    ],
)  # fmt: skip
def test_says_nothing_of_what_is_not_there(least: str, said: str) -> None:
    assert said not in least


def test_every_table_is_whole(most: str) -> None:
    text = body(most)
    assert text.count("\n|---") == READER.render(text).count("<table>") == 6
    assert "\n\n\n" not in text


def test_outline(most: str) -> None:
    found = headings(body(most))
    assert found[0] == ("h1", "en_tiny")
    parts = ["Use", "Labels and scores", "Kept and lost", "Limits", "Data", "Base and licences"]
    assert [words for tag, words in found if tag == "h2"] == [*parts, "Make it again"]


def test_labels_that_were_given_up(inputs: dict[str, Any]) -> None:
    inputs["data"] = DATA | {"dropped_labels": ["LOC"]}
    inputs["scores"] |= {"retention": 0.1}
    text = card.make_card(**inputs)
    assert "no longer found: LOC." in text and "| Labels of the base | PERSON |" in text
    assert "is lost, most" not in text


def test_a_label_of_the_base_that_was_taught_is_new(inputs: dict[str, Any]) -> None:
    inputs["data"] = DATA | {"base_labels": ["BAND", "LOC"]}
    assert "| Labels of the base | LOC |" in card.make_card(**inputs)


def test_what_could_not_be_measured(inputs: dict[str, Any]) -> None:
    new = block(0.9, ["BAND"], **recalls(0.9, 0.0, names=0))
    new["per_label"]["GEAR"] = figures(0.0, width=0, true_positives=0, misses=0)
    inputs["scores"] = make_scores(new=new) | {"retention": None, "retention_low": None}
    text = card.make_card(**inputs)
    assert "nothing can be said of what is kept" in text and "- What is kept is unknown." in text
    assert "how well other names are found is unknown" in text
    assert "- GEAR: few entities to measure on (0).\n" in text


def test_a_base_that_this_project_made(inputs: dict[str, Any]) -> None:
    base = spacy.blank("de").meta | META | {"lang": "de", "name": "de_first", "sources": ["Briefe"]}
    text = card.make_card(**inputs | {"base": base})
    assert "| Base | de_first 1.2.0 |" in text and "Source of the base: Briefe | not stated" in text
    for sources in ({}, {"sources": None}):
        nameless = {"lang": "en", "name": "x", "version": "0.1.0", "license": ""} | sources
        text = card.make_card(**inputs | {"base": nameless, "licenses": {"base": "MIT"}})
        assert "| The base, en_x | MIT |" in text and "Source of the base" not in text


def test_same_bytes_without_date(everything: dict[str, Any]) -> None:
    text = card.make_card(**everything)
    assert not re.search(r"\b20\d\d\b", text)
    lineage = everything["lineage"]
    turned = lineage | {"inputs": dict(reversed(lineage["inputs"].items()))}
    assert text == card.make_card(**everything | {"lineage": turned})


# ---- What stays text ----


def hostile(inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs, with markup wherever a text of somebody's can be."""
    label, lineage, scores = HOSTILE, inputs["lineage"], inputs["scores"]
    for model in ("base", "tuned"):
        scores[model]["new"]["per_label"] = {label: figures(0.5, gold=12, width=0.5)}
        scores[model]["kept"]["per_label"] = {label: figures(0.5)}
        scores[model]["kept_in_domain"] = block(0.5, [label])
    scores |= {"retention": 0.9, "retention_per_label": {label: 0.9}}
    scores |= {"agreement": agreed(0.9, [label]), "gold": gold_of([label], retention=0.9)}
    scores["agreement"]["per_label"]["x"] = agreed(None, [], true_positives=0, misses=0)
    scores["agreement_in_domain"] = agreed(0.9, [label]) | {"on_purpose": {label: 3}}
    sources = [{"name": HOSTILE, "license": HOSTILE}, HOSTILE]
    own = {"name": HOSTILE, "version": HOSTILE, "description": HOSTILE, "license": HOSTILE}
    values = {"data": {"source": HOSTILE, HOSTILE: f"{'x ' * 60}\n```\n~~~\n{HOSTILE}"}}
    return inputs | {
        "meta": META | own | {"author": HOSTILE, "pipeline": [HOSTILE], "spacy_version": HOSTILE},
        "base": BASE | own | {"sources": sources},
        "scores": scores,
        "data": DATA
        | {"labels": [label], "base_labels": ["x", label], "rivals": {label: {label: 0.5}}}
        | {"dropped_labels": ["x"], "spans": DATA["spans"] | {"train": {label: 5}}},
        "lineage": lineage | {"inputs": {HOSTILE: HOSTILE}, "params": values},
        "licenses": {"assets/own": HOSTILE},
        "examples": {label: [HOSTILE, HOSTILE]},
    }


def test_text_stays_text(inputs: dict[str, Any]) -> None:
    calm = body(card.make_card(**inputs | {"examples": {"BAND": ["x"], "GEAR": []}}))
    text = card.make_card(**hostile(inputs))
    assert hub(text).library_name == "spacy"
    kinds = {token.type for token in tokens_of(body(text))}
    assert kinds <= {token.type for token in tokens_of(calm)} | {"bullet_list_open", "code_inline"}
    assert [x.content for x in tokens_of(body(text)) if x.type == "code_inline"] == [
        "training.strategy: extend"
    ]
    plain = " ".join(HOSTILE.split())
    rows = cells(body(text))
    for row in (
        ["New labels", plain], ["Components", plain], ["Needs", f"spaCy {plain}"],
        ["Author", plain],
        ["Base", f"en_{plain} {plain}"], [f"Source of the base: {plain}", plain],
        [f"Source of the base: {plain}", "not stated"], ["Labelled data", plain], [plain, plain],
    ):  # fmt: skip
        assert row in rows
    (scores,) = (row for row in rows if row[0] == plain and row[1] == "5")
    assert scores[-1] == f"{plain}, {plain}" and len(scores) == 7
    assert len(headings(body(text))) == len(headings(calm))


@given(st.text(alphabet="ab1 _*`~\\|<>&;#!?/[]()$:=\"'-\n😀", min_size=1))
def test_any_text_is_read_as_it_is(text: str) -> None:
    plain = " ".join(text.split())
    assert cells(f"| x |\n|---|\n| {card.escape(text)} |")[1] == [plain]
    (paragraph,) = (x for x in READER.parse(f"x {card.escape(text)}.") if x.type == "inline")
    assert {x.type for x in paragraph.children or ()} <= {"text", "text_special"}
    assert "".join(x.content for x in paragraph.children or ()) == f"x {plain}."


# ---- Where its inputs come from ----


def write_corpus(folder: Path, texts: list[tuple[str | None, str]]) -> Path:
    """Write Docs, a shard each, in which each word in capitals is GEAR; return their folder."""
    nlp = spacy.blank("en")
    for number, (name, text) in enumerate(texts):
        doc = nlp(text)
        doc.set_ents([Span(doc, t.i, t.i + 1, "GEAR") for t in doc if t.is_upper])
        docs = DocBin(attrs=ATTRS, store_user_data=name is not None)
        add_doc(docs, doc, name or "")
        write_shard(folder, "train", number, pack(nlp.vocab, docs))
    return folder / "train"


def test_examples_are_shared_by_two_documents(tmp_path: Path) -> None:
    texts = [
        ("a", "SECRET SECRET SECRET SECRET OLT OLT BTS"),
        ("a", "SECRET AAU"),
        ("b", "OLT BTS AAU RRU"),
        ("c", "RRU and SECRET2"),
    ]
    corpus = write_corpus(tmp_path, list(texts))
    found = {"GEAR": ["OLT", "AAU", "BTS"], "BAND": []}
    assert card.list_examples(corpus, ["GEAR", "BAND"]) == found
    assert card.list_examples(corpus, ["BAND"]) == {"BAND": []}


def test_without_names_of_documents_there_are_no_examples(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, [(None, "OLT"), (None, "OLT")])
    assert card.list_examples(corpus, ["GEAR"]) == {"GEAR": []}


def test_licences_are_those_of_the_assets_that_hold_a_path() -> None:
    assets = [
        {"dest": "assets/own/part", "license": "MIT"},
        {"dest": "assets/own", "license": "CC0 1.0"},
        {"dest": "assets/general.jsonl", "license": "CC BY 4.0"},
        {"dest": "assets/bare"},
    ]
    paths = ["assets/own/", "./assets/own/x.jsonl", "assets/own/part/x", "assets/general.jsonl"]
    paths += ["assets/bare", "assets/own2", "elsewhere"]
    assert list(card.find_licenses(assets, paths).items()) == [
        ("assets/own/", "CC0 1.0"),
        ("./assets/own/x.jsonl", "CC0 1.0"),
        ("assets/own/part/x", "MIT"),
        ("assets/general.jsonl", "CC BY 4.0"),
    ]
