"""A small corpus of known spans, to be written in other forms and read again."""

from scripts.intake.records import Record

Sentence = tuple[list[str], list[tuple[int, int, str]]]
"""Words, and spans of them: the first, the one after the last, and the label."""

SENTENCES: list[Sentence] = [
    (["Mira", "Sandvik", "joined", "Corvid", "Labs", "in", "Tromsø", "last", "autumn", "."],
     [(0, 2, "PERSON"), (3, 5, "COMPANY"), (6, 7, "CITY")]),
    (["At", "Helio", "Works", ",", "Otto", "Brand", "teaches", "welding", "."],
     [(1, 3, "COMPANY"), (4, 6, "PERSON"), (7, 8, "SKILL")]),
    (["It", "snowed", "all", "night", "and", "nobody", "came", "."], []),
    (["Lund", "and", "Turku", "were", "compared", "by", "Jo", "Ames", "in", "report", "17", "."],
     [(0, 1, "CITY"), (2, 3, "CITY"), (6, 8, "PERSON")]),
    (["Corvid", "Labs", "opens", "a", "third", "site", "near", "Graz", "."],
     [(0, 2, "COMPANY"), (7, 8, "CITY")]),
]  # fmt: skip


def tags_of(sentence: Sentence, scheme: str = "BIIB") -> list[str]:
    """The tags of a sentence's words.

    scheme: the letters of a span's first word, of those inside, of its last, and of one alone.
    """
    words, spans = sentence
    begin, inside, last, alone = tuple(scheme)
    tags = ["O"] * len(words)
    for start, end, label in spans:
        for i in range(start, end):
            letter = begin if i == start else last if i == end - 1 else inside
            tags[i] = f"{alone if end - start == 1 else letter}-{label}"
    return tags


def rows_of(sentence: Sentence) -> list[tuple[str, str]]:
    """Each word of a sentence with its tag."""
    return [*zip(sentence[0], tags_of(sentence), strict=True)]


def in_characters(sentence: Sentence, glue: str = " ") -> tuple[str, list[tuple[int, int, str]]]:
    """A sentence as its text, and spans in characters.

    glue: what stands between two words.
    """
    words, spans = sentence
    starts = [len(glue.join([*words[:i], ""])) for i in range(len(words))]
    places = [(starts[s], starts[e - 1] + len(words[e - 1]), label) for s, e, label in spans]
    return glue.join(words), places


def content(records: list[Record]) -> list[tuple[str, list[tuple[int, int, str]]]]:
    """What is compared of records: their texts and spans."""
    return [(record.text, sorted(record.spans or [])) for record in records]


EXPECTED = [in_characters(sentence) for sentence in SENTENCES]
