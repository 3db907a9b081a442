"""Strategies of hypothesis that write a corpus in any form that people have labelled texts in.

Each draws sentences with known spans, and writes them in a format and dialect, with disturbances
that change nothing of what they mean.
"""

import csv
import gzip
import io
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from spacy.tokens import Doc, DocBin, Span
from spacy.vocab import Vocab

from tests.corpus import Sentence, in_characters, tags_of

Content = list[tuple[str, list[tuple[int, int, str]]]]


class Drawn(NamedTuple):
    """A corpus in one form."""

    form: str
    """The format, for statistics."""
    files: dict[str, bytes]
    expected: Content
    said: tuple[str, ...]
    """The disturbances, for a person who looks at a failure."""


# Plain words, and some that look like something else.
PLAIN = [
    *("Mira", "Sandvik", "joined", "in", "Tromsø", "Graz", "the", "Labs"),
    *("an", "office", "und", "près", "кофе", "שלום", "naïve"),
]
ODD = ["O", "17", "#", "#1", "-", "_", "'", '"', ",", ";", "|", "B-X", "e-mail", "s-Bahn", "a.b",
       "=", "http://a.b", "<s>", "I", "\\", "🙂", "n78", "[", "{", "2024-01-05"]  # fmt: skip
LETTERS = st.text(
    st.characters(exclude_categories=["Z", "C"], max_codepoint=0xDFF), min_size=1, max_size=6
)
ANY_WORD = st.one_of(st.sampled_from(PLAIN), st.sampled_from(PLAIN + ODD), LETTERS)
LABELS = st.sampled_from(["PERSON", "CITY", "WORK_OF_ART", "Ort", "a.b"])
HAN = st.sampled_from([*"李强去年加入了晨光银行在武汉上班，。"])


@st.composite
def sentences(draw: DrawFn, words: Any = None, apart: bool = False) -> Sentence:
    """Words, and spans that do not overlap.

    words: a strategy of words; plain and odd ones unless given.
    apart: whether a word stands between two spans, for tags that cannot tell them apart.
    """
    text = draw(st.lists(ANY_WORD if words is None else words, min_size=1, max_size=10))
    spans, at = [], 0
    while at < len(text):
        end = min(len(text), at + draw(st.integers(1, 3)))
        if draw(st.booleans()):
            spans.append((at, end, draw(LABELS)))
            end += apart
        at = end
    return text, spans


def corpora(words: Any = None, apart: bool = False) -> Any:
    """Sentences, a few or so many that columns can be told."""
    return st.lists(sentences(words, apart), min_size=1, max_size=12)


def disturb(draw: DrawFn, text: str, name: str, form: str, expected: Content, said: list[str]
            ) -> Drawn:  # fmt: skip
    """Write a text as a file with the marks of some system: line ends, byte order mark, gzip."""
    end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"] if form == "columns" else ["\n", "\r\n"]))
    raw = text.replace("\n", end).encode()
    if is_marked := draw(st.booleans()):
        raw = b"\xef\xbb\xbf" + raw
    if is_packed := draw(st.integers(0, 9)) == 0:
        raw, name = gzip.compress(raw), f"{name}.gz"
    said += [f"ends {end!r}"] + ["BOM"] * is_marked + ["gzip"] * is_packed
    return Drawn(form, {name: raw}, expected, tuple(said))


# A word a line


@st.composite
def columns(draw: DrawFn) -> Drawn:
    """A file with a word a line, with other columns, comments and marks of documents."""
    is_han = draw(st.integers(0, 5)) == 0
    scheme = draw(st.sampled_from(["BIIB", "BILU", "BIEU", "BIES", "BMES", "labels"]))
    corpus = draw(corpora(HAN if is_han else None, scheme == "labels"))
    delimiter = draw(st.sampled_from(["\t", " ", ","]))
    prefix = "" if is_han else draw(st.sampled_from(["", "", "", "en:"]))
    before = draw(st.lists(st.sampled_from(["index", "sentence", "file"]), max_size=2, unique=True))
    between = draw(st.lists(st.sampled_from(["lemma", "pos", "_", "chunk", "-X-"]), max_size=3))
    order = [*before, "word", *between, "tag"]
    if draw(st.integers(0, 5)) == 0:
        order = [*before, "tag", "word"]
    if draw(st.integers(0, 5)) == 0:
        order.append("_")
    is_lower, trails = draw(st.booleans()), draw(st.booleans()) and delimiter != ","
    has_header = delimiter == "," or draw(st.integers(0, 5)) == 0
    # A sentence of one word makes numbers of sentences those of words.
    is_blank = "sentence" not in before or len(corpus[0][0]) < 2 or draw(st.booleans())
    lines = [delimiter.join(HEADER.get(column, column) for column in order)] * has_header
    for number, sentence in enumerate(corpus):
        lines += draw(st.lists(st.sampled_from(ASIDES), max_size=1))
        lines += rows(sentence, number, order, delimiter, scheme, prefix, is_lower)
        lines += [""] * is_blank
    if trails:
        lines = [f"{line} " if line and "\t" in line else line for line in lines]
    said = [scheme, repr(delimiter), prefix, *order, f"{is_lower=} {trails=} {is_blank=}"]
    expected = [in_characters(sentence, "" if is_han else " ") for sentence in corpus]
    if is_lower:
        expected = [(text, [(s, e, x.lower()) for s, e, x in spans]) for text, spans in expected]
    return disturb(draw, "\n".join(lines) + "\n", "a.conll", "columns", expected, said)


HEADER = {"word": "token", "tag": "ner", "sentence": "sentence_id"}
ASIDES = ["# sent_id = 7", "# text = x", "#\thttp://example.org [2009]", "# newdoc id = d"]


def rows(
    sentence: Sentence,
    number: int,
    order: list[str],
    delimiter: str,
    scheme: str,
    prefix: str,
    is_lower: bool,
) -> list[str]:
    """The lines of a sentence.

    number: of the sentence. order: what its columns are. The others are the draws of `columns`.
    """
    tags = tags_of(sentence, "BIIB" if scheme == "labels" else scheme)
    if scheme == "labels":
        tags = [tag.partition("-")[2] or tag for tag in tags]
    lines = []
    for i, (word, tag) in enumerate(zip(sentence[0], tags, strict=True), 1):
        cells = {
            "word": prefix + word,
            "tag": tag.lower() if is_lower else tag,
            "index": str(i),
            "sentence": str(number),
            "file": "doc-1.xml",
            "lemma": "".join(char for char in word.lower() if char.isalnum()) or "x",
            "pos": ["NN", "VB", "IN"][len(word) % 3],
            "chunk": ["B-NP", "I-NP", "O"][i % 3],
        }
        row = [cells.get(column, column) for column in order]
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(row)
        lines.append(line.getvalue() if delimiter == "," else delimiter.join(row))
    return lines


@st.composite
def iob(draw: DrawFn) -> Drawn:
    """A sentence a line of word|TAG."""
    corpus = draw(corpora())
    corpus = [([word.replace("|", "-") for word in words], spans) for words, spans in corpus]
    lines = []
    for sentence in corpus:
        tags = tags_of(sentence)
        lines.append(" ".join(f"{w}|NN|{t}" for w, t in zip(sentence[0], tags, strict=True)))
    return disturb(draw, "\n".join(lines), "a.iob", "iob", [*map(in_characters, corpus)], [])


# JSON

SHAPES: dict[str, Callable[[int, int, str, str], Any]] = {
    "triple": lambda s, e, label, _: [s, e, label],
    "more": lambda s, e, label, text: [s, e, label, text],
    "prodigy": lambda s, e, label, _: {"start": s, "end": e, "label": label, "token_start": 0},
    "quoted": lambda s, e, label, text: {"start": s, "end": e, "label": label, "text": text},
    "doccano": lambda s, e, x, _: {"id": 7, "label": x, "start_offset": s, "end_offset": e},
    "labels": lambda s, e, label, text: {"start": s, "end": e, "text": text, "labels": [label]},
    "dataturks": lambda s, e, x, text: {
        "label": [x],
        "points": [{"start": s, "end": e - 1, "text": text}],
    },
}
MORE = {"id": 7, "meta": {"source": "x"}, "Comments": [], "relations": [], "cats": {"a": 1.0},
        "created_at": "2024-01-01", "answer": "accept", "_view_id": "ner_manual"}  # fmt: skip


@st.composite
def objects(draw: DrawFn) -> Drawn:
    """Records of JSON under any names, in lines, arrays, other objects, or over several lines."""
    corpus = [in_characters(sentence) for sentence in draw(corpora())]
    form = draw(st.sampled_from(["object", "pair", "words", "gliner", "task"]))
    if form in ("words", "gliner"):
        # Of so few single letters nobody can say whether blanks stand between them.
        raw = draw(corpora(st.sampled_from(PLAIN)))
        corpus = [in_characters(sentence) for sentence in raw]
        records = [word_record(sentence, form) for sentence in raw]
    else:
        shape = draw(st.sampled_from([*SHAPES]))
        keys = (
            draw(st.sampled_from(["text", "content", "sentence"])),
            draw(st.sampled_from(["spans", "ents", "entities", "label", "labels", "annotations"])),
        )
        more = {key: MORE[key] for key in draw(st.lists(st.sampled_from([*MORE]), max_size=3))}
        records = [text_record(*record, form, shape, keys, more) for record in corpus]
    ascii_, layout = draw(st.booleans()), draw(st.sampled_from(["lines", "array", "values", "in"]))
    indent = draw(st.sampled_from([1, 4])) if layout == "values" else None
    if layout in ("lines", "values"):
        text = "\n".join(json.dumps(x, ensure_ascii=ascii_, indent=indent) for x in records)
    else:
        indent = draw(st.sampled_from([None, 2]))
        whole = records if layout == "array" else {"classes": ["A"], "annotations": records}
        text = json.dumps(whole, ensure_ascii=ascii_, indent=indent)
    text += draw(st.sampled_from(["", "\n", "\n\n"]))
    said = [form, layout, f"{indent=} {ascii_=}", json.dumps(records[0])]
    return disturb(draw, text, "a.json", form, corpus, said)


def word_record(sentence: Sentence, form: str) -> dict[str, Any]:
    """A record of words with their tags (`words`), or with spans of words (`gliner`)."""
    words, spans = sentence
    if form == "words":
        return {"id": "1", "tokens": words, "ner_tags": tags_of(sentence)}
    return {"tokenized_text": words, "ner": [[s, e - 1, label] for s, e, label in spans]}


def text_record(
    text: str, spans: list[Any], form: str, shape: str, keys: tuple[str, str], more: dict[str, Any]
) -> Any:
    """A record of a text with its spans: an object, spaCy 2's pair, or a task of Label Studio.

    shape: of a span, a key of SHAPES. keys: of an object's text and spans. more: its other keys.
    """
    marked = [SHAPES[shape](s, e, label, text[s:e]) for s, e, label in spans]
    if form == "pair":
        return [text, {"entities": marked}]
    if form == "task":
        result = [
            {"type": "labels", "value": {"start": s, "end": e, "text": text[s:e], "labels": [x]}}
            for s, e, x in spans
        ]
        notes = [{"type": "choices", "value": {"choices": ["news"]}}]
        return {"id": 1, "data": {"text": text}, "annotations": [{"result": notes + result}]}
    return {**more, keys[0]: text, keys[1]: marked}


# Tables and pairs of files


@st.composite
def tables(draw: DrawFn) -> Drawn:
    """A table with a row a span, or with a list of spans in each row."""
    corpus = [in_characters(sentence) for sentence in draw(corpora())]
    is_list, delimiter = draw(st.booleans()), draw(st.sampled_from([",", ";", "\t"]))
    order = draw(st.permutations(["id", "text", "entities" if is_list else "start end label"]))
    is_json = draw(st.booleans())
    stream = io.StringIO(newline="")
    table = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
    table.writerow(" ".join(order).split())
    # Rows of one text would be those of one record.
    corpus = [*dict(corpus).items()]
    for number, (text, spans) in enumerate(corpus):
        triples = [list(span) for span in spans]
        for cells in (
            [[json.dumps(triples) if is_json else str(triples)]]
            if is_list
            else triples or [["", "", ""]]
        ):
            places = {"id": [str(number)], "text": [text]}
            table.writerow([cell for column in order for cell in places.get(column, cells)])
    said = [repr(delimiter), *order]
    return disturb(draw, stream.getvalue(), "a.csv", "table", corpus, said)


@st.composite
def brat(draw: DrawFn) -> Drawn:
    """A text and its annotations, for each sentence."""
    corpus = [in_characters(sentence) for sentence in draw(corpora())]
    files = {}
    for number, (text, spans) in enumerate(corpus):
        files[f"{number:03}.txt"] = text.encode()
        lines = [f"T{i}\t{x} {s} {e}\t{text[s:e]}\n" for i, (s, e, x) in enumerate(spans)]
        files[f"{number:03}.ann"] = "".join(lines).encode()
    return Drawn("brat", files, corpus, ())


@st.composite
def docbins(draw: DrawFn) -> Drawn:
    """A file of spaCy's own Docs."""
    corpus = draw(corpora())
    docs, vocab = DocBin(attrs=["ENT_IOB", "ENT_TYPE"]), Vocab()
    for words, spans in corpus:
        doc = Doc(vocab, words=words, spaces=[True] * (len(words) - 1) + [False])
        doc.set_ents([Span(doc, s, e, x) for s, e, x in spans], default="outside")
        docs.add(doc)
    expected = [*map(in_characters, corpus)]
    return Drawn("docbin", {"a.spacy": docs.to_bytes()}, expected, ())


FILES = st.one_of(columns(), columns(), iob(), objects(), objects(), tables(), brat(), docbins())


# Folders of splits

NAMES = {
    "train": ["train", "Training", "trn", "x-train", "eng.train"],
    "dev": ["dev", "valid", "validation", "val", "eng.testa", "x_devel"],
    "test": ["test", "Testing", "eng.testb", "holdout", "x-test"],
}
NO_DATA = ["README", "README.md", "LICENSE", "annotation.conf", "CITATION.cff", ".DS_Store"]
NO_SPLIT = ["labels.txt", "notes.jsonl", "extra.conll"]


class Folder(NamedTuple):
    """A corpus in a folder with a file or folder for each split."""

    files: dict[str, bytes]
    expected: dict[str, Content]
    """What each split has."""
    is_clear: bool
    """Whether nothing in it is of no split."""
    said: tuple[str, ...]


@st.composite
def folders(draw: DrawFn) -> Folder:
    """Splits under any of their names, with what people leave beside them."""
    files: dict[str, bytes] = {}
    expected: dict[str, Content] = {}
    said: list[str] = []
    for part in ["train", *draw(st.lists(st.sampled_from(["dev", "test"]), unique=True))]:
        drawn = draw(st.one_of(objects(), iob(), brat(), docbins()))
        stem = draw(st.sampled_from(NAMES[part]))
        for name, raw in drawn.files.items():
            files[f"{stem}/{name}" if drawn.form == "brat" else f"{stem}{name[1:]}"] = raw
        expected[part], said = drawn.expected, [*said, part, drawn.form, stem, *drawn.said]
    strange = draw(st.lists(st.sampled_from(NO_SPLIT), max_size=1))
    beside = draw(st.lists(st.sampled_from(NO_DATA), unique=True))
    files |= dict.fromkeys([*beside, *strange], b"Nothing to be learned from.\n")
    return Folder(files, expected, not strange, (*said, *beside, *strange))
