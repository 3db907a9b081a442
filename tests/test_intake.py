"""Splits that stay, records that are accounted for, the same bytes from any number of workers."""

import base64
import gzip
import json
import random
import shutil
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy
import pytest
import spacy
import srsly
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.training import Corpus

from scripts.exceptions import DataError
from scripts.intake import duplicates as across
from scripts.intake import minhash, worker
from scripts.intake import stream as intake
from scripts.intake import tally as batches
from scripts.intake.findings import CODES
from scripts.intake.folder import SPLITS
from scripts.intake.gather import OF_ALL, stop_at_errors, take_labelled
from scripts.intake.ranks import FEW_DOCUMENTS
from scripts.intake.splits import share
from scripts.intake.tally import Tally, part_mask, share_seen
from scripts.params import Params
from scripts.runtime.workers import in_order
from scripts.storage.docbins import read_docs
from tests.conftest import label, write_world

BLANK = spacy.blank("en")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline that only tokenizes: intake needs no more."""
    folder = tmp_path_factory.mktemp("base") / "blank"
    BLANK.to_disk(folder)
    return folder


def take(
    base: Path, folder: Path, records: list[Any] | str | bytes, jobs: int = 1, **changes: Any
) -> Tally:
    """Take in one file of records; its parts and rejected.jsonl are in `folder`/corpus."""
    shutil.rmtree(folder, ignore_errors=True)
    params = write_world(folder, **changes)
    shutil.rmtree(folder / "data")
    (folder / "data").mkdir()
    if isinstance(records, list):
        srsly.write_jsonl(folder / "data" / "train.jsonl", records)
    else:
        raw = records.encode() if isinstance(records, str) else records
        (folder / "data" / "train.jsonl").write_bytes(raw)
    return take_again(base, folder, params, jobs)


def take_again(base: Path, folder: Path, params: Params, jobs: int = 1) -> Tally:
    (folder / "corpus").mkdir()
    return take_labelled(params, base, folder / "corpus", jobs)


def rejected(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "corpus" / "rejected.jsonl").read_bytes().splitlines()
    return [json.loads(line) for line in lines]


def place(folder: Path) -> dict[str, str]:
    """The split of each text."""
    corpus = folder / "corpus"
    parts = [part for part in SPLITS if (corpus / part).is_dir()]
    return {doc.text: part for part in parts for doc in read_docs(corpus / part, BLANK.vocab)}


def documents(number: int, texts: int = 2) -> list[dict[str, Any]]:
    return [
        label(f"n78 in text {text} of {doc}", ("n78", "BAND")) | {"meta": {"doc": f"ticket-{doc}"}}
        for doc in range(number)
        for text in range(texts)
    ]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# Splits


def test_documents_stay_whole_and_shares_are_as_asked(base: Path, tmp_path: Path) -> None:
    total = take(base, tmp_path / "w", documents(1000), data__dev=0.1, data__test=0.2)
    docs = {part: set(total.facts["doc"][part_mask(total, part)].tolist()) for part in SPLITS}
    assert sum(map(len, docs.values())) == len(set.union(*docs.values())) == 1000
    assert total.used == total.read == len(place(tmp_path / "w")) == 2000
    assert len(docs["dev"]) / 1000 == pytest.approx(0.1, abs=0.02)
    assert len(docs["test"]) / 1000 == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ["ticket-{}", "{}", "note {:05}", "2026/11/{}", "d{}"])
def test_numbered_documents_are_shared_out_more_evenly_than_by_chance(name: str, seed: int) -> None:
    values = [share(name.format(i), seed) for i in range(1000)]
    for asked in (0.05, 0.1, 0.2, 0.5):
        assert sum(x < asked for x in values) / 1000 == pytest.approx(asked, abs=0.005)


def test_other_documents_are_shared_out_by_chance() -> None:
    names = [f"{random.Random(i).getrandbits(60):x}-a" for i in range(10_000)]
    values = [share(name, 0) for name in names]
    assert sum(x < 0.2 for x in values) / 10_000 == pytest.approx(0.2, abs=0.015)
    assert len(set(values)) == 10_000


def test_adding_removing_and_reordering_moves_no_other_record(base: Path, tmp_path: Path) -> None:
    records = documents(FEW_DOCUMENTS + 300, texts=1)
    take(base, tmp_path / "few", records[:FEW_DOCUMENTS])
    total = take(base, tmp_path / "all", records)
    assert total.split == "hash"
    before, after = place(tmp_path / "few"), place(tmp_path / "all")
    assert {text: after[text] for text in before} == before
    random.Random(0).shuffle(records)
    take(base, tmp_path / "mixed", records[:FEW_DOCUMENTS])
    assert place(tmp_path / "mixed").items() <= after.items()


def test_a_share_of_train_is_a_part_of_any_larger_one(base: Path, tmp_path: Path) -> None:
    learned: list[set[str]] = []
    for part in (0.25, 0.5, 1.0):
        folder = tmp_path / str(part)
        total = take(base, folder, documents(400), data__train_share=part)
        learned.append({text for text, where in place(folder).items() if where == "train"})
        whole = part_mask(total, "train").sum() + part_mask(total, "spare").sum()
        assert len(learned[-1]) / whole == pytest.approx(part, abs=0.08)
        assert total.used == 800
        assert not total.found["duplicate-across"] and not total.found["split-document"]
    assert learned[0] < learned[1] < learned[2]
    held = [{t: p for t, p in place(tmp_path / x).items() if p != "train"} for x in ("0.25", "1.0")]
    assert held[0] == held[1]


def test_another_seed_splits_otherwise(base: Path, tmp_path: Path) -> None:
    take(base, tmp_path / "a", documents(100), data__seed=0)
    take(base, tmp_path / "b", documents(100), data__seed=1)
    assert place(tmp_path / "a") != place(tmp_path / "b")


def test_texts_without_a_document_are_split_by_text(base: Path, tmp_path: Path) -> None:
    records = [{"text": f"n78 at {i}", "spans": []} for i in range(1000)]
    total = take(base, tmp_path / "w", records * 2, data__test=0.2)
    assert part_mask(total, "test").mean() == pytest.approx(0.2, abs=0.04)
    assert total.found["duplicate"] == 1000 and total.found["duplicate-across"] == 0


def test_a_folder_without_names_of_splits_is_one_set(base: Path, tmp_path: Path) -> None:
    params = write_world(tmp_path)
    data = tmp_path / "data"
    for part in SPLITS:
        (data / f"{part}.jsonl").rename(data / f"of{part}.jsonl")
    assert take_again(base, tmp_path, params).read == 30
    (data / "ofdev.jsonl").rename(data / "dev.jsonl")
    with pytest.raises(DataError, match=r"dev\.jsonl, but no train"):
        take_labelled(params, base, tmp_path / "corpus", 1)


def test_splits_may_be_folders_and_gzip(base: Path, tmp_path: Path) -> None:
    params = write_world(tmp_path)
    data = tmp_path / "data"
    (data / "train").mkdir()
    lines = (data / "train.jsonl").read_bytes().splitlines(keepends=True)
    (data / "train.jsonl").unlink()
    for number, line in enumerate(lines):
        (data / "train" / f"{number}.jsonl").write_bytes(line)
    raw = (data / "test.jsonl").read_bytes()
    (data / "test.jsonl").unlink()
    (data / "test.jsonl.gz").write_bytes(gzip.compress(raw))
    (data / "test.jsonl.gz.dvc").write_text("outs: []", encoding="utf8")
    total = take_again(base, tmp_path, params)
    assert {part: int(part_mask(total, part).sum()) for part in SPLITS} == dict.fromkeys(SPLITS, 10)
    # Small files share a shard.
    assert len(list((tmp_path / "corpus" / "train").iterdir())) == 1


def test_two_files_for_one_split_are_an_error(base: Path, tmp_path: Path) -> None:
    params = write_world(tmp_path)
    (tmp_path / "data" / "dev.csv").touch()
    with pytest.raises(DataError, match=r"dev\.csv.*dev\.jsonl.*which"):
        take_again(base, tmp_path, params)


# In = used + rejected


GOOD = label("Put n78 up", ("n78", "BAND"))


def test_rejected_records_are_kept_whole_and_can_be_put_back(base: Path, tmp_path: Path) -> None:
    bad = GOOD | {"spans": [{"start": 4, "end": 99, "label": "BAND"}], "_input_hash": 7}
    bad["score"] = 0.95  # a parser that is faster than Python's makes 0.9500000000000001 of it
    lines = [
        *(json.dumps(record) for record in documents(50)),
        json.dumps(bad),
        '{"text": "cut',
        json.dumps(GOOD | {"answer": "reject"}),
        json.dumps({"text": "half \ud83d"}),
    ]
    raw = "\n".join(lines).encode() + b'\n{"text": "Z\xfcrich"}\n'
    total = take(base, tmp_path / "w", raw)
    assert (total.read, total.used) == (105, 100)
    assert total.answers == {"reject": 1}
    rows = rejected(tmp_path / "w")
    assert [(row["code"], row["line"]) for row in rows] == [
        ("out-of-range", 101),
        ("not-json", 102),
        ("answer", 103),
        ("half-character", 104),
        ("not-utf8", 105),
    ]
    assert rows[0]["record"] == bad and rows[1]["record"] == '{"text": "cut'
    assert rows[3]["record"] == {"text": "half \ud83d"}
    assert rows[4]["record"] == '{"text": "Z\\xfcrich"}'
    assert base64.b64decode(rows[4]["base64"]) == b'{"text": "Z\xfcrich"}\n'
    with pytest.raises(DataError, match="4 records rejected"):
        stop_at_errors(total, 3)
    stop_at_errors(total, 4)
    # Mended where they stand, they are data.
    rows[0]["record"]["spans"][0]["end"] = 7
    again = take(base, tmp_path / "again", [*documents(50), rows[0]])
    assert (again.read, again.used) == (101, 101)


def test_rejected_records_of_other_formats_are_kept_as_text_or_as_json(
    base: Path, tmp_path: Path
) -> None:
    params = write_world(tmp_path)
    data = tmp_path / "data"
    (data / "train.jsonl").unlink()
    good = "In\tO\nUlm\tB-LOC\n\n" * 20
    (data / "train.tsv").write_text(good + "New\tB-LOC\nYork\tB\n\n", encoding="utf8")
    (data / "dev.jsonl").unlink()
    rows = 'text,start,end,label\n"in Ulm",3,6,LOC\n"in Bonn",3,99,LOC\n"in Kiel",three,6,LOC\n'
    (data / "dev.csv").write_text(rows, encoding="utf8")
    total = take_again(base, tmp_path, params)
    assert (total.read, total.used) == (34, 31)
    assert [row["record"] for row in rejected(tmp_path)] == [
        "New\tB-LOC\nYork\tB",
        label("in Bonn", ("Bonn", "LOC"))
        | {
            "spans": [{"start": 3, "end": 99, "label": "LOC"}],
            "meta": {"doc": sha256(b"in Bonn").hexdigest()[:16]},
        },
        "in Kiel\nthree\n6\nLOC",
    ]


LINES = st.lists(
    st.sampled_from(
        [
            json.dumps(GOOD),
            json.dumps(GOOD | {"answer": "ignore"}),
            json.dumps(GOOD | {"spans": [{"start": 9, "end": 2, "label": "X"}]}),
            json.dumps(GOOD | {"spans": [{"start": 5, "end": 6, "label": "X"}]}),
            '["Put n78 up", {"entities": [[4, 7, "BAND"]]}]',
            "{",
            "null",
            "",
        ]
    )
    | st.text(max_size=30)
    | st.builds(
        lambda text, spans: json.dumps({"text": text, "label": spans}),
        st.text(max_size=12),
        st.lists(
            st.tuples(st.integers(-2, 14), st.integers(-2, 14), st.text(max_size=3)), max_size=3
        ),
    ),
    min_size=1,
    max_size=30,
).map(lambda lines: [json.dumps(GOOD), *lines])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(lines=LINES, junk=st.binary(max_size=20))
def test_records_in_are_records_used_and_records_rejected(
    lines: list[str], junk: bytes, base: Path, tmp_path: Path
) -> None:
    lines = [line.replace("\n", " ").replace("\r", " ") for line in lines]
    raw = "\n".join(lines).encode("utf8", "surrogatepass") + b"\n" + junk.replace(b"\n", b"")
    total = take(base, tmp_path / "w", raw)
    expected = sum(not line.isspace() for line in raw.split(b"\n") if line)
    assert total.read == expected == total.used + len(rejected(tmp_path / "w"))
    # spaCy leaves nothing out that was used.
    kept = tmp_path / "w" / "corpus"
    docs = [
        d for part in SPLITS if (kept / part).is_dir() for d in read_docs(kept / part, BLANK.vocab)
    ]
    assert len(docs) == total.used
    errors = sum(total.found[code] for code, (severity, _) in CODES.items() if severity == "error")
    of_all = sum(total.found[code] for code in OF_ALL)
    assert errors - of_all + sum(total.answers.values()) == total.read - total.used


# Streams


def varied(number: int) -> list[dict[str, Any]]:
    """Records of all kinds, some of them broken, none alike."""
    rng = random.Random(0)
    records = []
    for i in range(number):
        words = [f"w{rng.randrange(10**6)}" for _ in range(rng.randrange(3, 20))]
        text = " ".join(words)
        end = len(words[0]) - (rng.random() < 0.1) + 1000 * (rng.random() < 0.05)
        span = {"start": 0, "end": end, "label": "BAND"}
        records.append({"text": text, "spans": [span], "meta": {"doc": f"ticket-{i // 3}"}})
    return records


def test_the_number_of_workers_changes_no_byte(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "CHUNK", 20_000)
    found = []
    for jobs in (1, 2, 3):
        folder = tmp_path / "w"
        total = take(base, folder, varied(3000), jobs=jobs)
        found.append((contents(folder / "corpus"), total.findings, total.found))
        assert total.used < total.read == 3000
    assert len(found[0][0]) > 20
    assert found[0] == found[1] == found[2]


def test_spacy_reads_shards_in_the_order_of_the_records(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "CHUNK", 500)
    params = write_world(tmp_path)
    records = documents(100)
    srsly.write_jsonl(tmp_path / "data" / "train.jsonl", records)
    take_again(base, tmp_path, params)
    examples = list(Corpus(tmp_path / "corpus" / "train")(BLANK))
    assert [x.reference.text for x in examples] == [record["text"] for record in records]
    assert all(x.reference.ents[0].label_ == "BAND" for x in examples)
    assert len(list((tmp_path / "corpus" / "train").iterdir())) > 10


def test_a_tokenizer_with_too_many_words_is_loaded_anew(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "CHUNK", 20_000)
    take(base, tmp_path / "w", varied(2000))
    before = contents(tmp_path / "w" / "corpus")
    load = Mock(side_effect=worker.load_tokenizer)
    monkeypatch.setattr(worker, "MOST_WORDS", 1000)
    monkeypatch.setattr(worker, "load_tokenizer", load)
    take(base, tmp_path / "w", varied(2000))
    assert load.call_count > 5
    assert contents(tmp_path / "w" / "corpus") == before


class Multiplier:
    """A worker that holds a number."""

    def __init__(self, factor: int) -> None:
        self.factor = factor

    def __call__(self, number: int) -> int:
        return self.factor * number


@pytest.mark.parametrize("jobs", [1, 2])
def test_work_is_never_far_ahead_and_comes_in_order(jobs: int) -> None:
    asked = []

    def items() -> Any:
        for number in range(50):
            asked.append(number)
            yield number

    for taken, result in enumerate(in_order(Multiplier, 2, items(), jobs)):
        assert result == 2 * taken
        assert len(asked) <= taken + 2 * jobs + 2


def test_a_file_that_breaks_off_is_an_error_in_every_worker_count(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "CHUNK", 2_000)
    raw = gzip.compress("".join(json.dumps(r) + "\n" for r in varied(500)).encode())[:-200]
    for jobs in (1, 2):
        with pytest.raises(DataError, match=r"train\.jsonl:\d+: cannot be read or unpacked"):
            take(base, tmp_path / "w", raw, jobs=jobs)


# Across records


def found(total: Tally) -> dict[str, int]:
    return {code: number for code, number in total.found.items() if number}


def take_splits(base: Path, folder: Path, **records: list[dict[str, Any]]) -> Tally:
    params = write_world(folder)
    for part, lines in records.items():
        srsly.write_jsonl(folder / "data" / f"{part}.jsonl", lines)
    return take_again(base, folder, params)


LONG = "The new router of the station in Ulm lost all of its neighbours at noon , says the report ."


def text_of(text: str, doc: str = "", *spans: tuple[str, str]) -> dict[str, Any]:
    return label(text, *spans) | ({"meta": {"doc": doc}} if doc else {})


def listed(total: Tally, code: str) -> list[tuple[str, int, str]]:
    """Where findings of a code are: file, line, document."""
    return [(Path(x.path).name, x.line, x.doc) for x in total.findings if x.code == code]


def test_the_same_text_twice(base: Path, tmp_path: Path) -> None:
    train = [*documents(5), text_of(LONG, "a"), text_of(LONG, "b")]
    total = take_splits(base, tmp_path, train=train)
    assert listed(total, "duplicate") == [("train.jsonl", 12, "b")]
    (finding,) = [x for x in total.findings if x.code == "duplicate"]
    assert finding.text.startswith("The new router") and "train.jsonl:11" in finding.advice
    assert not total.found["duplicate-across"] and not total.found["conflict"]


def test_the_same_text_in_two_splits(base: Path, tmp_path: Path) -> None:
    test = [*documents(5), text_of(LONG, "t")]
    total = take_splits(base, tmp_path, train=[*documents(6), text_of(LONG, "a")], test=test)
    # The files of documents(5) are in train, too.
    assert total.found["duplicate-across"] == 11
    assert ("test.jsonl", 11, "t") in listed(total, "duplicate-across")


def test_the_same_text_annotated_differently(base: Path, tmp_path: Path) -> None:
    train = [text_of(LONG, "a", ("router", "GEAR")), text_of(LONG, "b"), {"text": LONG}]
    total = take_splits(base, tmp_path, train=[*documents(5), *train])
    assert listed(total, "conflict") == [("train.jsonl", 12, "b")]
    # What nobody has looked at is left out, and contradicts nothing.
    assert total.found["duplicate"] == 0 and total.answers == {"unannotated": 1}


@pytest.mark.parametrize(
    ("other", "is_near"),
    [
        (LONG.replace("Ulm", "Bonn"), True),
        (LONG.upper(), True),
        (LONG + " Again .", True),
        (LONG.replace("router", "router 4711"), True),
        (
            "In Ulm , says the man of the radio , it is cold at noon and all of the snow is new .",
            False,
        ),
        (
            "A new antenna of the site in Bonn found none of its friends by night , said he .",
            False,
        ),
    ],
)
def test_nearly_the_same_text(base: Path, tmp_path: Path, other: str, is_near: bool) -> None:
    total = take_splits(base, tmp_path, train=[*documents(5), text_of(LONG), text_of(other)])
    places = [line for _, line, _ in listed(total, "near-duplicate")]
    assert (12 in places) == is_near
    again = take_splits(base, tmp_path / "two", test=[*documents(5), text_of(other)],
                        train=[*documents(5), text_of(LONG)])  # fmt: skip
    assert any(x[0] == "test.jsonl" and x[1] == 11
               for x in listed(again, "near-duplicate-across")) == is_near  # fmt: skip


def test_short_texts_are_no_near_duplicates(base: Path, tmp_path: Path) -> None:
    short = [text_of("No alarm 1 ."), text_of("No alarm 2 ."), text_of("no alarm 3 .")]
    total = take_splits(base, tmp_path, train=[*documents(5), *short])
    assert all(line <= 10 for _, line, _ in listed(total, "near-duplicate"))


def test_a_signature_estimates_the_share_of_common_words() -> None:
    """Pairs with so many words in common agree in about as many places, and are found or not."""
    rng = random.Random(0)
    agree: dict[int, list[float]] = {}
    nlp = spacy.blank("en")
    for common in (10, 30, 36, 39, 40):
        shares, pairs = [], 0
        for _ in range(100):
            words = [f"word{rng.getrandbits(40):x}q" for _ in range(80)]
            tokens = [
                nlp.make_doc(" ".join(part)).to_array(["ORTH", "SPACY"])
                for part in (words[:40], words[40 - common : 80 - common])
            ]
            signature = minhash.sign(nlp.vocab.strings, tokens)
            shares.append(float((signature[0] == signature[1]).mean()))
            near = minhash.near_duplicates(signature, numpy.array([40, 40]), numpy.arange(2))
            pairs += int(near[1] == 0)
        agree[common] = [sum(shares) / 100, pairs / 100]
        jaccard = common / (80 - common)
        assert agree[common][0] == pytest.approx(jaccard, abs=0.05)
    assert agree[30][1] < 0.15 and agree[39][1] > 0.85 and agree[40][1] == 1


def test_documents_cut_across_splits(base: Path, tmp_path: Path) -> None:
    train = [*documents(5), text_of("Put n78 up now", "ticket-99"), text_of("And n28", "ticket-99")]
    test = [text_of("Here n41 is low", "ticket-99"), text_of("It is n40 here", "ticket-99")]
    total = take_splits(base, tmp_path, train=train, test=test)
    assert listed(total, "split-document") == [("test.jsonl", 1, "ticket-99")]


def test_labels_that_are_rare_missing_or_variants(base: Path, tmp_path: Path) -> None:
    train = [
        *documents(10),
        text_of("n78 is up", "", ("n78", "Band")),
        text_of("ax", "", ("ax", "GEAR")),
    ]
    test = [text_of("a new mast", "", ("mast", "MAST"))]
    total = take_splits(base, tmp_path, train=train, dev=documents(3), test=test)
    advice = {x.advice.split(":")[0] for x in total.findings if x.code == "absent-label"}
    assert advice == {"BAND", "Band", "GEAR", "MAST"}
    assert any("{Band: BAND}" in x.advice for x in total.findings if x.code == "label-variants")
    few = {x.advice.split(":")[0] for x in total.findings if x.code == "few-examples"}
    assert few == {"Band", "GEAR"}


def test_the_share_of_names_that_train_has_too(base: Path, tmp_path: Path) -> None:
    names = ["n78", "N78", "n41", "n40"]
    test = [text_of(f"Here {name} is low", "", (name, "BAND")) for name in names]
    test += [text_of("Here n78 is high", "", ("n78", "GEAR"))]
    total = take_splits(base, tmp_path, train=documents(10), dev=documents(3), test=test)
    assert share_seen(total) == {"dev": 1.0, "test": 0.4}
    assert [x.advice[:4] for x in total.findings if x.code == "seen-mentions"] == ["100%"]


def test_a_file_of_byte_offsets_is_refused_even_where_they_fit_by_accident(
    base: Path, tmp_path: Path
) -> None:
    """A tolerated rejection must not let the rest of such a file pass."""

    def record(text: str, name: str, unit: str) -> dict[str, Any]:
        at = text.index(name)
        start, end = len(text[:at].encode()), len(text[: at + len(name)].encode())
        spans = [{"start": start, "end": end, "label": "BAND"}]
        return {
            "text": text,
            "spans": spans if unit == "bytes" else label(text, (name, "BAND"))["spans"],
        }

    texts = [("Köln: n78 is up", "n78"), ("ö a n7 8 b", "a"), ("Übel: n28 n28", "n28")]
    for unit in ("bytes", "characters"):
        records = [record(text, name, unit) for text, name in texts]
        total = take(base, tmp_path / unit, [*documents(50), *records])
        refused = [x for x in total.findings if x.code == "offset-unit"]
        assert bool(refused) == (unit == "bytes")
        if refused:
            assert total.found["byte-offsets"] >= 2
            with pytest.raises(DataError, match="offset-unit"):
                stop_at_errors(total, 100)


def test_many_findings_of_a_kind_are_counted_and_the_first_listed(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "LISTED", 5)
    monkeypatch.setattr(across, "LISTED", 5)
    monkeypatch.setattr(intake, "CHUNK", 1_000)
    off = GOOD | {"spans": [{"start": 5, "end": 7, "label": "BAND"}]}
    total = take(base, tmp_path / "w", [*documents(50), *[off] * 40], jobs=2)
    assert (total.found["off-boundary"], total.found["duplicate"]) == (40, 39)
    counts = Counter(x.code for x in total.findings)
    assert (counts["off-boundary"], counts["duplicate"]) == (5, 5)
    assert [x.line for x in total.findings if x.code == "off-boundary"] == [101, 102, 103, 104, 105]
