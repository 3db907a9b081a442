"""`try` shows what base and tuned model find in a text, and does what no text says."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
import spacy
from rich.console import Console
from spacy.tokens import Doc, Span

from scripts.reporting.side_by_side import show_side_by_side
from scripts.try_text import main
from tests.projects import ROOT

TEXT = "Alice Smith put the router on n18 ."


PATTERNS = {
    "base": {"Alice Smith": "PERSON"},
    "model": {"Alice Smith": "PERSON", "router": "GEAR", "n18": "BAND"},
}


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a base and a tuned model, as they lie in the project's; it is current."""
    for name, words in PATTERNS.items():
        nlp = spacy.blank("en")
        ruler = nlp.add_pipe("entity_ruler")
        patterns = [{"label": label, "pattern": text} for text, label in words.items()]
        ruler.add_patterns(patterns)  # type: ignore[attr-defined]
        (tmp_path / "training").mkdir(exist_ok=True)
        nlp.to_disk(tmp_path / "training" / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def feed(monkeypatch: pytest.MonkeyPatch, raw: bytes) -> None:
    """Let bytes stand in the standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="ascii"))


def test_base_and_tuned_stand_side_by_side(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([TEXT])
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[:2] == [
        "base   [Alice Smith PERSON] put the router on n18 .",
        "tuned  [Alice Smith PERSON] put the [router GEAR] on [n18 BAND] .",
    ]


def test_texts_come_from_the_standard_input_whatever_is_in_them(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    feed(monkeypatch, b'It\'s "$5" `id` for Alice Smith .\n\n\xff\xc3\xa4 [b] \x1b[31m\n')
    main(None)
    out = capsys.readouterr().out
    assert out.count("base") == out.count("tuned") == 2
    assert 'It\'s "$5" `id` for [Alice Smith PERSON] .' in out
    assert "\ufffdä [b] \ufffd[31m" in out


def test_an_argument_may_hold_bytes_that_are_no_text(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["\udcff n18\nn28"])
    assert "? " in capsys.readouterr().out


def test_a_person_in_a_terminal_is_asked(trained: Path) -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "scripts.try_text"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        os.write(ours, f"{TEXT}\n\n".encode())
        out, _ = process.communicate(timeout=120)
    os.close(theirs)
    os.close(ours)
    assert process.returncode == 0
    assert "an empty line ends" in out and "[n18 BAND]" in out


def test_without_a_model_it_is_said_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        main([TEXT])
    assert left.value.code == 1
    assert "training/base is not there yet: make run" in capsys.readouterr().out


def test_a_text_too_long_for_spacy_is_refused(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["x" * 1_000_001])
    assert "1,000,000 are the most" in capsys.readouterr().out


# What is shown of a Doc


def make_doc() -> Doc:
    doc = spacy.blank("en")("Alice met Bob .")
    doc.set_ents([Span(doc, 0, 1, "PERSON"), Span(doc, 2, 3, "PERSON")])
    return doc


def show(doc: Doc, **options: object) -> str:
    console = Console(file=io.StringIO(), width=80, highlight=False, **options)  # type: ignore
    show_side_by_side(console, {"tuned": doc}, ["PERSON"])
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("no_color", "wanted"),
    [(False, "\x1b[30;46m Alice PERSON \x1b[0m met"), (True, "[Alice PERSON] met")],
)
def test_a_terminal_has_colours_unless_nobody_wants_them(no_color: bool, wanted: str) -> None:
    assert wanted in show(
        make_doc(), color_system="standard", force_terminal=True, no_color=no_color
    )


def test_scores_are_shown_where_spans_have_some() -> None:
    doc = make_doc()
    assert show(doc).strip() == "tuned  [Alice PERSON] met [Bob PERSON] ."
    doc.spans["sc"] = [Span(doc, 0, 1, "LEAD"), Span(doc, 0, 3, "MEETING")]
    assert "LEAD" not in show(doc)
    doc.spans["sc"].attrs["scores"] = [0.918, 0.5]
    assert "sc: Alice LEAD 0.92, Alice met Bob MEETING 0.50" in show(doc)
