"""Nothing lost, nothing twice, fields carried along, the same bytes however the work was done."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pyarrow
import pyarrow.parquet
import pytest
import spacy
import srsly
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from typer.testing import CliRunner

from scripts.annotate import main
from scripts.annotation import run as running
from scripts.annotation import shards
from scripts.annotation.inputs import find_sources
from scripts.annotation.options import SUFFIXES
from scripts.annotation.plan import (
    JOURNAL,
    PLAN,
    REJECTED,
    SHARDS,
    WORK,
    find_model,
    total,
)
from scripts.annotation.shards import cut_into_shards, make_groups
from scripts.exceptions import DataError
from scripts.intake import parsers
from scripts.intake.formats import recognize
from scripts.intake.readers import read_pieces
from tests.annotating import contents, run, sentences, write
from tests.conftest import ROOT

KINDS = ("jsonl", "json", "txt", "csv", "parquet", "jsonl.gz", "txt.gz", "csv.gz")
APP = typer.Typer()
APP.command()(main)
BOOM = "a text that no component survives"
GONE = "a text that takes its process with it"


@Language.component("fragile")
def fragile(doc: Doc) -> Doc:
    """A component as they come."""
    if BOOM in doc.text:
        raise ZeroDivisionError("by this text")
    if GONE in doc.text:
        os.kill(os.getpid(), signal.SIGKILL)
    return doc


@pytest.fixture(scope="module")
def ruler(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A pipeline that finds n78, takes 1,000 characters at most, and fails where it is told to."""
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "BAND", "pattern": "n78"}])  # type: ignore[attr-defined]
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("fragile")
    folder = tmp_path_factory.mktemp("model") / "ruler"
    nlp.to_disk(folder)
    return str(folder)


def read(output: Path) -> list[dict[str, Any]]:
    """What was written, in the order of the names."""
    rows: list[dict[str, Any]] = []
    for path in sorted(output.glob("part-*")):
        if path.suffix == ".jsonl":
            rows += map(json.loads, path.read_text().splitlines())
        elif path.suffix == ".parquet":
            rows += pyarrow.parquet.read_table(path).to_pylist()
        else:
            for doc in DocBin().from_disk(path).get_docs(spacy.blank("en").vocab):
                spans = [
                    {"start": e.start_char, "end": e.end_char, "label": e.label_} for e in doc.ents
                ]
                rows.append({"text": doc.text, "spans": spans} | doc.user_data["fields"])
    return rows


def rejected(output: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (output / REJECTED).read_text().splitlines()]


# What comes in and goes out


@pytest.mark.parametrize("format_", SUFFIXES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_format_in_and_out(ruler: str, tmp_path: Path, kind: str, format_: str) -> None:
    rows = sentences(25)
    done = run(ruler, write(tmp_path / f"in.{kind}", rows), tmp_path / "out", format=format_)
    found = read(tmp_path / "out")
    assert total(done)[:3] == (25, 25, 0) and len(done) == 3
    assert [row["text"] for row in found] == [row["text"] for row in rows]
    for row in found:
        (span,) = row["spans"]
        assert row["text"][span["start"] : span["end"]] == "n78" and span["label"] == "BAND"
    if kind != "txt" and kind != "txt.gz":
        fields = [json.loads(x["fields"]) if "fields" in x else x for x in found]
        assert [str(x["id"]) for x in fields] == [str(row["id"]) for row in rows]
    assert rejected(tmp_path / "out") == []
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *(f"part-000000-00000{i}{SUFFIXES[format_]}" for i in range(3)),
        PLAN,
        REJECTED,
        SHARDS,
    ]


BAD: dict[str, tuple[str, Any, str]] = {
    "no JSON": ("jsonl", b'{"text": "cut\n', "not-json"),
    "a number": ("jsonl", b"3\n", "failed"),
    "no text": ("jsonl", {"id": 1}, "shape"),
    "text is no string": ("jsonl", {"text": 3}, "shape"),
    "no UTF-8": ("jsonl", b'{"text": "\xff"}\n', "not-utf8"),
    "half a character": ("jsonl", b'{"text": "\\ud83d n78"}\n', "half-character"),
    "too long": ("jsonl", {"text": "n78 " * 250_001}, "too-long"),
    "the key is taken": ("jsonl", {"text": "n78", "spans": []}, "key-taken"),
    "it fails": ("jsonl", {"text": BOOM, "deep": [{"x": 1.1}]}, "failed"),
    "nested deep": ("jsonl", b'{"text": "n78", "x": ' + b"[" * 9**5 + b"\n", "failed"),
    "a text that fails": ("txt", {"text": BOOM}, "failed"),
    "a line of no UTF-8": ("txt", b"\xff n78\n", "not-utf8"),
    "too many cells": ("csv", b"1,n78,n78\n", "failed"),
    "a wrong quote": ("csv", b'1,"n78" n78\n', "shape"),
    "a cell of no UTF-8": ("csv", b"\xff,n78\n", "not-utf8"),
    "a row that fails": ("csv", {"text": BOOM}, "failed"),
    "null": ("parquet", {"text": None}, "shape"),
    "a Parquet row that fails": ("parquet", {"text": BOOM, "id": 3}, "failed"),
    "an element that is none": ("json", 3, "failed"),
}


@pytest.mark.parametrize("format_", SUFFIXES)
@pytest.mark.parametrize("name", BAD)
def test_a_document_that_fails_is_rejected_whole_and_alone(
    ruler: str, tmp_path: Path, name: str, format_: str
) -> None:
    kind, bad, code = BAD[name]
    rows: list[Any] = sentences(6)
    source = write(tmp_path / f"in.{kind}", [*rows[:3], bad, *rows[3:]])
    done = run(ruler, source, tmp_path / "out", format=format_)
    assert total(done)[:3] == (7, 6, 1)
    assert [row["text"] for row in read(tmp_path / "out")] == [row["text"] for row in rows]
    (row,) = rejected(tmp_path / "out")
    assert (row["code"], row["path"]) == (code, f"in.{kind}") and row["advice"]
    assert row["line"] == 4 + (kind == "csv")
    if isinstance(bad, dict):
        assert bad.items() <= row["record"].items()
    elif isinstance(bad, bytes) and b"\xff" not in bad and kind != "csv":
        assert row["record"] == bad.decode().strip() or json.loads(bad) == row["record"]


@pytest.mark.slow  # 30 examples, each a whole run
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.sampled_from([*BAD.values(), *[("", {"text": "on n78"}, "")] * 20]), max_size=40),
    st.sampled_from(["jsonl", "txt.gz", "csv"]),
    st.sampled_from([*SUFFIXES]),
    st.integers(1, 12),
)
def test_written_and_rejected_are_what_was_read(
    ruler: str, tmp_path: Path, picked: list[Any], kind: str, format_: str, size: int
) -> None:
    rows = [bad for of, bad, _ in picked if of in ("", kind.split(".")[0])]
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    source = write(tmp_path / f"in.{kind}", rows)
    done = run(ruler, source, tmp_path / "out", format=format_, shard_size=size)
    written, thrown = read(tmp_path / "out"), rejected(tmp_path / "out")
    assert len(written) + len(thrown) == len(rows) == total(done)[0]
    assert len(written) == sum(row == {"text": "on n78"} for row in rows)
    assert len(done) == max(1, -(-len(rows) // size))


def test_mended_rejects_are_read_as_they_stand(ruler: str, tmp_path: Path) -> None:
    run(ruler, write(tmp_path / "in.jsonl", [{"id": 7, "text": BOOM}]), tmp_path / "out")
    lines = (tmp_path / "out" / REJECTED).read_text().replace(BOOM, "n78")
    (tmp_path / "mended.jsonl").write_text(lines)
    run(ruler, tmp_path / "mended.jsonl", tmp_path / "again")
    (row,) = read(tmp_path / "again")
    assert row == {"id": 7, "text": "n78", "spans": [{"start": 0, "end": 3, "label": "BAND"}]}


def test_fields_are_carried_as_they_are(ruler: str, tmp_path: Path) -> None:
    fields = '"z": 0.30000000000000004, "big": 123456789012345678901234, "a": {"b": [null, "ü"]}'
    (tmp_path / "in.jsonl").write_text(f'{{"text": "n78", {fields}}}\n')
    run(ruler, tmp_path / "in.jsonl", tmp_path / "out")
    spans = '"spans": [{"start": 0, "end": 3, "label": "BAND"}]'
    (line,) = (tmp_path / "out" / "part-000000-000000.jsonl").read_text().splitlines()
    assert line == f'{{"text": "n78", {fields}, {spans}}}'


def test_columns_of_parquet_keep_their_types(ruler: str, tmp_path: Path) -> None:
    row = {
        "when": datetime(2026, 1, 2, 3, 4, 5, 6),
        "price": Decimal("1.10"),
        "raw": b"\xff",
        "text": "n78",
        "tags": ["a", None],
        "meta": {"x": 1},
    }
    write(tmp_path / "in.parquet", [row, row | {"price": None}])
    before = pyarrow.parquet.read_schema(tmp_path / "in.parquet")
    run(ruler, tmp_path / "in.parquet", tmp_path / "out", format="parquet")
    after = pyarrow.parquet.read_schema(tmp_path / "out" / "part-000000-000000.parquet")
    assert [*after][:-1] == [*before] and after.names[-1] == "spans"
    assert [{k: v for k, v in r.items() if k != "spans"} for r in read(tmp_path / "out")] == [
        row,
        row | {"price": None},
    ]
    run(ruler, tmp_path / "in.parquet", tmp_path / "lines")
    (first, _) = read(tmp_path / "lines")
    assert first["when"] == "2026-01-02T03:04:05.000006"
    assert (first["price"], first["raw"]) == ("1.10", "/w==")


@pytest.mark.parametrize("parsed", [True, False])
def test_a_docbin_has_all_that_the_model_says(
    bases: dict[str, Path], tmp_path: Path, parsed: bool
) -> None:
    nlp = spacy.load(bases["own"])
    if not parsed:
        nlp.remove_pipe("parser")
        nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "model")
    source = write(tmp_path / "in.jsonl", sentences(30))
    run(str(tmp_path / "model"), source, tmp_path / "out", format="docbin")
    vocab = spacy.blank("en").vocab
    for path in sorted((tmp_path / "out").glob("*.spacy")):
        for doc in DocBin().from_disk(path).get_docs(vocab):
            assert doc.to_json() == nlp(doc.text).to_json()
            assert doc.has_annotation("DEP") == parsed


def test_what_is_found_can_be_corrected_and_learned_from(ruler: str, tmp_path: Path) -> None:
    run(ruler, write(tmp_path / "in.jsonl", sentences(3)), tmp_path / "out")
    path = tmp_path / "out" / "part-000000-000000.jsonl"
    layout = recognize(path)
    records = [parsers.parse(piece, layout) for piece, _ in read_pieces(path, layout)]
    assert [[label for _, _, label in record.spans or ()] for record in records] == [["BAND"]] * 3


# The same bytes


@pytest.mark.slow  # nine runs, six of which start processes that load a model
def test_the_same_bytes_from_any_number_of_workers(bases: dict[str, Path], tmp_path: Path) -> None:
    model = str(bases["own"])
    for kind in ("jsonl", "csv", "txt.gz"):
        write(tmp_path / "in" / f"{kind[0]}.{kind}", [*sentences(70), {"text": "\x00 n78"}])
    for format_ in SUFFIXES:
        for jobs in (1, 2, 3):
            run(model, tmp_path / "in", tmp_path / f"{format_}{jobs}", jobs, format=format_)
        one, *others = (contents(tmp_path / f"{format_}{jobs}") for jobs in (1, 2, 3))
        assert others == [one, one] and len(one) > 20
    nlp = spacy.load(model)
    texts = [row["text"] for row in read(tmp_path / "jsonl1")]
    expected = [[(e.start_char, e.end_char, e.label_) for e in d.ents] for d in nlp.pipe(texts)]
    found = [[tuple(s.values()) for s in row["spans"]] for row in read(tmp_path / "jsonl1")]
    assert found == expected and any(found)


def test_a_model_that_is_loaded_anew_says_the_same(
    bases: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(tmp_path / "in.jsonl", sentences(60))
    run(str(bases["own"]), source, tmp_path / "once")
    monkeypatch.setattr("scripts.annotation.work.MOST_WORDS", -1)
    run(str(bases["own"]), source, tmp_path / "anew")
    assert contents(tmp_path / "once") == contents(tmp_path / "anew")


def test_small_files_share_shards_and_keep_their_order(ruler: str, tmp_path: Path) -> None:
    rows = sentences(40)
    for i, row in enumerate(rows):
        write(tmp_path / "in" / f"{i // 10}" / f"{i % 10}.jsonl", [row])
    done = run(ruler, tmp_path / "in", tmp_path / "out", shard_size=15)
    assert [x.read for x in done] == [15, 15, 10]
    assert [row["id"] for row in read(tmp_path / "out")] == [*range(40)]


def test_long_documents_make_smaller_shards(
    ruler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "MOST", 100)
    done = run(ruler, write(tmp_path / "in.jsonl", sentences(10)), tmp_path / "out")
    assert len(done) == 10 and total(done)[:3] == (10, 10, 0)


def test_progress_adds_up_to_the_files(tmp_path: Path, ruler: str) -> None:
    for kind in KINDS:
        write(tmp_path / "in" / f"{KINDS.index(kind)}.{kind}", sentences(95))
    groups = make_groups(find_sources(tmp_path / "in", "text", "spans"), 10)
    size = sum(path.stat().st_size for path in (tmp_path / "in").iterdir())
    assert sum(shard.progress for group in groups for shard in cut_into_shards(group)) == size


# Killed, and started again


def start(
    model: str, source: Path, output: Path, *options: str, environment: Any = None
) -> subprocess.Popen:
    """Start the command."""
    command = [sys.executable, "-m", "scripts.annotate", model, str(source), str(output)]
    command += ["--shard-size", "20", *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, cwd=ROOT, env=environment, **pipes)  # type: ignore[call-overload]


def wait_for(parts: int, output: Path, process: subprocess.Popen) -> None:
    """Wait until so many shards are finished."""
    while len(list(output.glob("part-*"))) < parts:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


@pytest.mark.slow  # starts the command three times, each time with two processes
def test_a_run_that_was_killed_goes_on(bases: dict[str, Path], tmp_path: Path) -> None:
    model, rows = str(bases["own"]), [*sentences(3000), {"id": -1}, *sentences(20)]
    source = write(tmp_path / "in.jsonl", rows)
    for parts in (20, 60):
        process = start(model, source, tmp_path / "out", "--jobs", "2")
        wait_for(parts, tmp_path / "out", process)
        below = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        _, alive = psutil.wait_procs(below, timeout=600)
        assert not alive, "workers outlive a killed run"
        journal = (tmp_path / "out" / WORK / JOURNAL).read_bytes()
        # As if it had been killed in the middle of a line.
        (tmp_path / "out" / WORK / JOURNAL).write_bytes(journal[:-5])
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").glob("part-*")}
    said = len(journal.splitlines())
    assert 40 < said <= len(before) < 151
    again = start(model, source, tmp_path / "out", "--jobs", "2")
    told, _ = again.communicate()
    assert again.returncode == 0 and b"3,021 documents read = 3,020 annotated" in told
    kept = [path for path, changed in before.items() if path.stat().st_mtime_ns == changed]
    assert len(kept) >= said - 1
    run(model, source, tmp_path / "whole", shard_size=20)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


@pytest.mark.slow  # seven runs, one of which starts processes that load a model
def test_a_finished_run_has_nothing_to_do_and_mends_what_is_lost(
    ruler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = sentences(50)
    rows[12]["text"] = rows[43]["text"] = BOOM
    source = write(tmp_path / "in.jsonl", rows)
    run(ruler, source, tmp_path / "out")
    before = contents(tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr(running, "spread", None)
        assert total(run(ruler, source, tmp_path / "out"))[:3] == (50, 48, 2)
    for lost in ("part-000000-000001.jsonl", "part-000000-000004.jsonl", REJECTED, SHARDS):
        (tmp_path / "out" / lost).unlink()
        run(ruler, source, tmp_path / "out")
        assert contents(tmp_path / "out") == before
    (tmp_path / "out" / "part-000000-000003.jsonl").write_bytes(b"{}")
    run(ruler, source, tmp_path / "out", jobs=2)
    assert contents(tmp_path / "out") == before


def test_a_run_does_not_go_on_with_something_else(
    ruler: str, bases: dict[str, Path], tmp_path: Path
) -> None:
    source = write(tmp_path / "in" / "a.jsonl", sentences(5))
    run(ruler, source.parent, tmp_path / "out")
    changes: list[tuple[str, Callable[[], object]]] = [
        ("model", lambda: run(str(bases["own"]), source.parent, tmp_path / "out")),
        ("--shard-size", lambda: run(ruler, source.parent, tmp_path / "out", shard_size=11)),
        ("--format", lambda: run(ruler, source.parent, tmp_path / "out", format="parquet")),
        ("--text-field", lambda: run(ruler, source.parent, tmp_path / "out", text_field="body")),
        ("--disable", lambda: run(ruler, source.parent, tmp_path / "out", disable=("fragile",))),
    ]
    for what, again in changes:
        with pytest.raises(DataError, match=f"begun with another {what}.*another folder"):
            again()
    write(source, sentences(6))
    write(tmp_path / "in" / "b.jsonl", sentences(6))
    with pytest.raises(DataError, match=r"another input a\.jsonl, another input b\.jsonl"):
        run(ruler, source.parent, tmp_path / "out")


def test_what_is_lost_meanwhile_is_an_error(
    ruler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(tmp_path / "in.jsonl", sentences(50))
    real = running.spread
    for lost in (0, 2, 4):
        with monkeypatch.context() as patch:
            patch.setattr(
                running,
                "spread",
                lambda *a: (d for d in real(*a) if d.number != lost),  # noqa: B023
            )
            with pytest.raises(DataError, match=f"lost: .*part-000000-00000{lost}"):
                run(ruler, source, tmp_path / f"out{lost}")
        assert total(run(ruler, source, tmp_path / f"out{lost}"))[:3] == (50, 50, 0)


# Refused at once


def test_errors_before_any_work(ruler: str, tmp_path: Path) -> None:
    good = write(tmp_path / "good.jsonl", sentences(1))
    table = write(tmp_path / "table.csv", sentences(1))
    labelled = {"text": "n78 is up .", "spans": [{"start": 0, "end": 3, "label": "BAND"}]}
    old = write(tmp_path / "exported.jsonl", [*sentences(2), labelled])
    (tmp_path / "what.bin").write_bytes(b"\x00\x01")
    (tmp_path / "wide.txt").write_bytes("n78".encode("utf-16"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").touch()
    out = tmp_path / "out"
    cases: list[tuple[str, Callable[[], object]]] = [
        ("not there", lambda: run(ruler, tmp_path / "none", out)),
        ("what is it", lambda: run(ruler, tmp_path / "what.bin", out)),
        ("UTF-16", lambda: run(ruler, tmp_path / "wide.txt", out)),
        ("no column 'words'", lambda: run(ruler, table, out, text_field="words")),
        ("has a column 'id'", lambda: run(ruler, table, out, entities_field="id")),
        ("exported.jsonl:3: the document has 'spans' already.*found", lambda: run(ruler, old, out)),
        ("two different names", lambda: run(ruler, good, out, entities_field="text")),
        ("no pipeline", lambda: run("no_such_model", good, out)),
        ("would be read again", lambda: run(ruler, tmp_path, out)),
        ("not empty", lambda: run(ruler, good, tmp_path / "full")),
    ]
    for message, case in cases:
        with pytest.raises(DataError, match=message):
            case()
        assert not out.exists()


def test_a_file_that_breaks_off_is_rejected_from_there_on(ruler: str, tmp_path: Path) -> None:
    whole = gzip.compress("".join(json.dumps(x) + "\n" for x in sentences(4000)).encode())
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    write(tmp_path / "in" / "b.jsonl", sentences(5))
    read_, written, thrown, _ = total(run(ruler, tmp_path / "in", tmp_path / "out"))
    assert thrown == 1 and read_ == written + 1 and written > 1000
    (row,) = rejected(tmp_path / "out")
    assert (row["code"], row["path"]) == ("broken-file", "a.jsonl.gz")
    assert "fetch it again" in row["advice"]
    assert [x["id"] for x in read(tmp_path / "out")[-5:]] == [*range(5)]


# The command


def test_the_command(ruler: str, tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", [{"id": 1, "text": "n78"}, {"text": BOOM}])
    command = [ruler, str(source), str(tmp_path / "out"), "--format", "parquet"]
    done = CliRunner().invoke(
        APP, [*command, "--entities-field", "found", "--disable", "sentencizer"]
    )
    assert done.exit_code == 0, done.output
    assert "2 documents read = 1 annotated" in " ".join(done.output.split())
    assert read(tmp_path / "out")[0]["found"][0]["label"] == "BAND"
    again = CliRunner().invoke(APP, command)
    assert again.exit_code == 1 and "another --disable" in " ".join(again.output.split())


def test_a_run_that_annotated_nothing_fails_and_says_why(ruler: str, tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", [{"body": "n78"}, {"body": "n28"}])
    done = CliRunner().invoke(APP, [ruler, str(source), str(tmp_path / "out")])
    assert done.exit_code == 1
    said = " ".join(done.output.split())
    assert "Every document was rejected" in said and "in.jsonl:1: shape: It has no text" in said


def test_a_worker_that_is_killed_ends_the_run_and_it_goes_on(ruler: str, tmp_path: Path) -> None:
    rows = sentences(100)
    rows[70]["text"] = GONE
    source = write(tmp_path / "in.jsonl", rows)
    command = [ruler, str(source), str(tmp_path / "out"), "--shard-size", "10"]
    done = CliRunner().invoke(APP, [*command, "--jobs", "2"])
    assert done.exit_code == 1 and "it goes on" in " ".join(done.output.split())
    assert not (tmp_path / "out" / SHARDS).exists()
    stat = source.stat()
    source.write_bytes(source.read_bytes().replace(GONE.encode(), b"x" * len(GONE)))
    os.utime(source, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    again = CliRunner().invoke(APP, command)
    assert again.exit_code == 0, again.output
    assert len(read(tmp_path / "out")) == 100


def test_an_installed_package_is_a_model(
    ruler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "xx_tiny"
    shutil.copytree(ruler, package / "xx_tiny-0.0.0")
    (package / "__init__.py").write_text(
        "from pathlib import Path\nfrom spacy.util import load_model_from_init_py\n"
        "def load(**options):\n    return load_model_from_init_py(__file__, **options)\n"
    )
    meta = srsly.read_json(package / "xx_tiny-0.0.0" / "meta.json")
    meta |= {"lang": "xx", "name": "tiny", "version": "0.0.0"}
    srsly.write_json(package / "meta.json", meta)
    monkeypatch.syspath_prepend(tmp_path / "site")
    source = write(tmp_path / "in.jsonl", sentences(3))
    assert find_model("xx_tiny") == package / "xx_tiny-0.0.0"
    monkeypatch.setattr(spacy.util, "is_package", lambda name: name == "xx_tiny")
    run("xx_tiny", source, tmp_path / "out")
    assert len(read(tmp_path / "out")) == 3
