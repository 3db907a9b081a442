"""Entities have exactly the characters of their spans; what cannot be used is listed."""

import unicodedata

import pytest
import spacy
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc

from scripts.intake.alignment import make_doc
from scripts.intake.findings import Finding
from scripts.intake.records import Record, list_oddities
from tests.reading import refused

NLP = spacy.blank("en")


def make(
    text: str,
    *spans: tuple[int, int, str],
    nlp: Language = NLP,
    alignment: str = "strict",
    default: str = "outside",
) -> tuple[Doc, list[Finding], dict[str, str]]:
    """The Doc, the findings, and what is known of each token: an IOB letter, or nothing."""
    findings: list[Finding] = []
    record = Record(text, list(spans), "ticket-1", "data.jsonl", 7)
    doc = make_doc(nlp, record, alignment, findings, default)
    return doc, findings, {token.text: token.ent_iob_ for token in doc}


def found(doc: Doc) -> list[tuple[str, str]]:
    return [(span.text, span.label_) for span in doc.ents]


# Making Docs


def test_exact_spans_are_entities_and_everything_else_is_outside() -> None:
    doc, findings, iob = make("Put n78 on the router", (15, 21, "GEAR"), (4, 7, "BAND"))
    assert found(doc) == [("n78", "BAND"), ("router", "GEAR")]
    assert "".join(iob.values()) == "OBOOB"
    assert findings == []


def test_a_record_without_spans_says_nothing_of_any_token() -> None:
    doc = make_doc(NLP, Record("Put n78 up", None, "d", "p", 1), "strict", [])
    assert not doc.has_annotation("ENT_IOB")


def test_characters_that_the_source_leaves_open_are_missing() -> None:
    record = Record("Put n78 on the router", [(4, 7, "BAND")], "d", "p", 1, [(0, 5), (17, 18)])
    doc = make_doc(NLP, record, "strict", [])
    assert [token.ent_iob_ for token in doc] == ["", "B", "O", "O", ""]


def test_tokens_without_a_label_may_be_missing_by_default() -> None:
    assert list(make("Put n78 up", (4, 7, "BAND"), default="missing")[2].values()) == ["", "B", ""]


def test_a_record_with_an_empty_list_of_spans_is_all_outside() -> None:
    assert set(make("Put n78 up")[2].values()) == {"O"}


def test_the_same_span_twice_is_one_entity() -> None:
    doc, findings, _ = make("Put n78 up", (4, 7, "BAND"), (4, 7, "BAND"))
    assert found(doc) == [("n78", "BAND")]
    assert findings == []


def test_a_span_off_the_boundaries_is_listed_and_its_tokens_are_missing() -> None:
    doc, findings, iob = make("Put the routers on n78", (8, 14, "GEAR"), (19, 22, "BAND"))
    assert found(doc) == [("n78", "BAND")]
    assert iob == {"Put": "O", "the": "O", "routers": "", "on": "O", "n78": "B"}
    (finding,) = findings
    assert (finding.code, finding.path, finding.line) == ("off-boundary", "data.jsonl", 7)
    assert finding.doc == "ticket-1"
    assert "«router»s" in finding.text
    assert "GEAR" in finding.advice
    assert "«routers»" in finding.advice


@pytest.mark.parametrize("span", [(0, 10, "GEAR"), (4, 10, "GEAR"), (8, 12, "GEAR")])
def test_a_span_over_parts_of_tokens_opens_every_token_it_touches(
    span: tuple[int, int, str],
) -> None:
    doc, _, iob = make("Put the router up", span)
    touched = {
        token.text for token in doc if token.idx < span[1] and span[0] < token.idx + len(token)
    }
    assert found(doc) == []
    assert {text for text, letter in iob.items() if not letter} == touched


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((0, 8, "GEAR"), (4, 12, "BAND")),  # overlap
        ((0, 12, "GEAR"), (4, 8, "BAND")),  # nested
        ((0, 12, "GEAR"), (0, 3, "GEAR")),  # nested, the same start
        ((4, 8, "BAND"), (4, 8, "GEAR")),  # two labels
    ],
)
def test_of_spans_that_overlap_none_is_kept_and_none_becomes_outside(
    first: tuple[int, int, str], second: tuple[int, int, str]
) -> None:
    for spans in ((first, second), (second, first)):
        doc, findings, _ = make("one four ten and n78", *spans, (17, 20, "BAND"))
        assert found(doc) == [("n78", "BAND")]
        covered = set(range(*first[:2])) | set(range(*second[:2]))
        open_tokens = [token.text for token in doc if not token.ent_iob]
        assert open_tokens == [token.text for token in doc if token.idx in covered]
        (finding,) = findings
        assert finding.code in ("overlap", "nested", "two-labels")
        assert (finding.line, finding.doc) == (7, "ticket-1")
        assert first[2] in finding.advice
        assert second[2] in finding.advice


def test_spans_side_by_side_do_not_overlap() -> None:
    doc, findings, _ = make("(n78)", (0, 1, "GEAR"), (1, 4, "BAND"), (4, 5, "GEAR"))
    assert found(doc) == [("(", "GEAR"), ("n78", "BAND"), (")", "GEAR")]
    assert findings == []


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("Put n78 up", (3, 7, "BAND")),
        ("Put n78 up", (4, 8, "BAND")),
        ("Put n78 up", (3, 4, "BAND")),
        # Here the spaces are a token of their own, which spaCy never makes the edge of an entity.
        ("Put  n78 up", (4, 8, "BAND")),
        ("Put n78  up", (4, 9, "BAND")),
        ("Put n78 \n up", (4, 9, "BAND")),
        ("Put  n78 up", (4, 5, "BAND")),
    ],
)
def test_a_span_on_spaces_is_listed_and_not_used(text: str, span: tuple[int, int, str]) -> None:
    doc, findings, _ = make(text, span)
    assert found(doc) == []
    assert [finding.code for finding in findings] == ["outer-space"]
    first, last = text[span[0]], text[span[1] - 1]
    sides = [side for side, x in (("starts", first), ("ends", last)) if x.isspace()]
    assert f"{' and '.join(sides)} with a space, which is no part of a name" in findings[0].advice


@pytest.mark.parametrize(
    ("spans", "code"),
    [
        ([(0, 8, "GEAR"), (4, 12, "BAND")], "overlap"),
        ([(0, 12, "GEAR"), (4, 8, "BAND")], "nested"),
        ([(4, 8, "GEAR"), (4, 8, "BAND")], "two-labels"),
        ([(0, 8, "A"), (4, 12, "B"), (9, 16, "C")], "overlap"),
    ],
)
def test_spans_that_want_the_same_tokens_are_told_apart(
    spans: list[tuple[int, int, str]], code: str
) -> None:
    doc, findings, _ = make("one four ten and n78", *spans)
    assert (found(doc), [finding.code for finding in findings]) == ([], [code])


# Alignment


ROUTERS = "Put the routers-2 on n78"


@pytest.mark.parametrize(
    ("span", "strict", "contract", "expand"),
    [
        ((8, 14, "GEAR"), [], [], ["routers-2"]),
        ((4, 14, "GEAR"), [], ["the"], ["the routers-2"]),
        ((6, 22, "GEAR"), [], ["routers-2 on"], ["the routers-2 on n78"]),
        ((7, 17, "GEAR"), [], ["routers-2"], ["routers-2"]),
        ((3, 4, "GEAR"), [], [], []),
    ],
)
def test_a_span_off_the_boundaries_is_taken_as_alignment_says(
    span: tuple[int, int, str], strict: list[str], contract: list[str], expand: list[str]
) -> None:
    for alignment, wanted in (("strict", strict), ("contract", contract), ("expand", expand)):
        doc, findings, _ = make(ROUTERS, span, alignment=alignment)
        assert [span.text for span in doc.ents] == wanted
        (finding,) = findings
        for near in (*contract, *expand):
            assert f"«{near}»" in finding.advice
        touched = {t.i for t in doc if t.idx < span[1] and span[0] < t.idx + len(t)}
        # Evidence neither for nor against.
        used = {t.i for ent in doc.ents for t in ent}
        assert {t.i for t in doc if not t.ent_iob} == touched - used


def test_two_spans_that_are_widened_to_the_same_tokens_are_one_or_conflict() -> None:
    doc, findings, _ = make(ROUTERS, (8, 12, "A"), (12, 15, "A"), alignment="expand")
    assert found(doc) == [("routers-2", "A")]
    doc, findings, _ = make(ROUTERS, (8, 12, "A"), (12, 15, "B"), alignment="expand")
    assert found(doc) == [] and findings[-1].code == "two-labels"


# Any text, any offsets

ODD = [
    "🙂", "👩‍👩‍👧", "🏳️‍🌈", "e\u0301", "a\u030a\u0323", "שלום", "مرحبا", "\u200f", "\u200b",
    "\u200d", "\u00ad", "\r\n", "\t", "\u00a0", "\u2028", "\x00", "ﬁ", "𝒏𝟟", "東京", "n78", "-",
    "'s", "don't", " ", "  ", ".", "http://a.b/c", "\ufeff",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(ODD) | st.text(max_size=6), max_size=12).map("".join)
SPANS = st.lists(
    st.tuples(st.integers(-3, 60), st.integers(-3, 60), st.sampled_from(["A", "B"])), max_size=6
)


@settings(max_examples=400, deadline=None)
@given(text=TEXTS, spans=SPANS, alignment=st.sampled_from(["strict", "contract", "expand"]))
@example("\ud800", [], "strict")
@example("a\r\nb", [(1, 3, "A")], "expand")
def test_no_text_and_no_offsets_crash_or_change_anything(
    text: str, spans: list[tuple[int, int, str]], alignment: str
) -> None:
    code = refused(text, *spans)
    sound = all(0 <= start < end <= len(text) for start, end, _ in spans)
    has_half = any(unicodedata.category(char) == "Cs" for char in text)
    if code:
        assert not sound or not text.strip() or has_half or code.endswith("-offsets")
        return
    assert sound and text.strip() and not has_half
    record = Record(text, spans, "d", "p", 1)
    findings: list[Finding] = []
    doc = make_doc(NLP, record, alignment, findings)
    assert doc.text == text
    listed = {finding.code for finding in findings}
    for ent in doc.ents:
        exact = (ent.start_char, ent.end_char, ent.label_) in spans
        assert exact or alignment != "strict"
        assert ent.text == text[ent.start_char : ent.end_char]
        assert not ent[0].is_space and not ent[-1].is_space
    used = {(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents}
    assert set(spans) <= used or listed
    # No token that a span touches is ever evidence that nothing is there.
    for start, end, _ in spans:
        for token in doc:
            if token.idx < end and start < token.idx + len(token):
                assert token.ent_iob_ != "O"
    for finding in (*findings, *list_oddities(record, len(doc))):
        assert finding.severity in ("error", "warning")
        assert all(part in text or "…" in part for part in finding.context)


@settings(max_examples=200, deadline=None)
@given(text=TEXTS)
def test_every_exact_span_gives_back_its_characters(text: str) -> None:
    assume(text.strip() and not any(unicodedata.category(char) == "Cs" for char in text))
    doc = NLP.make_doc(text)
    for token in doc:
        if token.is_space:
            continue
        start, end = token.idx, token.idx + len(token)
        made, findings, _ = make(text, (start, end, "X"))
        assert [(ent.text, ent.start_char) for ent in made.ents] == [(text[start:end], start)]
        assert findings == []
