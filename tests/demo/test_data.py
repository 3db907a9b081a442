"""The demo data: enough of it, in whole tokens, and written, not filled in from templates."""

import re
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import pytest
import spacy
import srsly

TELECOM = Path("assets/telecom")
NEW = {"TECHNIQUE", "PROTOCOL", "EQUIPMENT", "BAND", "STANDARD"}
KEPT = {"PERSON", "ORG", "LOC"}
SPLITS = ("train", "dev", "test")
# Two texts that share more than this part of their pairs of neighbouring words say the same.
SAME = 0.35


@pytest.fixture(scope="module")
def data() -> dict[str, list[dict]]:
    files = {part: TELECOM / f"{part}.jsonl" for part in SPLITS}
    files["general"] = Path("assets/general.jsonl")
    return {name: list(srsly.read_jsonl(path)) for name, path in files.items()}


def labels(records: list[dict]) -> Counter[str]:
    return Counter(span["label"] for record in records for span in record.get("spans", []))


def skeleton(record: dict) -> str:
    """The text with its names as labels and its digits as 0: what a template would leave."""
    text = record["text"]
    for span in sorted(record.get("spans", []), key=lambda span: -span["start"]):
        text = text[: span["start"]] + span["label"] + text[span["end"] :]
    return re.sub(r"\d+", "0", text)


def word_pairs(text: str) -> frozenset[tuple[str, str]]:
    words = re.findall(r"\w+", text.lower())
    return frozenset(pairwise(words))


def near_duplicates(texts: list[str]) -> set[tuple[int, int]]:
    """Pairs of texts whose word pairs have a Jaccard index above SAME.

    With a set's members sorted from rare to frequent, two such sets share one of their first
    `len - ceil(SAME * len) + 1` members; only these are looked up, so frequent ones cost nothing.
    """
    sets = [word_pairs(text) for text in texts]
    frequency = Counter(pair for pairs in sets for pair in pairs)
    index: dict[tuple[str, str], list[int]] = defaultdict(list)
    found = set()
    for i, pairs in enumerate(sets):
        rare = sorted(pairs, key=lambda pair: (frequency[pair], pair))
        first = rare[: len(rare) - int(SAME * len(rare))]
        for j in {j for pair in first for j in index[pair]}:
            if len(pairs & sets[j]) > SAME * len(pairs | sets[j]):
                found.add((j, i))
        for pair in first:
            index[pair].append(i)
    return found


def test_near_duplicates_are_found() -> None:
    texts = [
        "Swap the router at Brackley Hill before noon.",
        "The splitter was wet.",
        "Swap the router at Brackley Mill before noon!",
        "The splitter was dry, the closure was not.",
    ]
    assert near_duplicates(texts) == {(0, 2)}


def test_telecom_is_large_enough(data: dict[str, list[dict]]) -> None:
    records = [record for part in SPLITS for record in data[part]]
    assert len(records) >= 1000
    assert len({record["meta"]["doc"] for record in records}) >= 120
    assert sum(labels(records)[label] for label in NEW) >= 2500


@pytest.mark.parametrize("part", ["train", "dev"])
def test_train_and_dev_carry_exactly_the_new_labels(data: dict[str, list[dict]], part: str) -> None:
    assert set(labels(data[part])) == NEW


def test_test_split_carries_the_kept_labels_too(data: dict[str, list[dict]]) -> None:
    assert set(labels(data["test"])) == NEW | KEPT


def test_every_label_can_be_measured(data: dict[str, list[dict]]) -> None:
    assert min(labels(data["test"]).values()) >= 50


def test_every_telecom_text_is_labelled_and_names_its_document(
    data: dict[str, list[dict]],
) -> None:
    for part in SPLITS:
        assert all("spans" in record and record["meta"]["doc"] for record in data[part])


def test_no_document_is_in_two_splits(data: dict[str, list[dict]]) -> None:
    documents = [name for part in SPLITS for name in {r["meta"]["doc"] for r in data[part]}]
    assert len(documents) == len(set(documents))


def test_general_has_gold_and_raw_text(data: dict[str, list[dict]]) -> None:
    gold = [record for record in data["general"] if "spans" in record]
    assert len(gold) >= 300
    assert len(data["general"]) - len(gold) >= 2000
    assert set(labels(gold)) == KEPT


def test_no_text_comes_twice(data: dict[str, list[dict]]) -> None:
    texts = Counter(" ".join(r["text"].split()) for records in data.values() for r in records)
    assert [text for text, count in texts.items() if count > 1] == []


def test_spans_are_whole_tokens_and_do_not_overlap(data: dict[str, list[dict]]) -> None:
    nlp = spacy.blank("en")
    wrong = []
    for record in (r for records in data.values() for r in records if r.get("spans")):
        doc, last = nlp.make_doc(record["text"]), 0
        for span in sorted(record["spans"], key=lambda span: span["start"]):
            start, end = span["start"], span["end"]
            text = record["text"][start:end]
            if start < last or not text or text != text.strip() or not doc.char_span(start, end):
                wrong.append((text, span, record["text"]))
            last = end
    assert wrong == []


def test_hardly_any_text_says_what_another_says(data: dict[str, list[dict]]) -> None:
    texts = [record["text"] for records in data.values() for record in records]
    pairs = near_duplicates(texts)
    assert len({i for pair in pairs for i in pair}) < 0.01 * len(texts), [
        (texts[i], texts[j]) for i, j in pairs
    ]


def test_no_sentence_is_a_template(data: dict[str, list[dict]]) -> None:
    records = [record for records in data.values() for record in records]
    sentences = Counter(s for r in records for s in re.split(r"(?<=[.!?])\s+", skeleton(r)))
    # Three words can come back in honest prose ("Ticket closed.", "No. 3").
    assert [s for s, count in sentences.items() if count > 1 and len(s.split()) > 3] == []


def test_guide_explains_each_label() -> None:
    guide = (TELECOM / "GUIDE.md").read_text(encoding="utf8")
    explained = set(re.findall(r"^\| ([A-Z]+) \| \S", guide, re.MULTILINE))
    assert explained == NEW | KEPT
