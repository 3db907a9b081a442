"""Every kind of base: what it has is still there, in its order, and finds the same afterwards."""

import re
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import spacy
import spacy.lang.cs.examples as czech
import spacy.lang.de.examples as german
import spacy.lang.en.examples as english
import srsly
from spacy.language import Language
from spacy.lookups import Lookups
from spacy.training import Example
from spacy.util import fix_random_seed

from scripts.assemble import assemble
from scripts.base.recognizers import read_entity_labels
from scripts.exceptions import FetchError
from scripts.fetch import fetch
from scripts.keeping.base_labels import entity_labels
from scripts.keeping.corpus import preprocess
from scripts.keeping.language import is_other_language
from scripts.release.contents import make_meta
from tests.conftest import build, general_records, write_world

Built = Callable[[str, str], Path]
TEXTS = (
    "Alice Smith lives in Paris .",
    "Bob Jones put the router on n08 for the train team .",
    "Traffic on n18 is low in train .",
)
# The rules of the rulers: a name that the base's recognizer finds, too, under another label; one
# that the new recognizer finds; one that nothing else finds.
RULES = [
    {"label": "CITY", "pattern": "Paris"},
    {"label": "CODE", "pattern": "n08"},
    {"label": "UNIT", "pattern": "team"},
]


def add_english_parts(nlp: Language) -> None:
    """Add what the official English and French models have before their recognizer.

    That is a senter, which is disabled, and a lemmatizer with tables of its own; the tokenizer has
    an exception.
    """
    examples = [Example.from_dict(nlp.make_doc(text), {"sent_starts": None}) for text in TEXTS]
    senter = nlp.add_pipe("senter", before="ner")
    senter.initialize(lambda: examples, nlp=nlp)  # type: ignore[attr-defined]
    nlp.disable_pipe("senter")
    tables = Lookups()
    tables.add_table("lemma_lookup", {"lives": "live", "put": "place"})
    lemmatizer = nlp.add_pipe("lemmatizer", config={"mode": "lookup"}, before="ner")
    lemmatizer.initialize(lookups=tables)  # type: ignore[attr-defined]
    nlp.tokenizer.add_special_case("team", [{"ORTH": "te"}, {"ORTH": "am"}])  # type: ignore[union-attr]


def add_ruler(nlp: Language, factory: str, config: dict[str, Any], **place: str) -> None:
    nlp.add_pipe(factory, "ruler", config=config, **place).add_patterns(RULES)  # type: ignore[attr-defined,arg-type]


def add_czech_parts(nlp: Language) -> None:
    """Add a morphologizer and a lemmatizer that learned, as Czech models have them."""
    examples = []
    for record in general_records():
        doc = nlp.make_doc(record["text"])
        gold = {
            "morphs": ["Case=Nom" if token.is_title else "" for token in doc],
            "pos": ["PROPN" if token.is_title else "NOUN" for token in doc],
            "lemmas": [token.lower_ for token in doc],
        }
        examples.append(Example.from_dict(doc, gold))
    for factory in ("morphologizer", "trainable_lemmatizer"):
        config = {"min_tree_freq": 1} if factory == "trainable_lemmatizer" else {}
        pipe = nlp.add_pipe(factory, config=config, before="ner")
        pipe.initialize(lambda: examples, nlp=nlp)  # type: ignore[attr-defined]
        for _ in range(3):
            pipe.update(examples, sgd=nlp.create_optimizer())  # type: ignore[attr-defined]


SPAN_RULER = {
    "annotate_ents": True,
    "ents_filter": {"@misc": "spacy.prioritize_existing_ents_filter.v1"},
}
# How each kind is made of a base with tok2vec, tagger, parser and ner, and what the pipeline is
# after `extend`, disabled components included.
KINDS: dict[str, tuple[Callable[[Language], None], list[str]]] = {
    "english": (
        add_english_parts,
        ["tok2vec", "tagger", "parser", "senter", "lemmatizer", "ner_2", "ner"],
    ),
    "czech": (
        add_czech_parts,
        ["tok2vec", "tagger", "parser", "morphologizer", "trainable_lemmatizer", "ner_2", "ner"],
    ),
    "ruler before": (
        lambda nlp: add_ruler(nlp, "entity_ruler", {}, before="ner"),
        ["tok2vec", "tagger", "parser", "ruler", "ner_2", "ner"],
    ),
    "ruler after": (
        lambda nlp: add_ruler(nlp, "entity_ruler", {"overwrite_ents": True}),
        ["tok2vec", "tagger", "parser", "ner_2", "ner", "ruler"],
    ),
    "span ruler": (
        lambda nlp: add_ruler(nlp, "span_ruler", SPAN_RULER, before="ner"),
        ["tok2vec", "tagger", "parser", "ruler", "ner_2", "ner"],
    ),
}
MADE = [(kind, "extend") for kind in KINDS] + [("english", "update"), ("ruler after", "update")]


@pytest.fixture(scope="module")
def kinds(bases: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of a base of each of KINDS."""
    folders = {}
    for kind, (change, _) in KINDS.items():
        fix_random_seed(0)
        nlp = spacy.load(bases["own"])
        change(nlp)
        folders[kind] = tmp_path_factory.mktemp("kind") / "base"
        nlp.to_disk(folders[kind])
    return folders


@pytest.fixture(scope="module")
def taught(kinds: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A function that maps a kind of base and a strategy to the folder of a finished world."""

    @cache
    def make(kind: str, strategy: str) -> Path:
        folder = tmp_path_factory.mktemp("taught") / "w"
        return build(folder, kinds[kind], strategy)

    return make


def found(nlp: Language, text: str) -> set[tuple[str, str]]:
    return {(ent.text, ent.label_) for ent in nlp(text).ents}


def annotation(nlp: Language) -> list[tuple[str, ...]]:
    """All that is said of the tokens of TEXTS besides entities."""
    return [
        (
            t.text,
            t.tag_,
            t.pos_,
            str(t.morph),
            t.lemma_,
            t.dep_,
            str(t.head.i),
            str(t.is_sent_start),
        )
        for doc in nlp.pipe(TEXTS)
        for t in doc
    ]


@pytest.mark.parametrize(("kind", "strategy"), MADE)
def test_all_components_are_there_in_their_order(
    kind: str, strategy: str, taught: Built, kinds: dict[str, Path]
) -> None:
    base, nlp = spacy.load(kinds[kind]), spacy.load(taught(kind, strategy) / "model")
    names = KINDS[kind][1] if strategy == "extend" else base.component_names
    assert nlp.component_names == names
    assert nlp.disabled == base.disabled == (["senter"] if kind == "english" else [])
    assert [name for name in names if name != "ner_2"] == base.component_names


@pytest.mark.parametrize(("kind", "strategy"), MADE)
def test_tokens_tags_and_lemmas_are_those_of_the_base(
    kind: str, strategy: str, taught: Built, kinds: dict[str, Path]
) -> None:
    base, nlp = spacy.load(kinds[kind]), spacy.load(taught(kind, strategy) / "model")
    assert annotation(nlp) == annotation(base)
    if kind == "english":
        for pipeline in (base, nlp):
            pipeline.enable_pipe("senter")
            pipeline.disable_pipe("parser")
        assert annotation(nlp) == annotation(base)


@pytest.mark.parametrize(("kind", "strategy"), MADE)
def test_new_labels_are_found_and_no_path_stays_in_the_config(
    kind: str, strategy: str, taught: Built
) -> None:
    model = taught(kind, strategy) / "model"
    # A rule has n08, but none has n18.
    assert ("n18", "BAND") in found(spacy.load(model), TEXTS[2])
    assert not re.findall(r'"/.*|"\w:\\.*', (model / "config.cfg").read_text(encoding="utf8"))


def test_the_kinds_have_what_they_are_there_for(kinds: dict[str, Path]) -> None:
    lemmas = {
        kind: [t.lemma_ for t in spacy.load(kinds[kind])(TEXTS[1])] for kind in ("english", "czech")
    }
    assert lemmas["english"][2] == "place"
    assert lemmas["english"][-3:] == ["te", "am", "."]
    assert lemmas["czech"][:2] == ["bob", "jones"]


# Rules


@pytest.mark.parametrize(("kind", "strategy"), [made for made in MADE if "ruler" in made[0]])
def test_what_a_rule_sets_stays(
    kind: str, strategy: str, taught: Built, kinds: dict[str, Path]
) -> None:
    base, nlp = spacy.load(kinds[kind]), spacy.load(taught(kind, strategy) / "model")
    rules = {("Paris", "CITY"), ("n08", "CODE"), ("team", "UNIT")}
    for pipeline in (base, nlp):
        assert set().union(*(found(pipeline, text) for text in TEXTS)) >= rules


@pytest.mark.parametrize("overwrites", [True, False])
def test_of_a_ruler_that_overwrites_nothing_it_is_said_that_it_gives_way(
    overwrites: bool,
    taught: Built,
    bases: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    nlp = spacy.load(bases["own"])
    add_ruler(nlp, "entity_ruler", {"overwrite_ents": overwrites})
    nlp.to_disk(tmp_path / "base")
    trained = taught("ruler after", "extend") / "model-best"
    output = tmp_path / "model"
    assemble(base=tmp_path / "base", trained=trained, output=output, strategy="extend")
    said = " ".join(capsys.readouterr().out.split())
    assert ("ruler runs after ner_2 and overwrites nothing" in said) == (not overwrites)
    label = "CODE" if overwrites else "BAND"
    assert {("n08", label), ("team", "UNIT")} <= found(spacy.load(output), TEXTS[1])


def test_the_labels_of_rulers_are_among_those_of_the_base(kinds: dict[str, Path]) -> None:
    for kind in ("ruler before", "ruler after", "span ruler"):
        labels = {"PERSON", "LOC", "CITY", "CODE", "UNIT"}
        assert entity_labels(spacy.load(kinds[kind])) == read_entity_labels(kinds[kind]) == labels
    assert entity_labels(spacy.load(kinds["english"])) == {"PERSON", "LOC"}


def test_a_disabled_recognizer_has_no_labels(bases: dict[str, Path], tmp_path: Path) -> None:
    nlp = spacy.load(bases["own"])
    nlp.disable_pipe("ner")
    nlp.to_disk(tmp_path / "base")
    assert entity_labels(nlp) == read_entity_labels(tmp_path / "base") == set()


# Vectors


def test_vectors_stand_in_the_model_once(
    bases: dict[str, Path], tuned: Callable[[str, str], Path]
) -> None:
    model = tuned("vectors", "extend") / "model"
    assert [path.parent.name for path in model.rglob("vectors")] == ["vocab"]
    for name in ("vectors", "key2row", "lookups.bin"):
        assert (model / "vocab" / name).read_bytes() == (
            bases["vectors"] / "vocab" / name
        ).read_bytes()


# Two recognizers


@pytest.mark.parametrize("strategy", ["extend", "update"])
def test_the_second_of_two_recognizers_is_taught_more(
    strategy: str,
    tuned: Callable[[str, str], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The project's own model, taught two more labels by what it was taught before."""
    first = tuned("own", "extend") / "model"
    world = build(
        tmp_path / "w",
        first,
        strategy,
        base__component="ner_2",
        data__rename={"BAND": "WAVE", "GEAR": "TOOL"},
    )
    said = "The base has 2 recognizers, ner_2, ner; extend adds one more"
    assert (said in " ".join(capsys.readouterr().out.split())) == (strategy == "extend")
    nlp = spacy.load(world / "model")
    names = ["tok2vec", "tagger", "parser", "ner_2", "ner"]
    assert nlp.pipe_names == (
        names if strategy == "update" else [*names[:3], "ner_2_2", *names[3:]]
    )
    assert {"PERSON", "LOC", "BAND", "GEAR", "WAVE", "TOOL"} == entity_labels(nlp)
    known = srsly.read_json(world / "corpus" / "data.json")["base_labels"]
    assert known == ["BAND", "GEAR", "LOC", "PERSON"]
    assert found(nlp, TEXTS[0]) == {("Alice Smith", "PERSON"), ("Paris", "LOC")}
    assert ("n08", "WAVE") in found(nlp, TEXTS[1])


# The package


@pytest.mark.parametrize("name", ["tiny", "en_tiny"])
def test_the_language_stands_in_a_package_name_once(name: str, tmp_path: Path) -> None:
    params = write_world(tmp_path / "w", package__name=name)
    pipeline = {"lang": "en", "name": "base", "version": "1.0.0"}
    figures: dict[str, Any] = {"ents_p": 1.0, "ents_r": 1.0, "ents_f": 1.0, "per_label": {}}
    scores = {"tuned": {"new": figures, "kept": figures}, "retention": 1.0}
    assert make_meta(pipeline, scores, [], params)["name"] == "tiny"


# Refusals


@pytest.fixture
def base(bases: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a base, to be spoiled; the test runs in its parent."""
    monkeypatch.chdir(tmp_path)
    nlp = spacy.load(bases["alone"])
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "base")
    return tmp_path / "base"


def refusal(base: Path) -> str:
    """Why `fetch` refuses a base."""
    with pytest.raises(FetchError) as refused:
        fetch(model=str(base), component="ner", assets=[], target=base.parent / "training/base")
    assert not (base.parent / "training/base").exists()
    return str(refused.value)


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf8")


def test_the_base_that_the_next_tests_spoil_is_taken(base: Path) -> None:
    fetch(model=str(base), component="ner", assets=[], target=base.parent / "training/base")
    assert spacy.load(base.parent / "training/base").pipe_names == ["ner", "sentencizer"]


@pytest.mark.parametrize("versions", [">=3.1.0,<3.2.0", ">=3.5.0,<3.6.0"])
def test_a_model_of_an_older_spacy_is_refused_with_what_to_do(versions: str, base: Path) -> None:
    meta = srsly.read_json(base / "meta.json") | {"spacy_version": versions}
    srsly.write_json(base / "meta.json", meta)
    message = refusal(base)
    assert f"is made for spaCy {versions}, here is {spacy.__version__}" in message
    assert "have a version for each spaCy" in message
    assert "train it again" in message


def test_a_requirement_that_is_missing_is_named(base: Path) -> None:
    meta = srsly.read_json(base / "meta.json") | {"requirements": ["no-such-segmenter>=1.0"]}
    srsly.write_json(base / "meta.json", meta)
    message = refusal(base)
    assert "asks for 'no-such-segmenter>=1.0', which is not installed here" in message
    assert "pip install" in message


@pytest.mark.parametrize(
    ("lang", "old", "new", "named"),
    [
        ("zh", 'segmenter = "char"', 'segmenter = "jieba"', "jieba"),
        (
            "xx",
            '@tokenizers = "spacy.Tokenizer.v1"',
            '@tokenizers = "spacy.ja.JapaneseTokenizer"',
            "sudachipy",
        ),
    ],
)
def test_a_library_that_a_tokenizer_needs_is_named(
    lang: str, old: str, new: str, named: str, base: Path
) -> None:
    nlp = spacy.blank(lang)
    nlp.add_pipe("ner", source=spacy.load(base))
    shutil.rmtree(base)
    nlp.to_disk(base)
    rewrite(base / "config.cfg", old, new)
    message = refusal(base)
    assert "cannot be loaded" in message
    assert named in message
    assert "Install what it names" in message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('factory = "sentencizer"', 'factory = "own_splitter"'),
        ('"spacy.TransitionBasedParser.v2"', '"own.Parser.v1"'),
    ],
)
def test_code_of_its_own_is_named_and_not_run(old: str, new: str, base: Path) -> None:
    (base / "__init__.py").write_text("raise SystemExit('ran')", encoding="utf8")
    rewrite(base / "config.cfg", old, new)
    message = refusal(base)
    assert new.split('"')[-2] in message
    assert "A model's own code is not run here: install the package that has it" in message


def test_a_disabled_recognizer_is_refused(base: Path) -> None:
    nlp = spacy.load(base)
    nlp.disable_pipe("ner")
    nlp.to_disk(base)
    message = refusal(base)
    assert "base.component: ner is disabled" in message
    assert "nlp.enable_pipe" in message


# Language


# spaCy's own example sentences, until there are enough words to tell by.
ENGLISH, CZECH, GERMAN = (20 * [*module.sentences] for module in (english, czech, german))


@pytest.mark.parametrize(
    ("language", "texts", "is_other"),
    [
        ("en", ENGLISH, False),
        ("en", CZECH, True),
        ("cs", CZECH, False),
        ("cs", ENGLISH, True),
        ("cs", ENGLISH[:10], False),  # too little to say
        ("xx", ENGLISH, False),  # of any language
    ],
)
def test_text_of_another_language_is_noticed(
    language: str, texts: list[str], is_other: bool
) -> None:
    assert is_other_language(language, texts) == is_other


def test_each_of_the_texts_that_is_of_another_language_is_named(
    bases: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """English general text with the German base; the text to practise on is German."""
    params = write_world(
        tmp_path / "w",
        evaluate__general=str(write_texts(tmp_path / "english.jsonl", ENGLISH)),
        rehearsal__text=str(write_texts(tmp_path / "german.jsonl", GERMAN)),
    )
    preprocess(params=params, base=bases["german"], output=tmp_path / "corpus")
    said = " ".join(capsys.readouterr().out.split())
    assert "evaluate.general does not read like German" in said
    assert "rehearsal.text does not read" not in said


def write_texts(path: Path, texts: list[str]) -> Path:
    srsly.write_jsonl(path, [{"text": text} for text in texts])
    return path
