"""A record that cannot be used is rejected with the reason; an odd text is listed."""

import pytest
import spacy

from scripts.intake.records import (
    MAX_TEXT_LENGTH,
    Record,
    list_oddities,
)
from tests.reading import refused

# Records that are rejected


@pytest.mark.parametrize(
    ("spans", "code"),
    [
        ([(0, 99, "GEAR")], "out-of-range"),
        ([(-3, 3, "GEAR")], "out-of-range"),
        ([(20, 25, "GEAR")], "out-of-range"),
        ([(7, 4, "GEAR")], "reversed-span"),
        ([(4, 4, "GEAR")], "empty-span"),
        ([(4, 7, "BAND"), (4, 4, "GEAR")], "empty-span"),
        ([(4, 7, "BAND")], ""),
    ],
)
def test_a_span_that_is_no_part_of_the_text_rejects_its_record(
    spans: list[tuple[int, int, str]], code: str
) -> None:
    assert refused("Put n78 up", *spans) == code


@pytest.mark.parametrize("text", ["", " ", "\n\t \u00a0"])
def test_an_empty_text_is_rejected(text: str) -> None:
    assert refused(text) == "empty-text"


def test_a_text_longer_than_the_pipeline_takes_is_rejected() -> None:
    assert spacy.blank("en").max_length == MAX_TEXT_LENGTH
    assert refused("a" * (MAX_TEXT_LENGTH + 1)) == "too-long"
    assert refused("a" * MAX_TEXT_LENGTH) == ""


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("Zürich has n78 and n28", "bytes"),
        ("„Zürich“ — n78, n28.", "bytes"),
        ("北京 has n78 and n28", "bytes"),
        ("🙂 n78 and n28", "utf16"),
        ("👩‍👩‍👧 in Zürich: n78, n28", "utf16"),
        ("👩‍👩‍👧 in Zürich: n78, n28", "bytes"),
    ],
)
def test_offsets_in_bytes_or_utf16_units_are_refused_with_the_reason(text: str, unit: str) -> None:
    encoding, width = {"bytes": ("utf8", 1), "utf16": ("utf-16-le", 2)}[unit]

    def count(end: int) -> int:
        return len(text[:end].encode(encoding)) // width

    places = [(text.index(name), text.index(name) + 3) for name in ("n78", "n28")]
    moved = [(count(start), count(end), "BAND") for start, end in places]
    assert refused(text, *moved) == ("byte-offsets" if unit == "bytes" else "utf16-offsets")
    assert refused(text, *((start, end, "BAND") for start, end in places)) == ""


# Texts that are odd


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("n78 is\x00 up", "control-character"),
        ("n78 \x1b[0m up", "control-character"),
        ("n78\u2028up", "control-character"),
        ("n78 \ufeffup", "control-character"),
        ("ZÃ¼rich", "broken-encoding"),
        ("itâ€™s up", "broken-encoding"),
        ("Z\ufffdrich", "broken-encoding"),
    ],
)
def test_an_odd_text_is_listed(text: str, code: str) -> None:
    findings = list(list_oddities(Record(text, [], "d", "p", 1), 3))
    assert [finding.code for finding in findings] == [code]


@pytest.mark.parametrize(
    "text",
    [
        "Zürich, Göteborg, Łódź: “it’s up” – naïve café…",
        "a\tb\r\nc",
        "👩‍👩‍👧 ok 🏳️‍🌈",
        "שלום \u200fn78\u200e",
        "می\u200cخواهم",
        "東京の基地局",
        "Cafe\u0301",
    ],
)
def test_text_of_any_script_is_not_odd(text: str) -> None:
    assert list(list_oddities(Record(text, [], "d", "p", 1), 3)) == []


def test_a_long_text_is_listed() -> None:
    (finding,) = list_oddities(Record("word " * 3000, [], "d", "p", 1), 3000)
    assert finding.code == "long-text" and "3,000 words" in finding.advice
