"""On every page, and in a terminal, hostile text stays text."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import srsly
from markdown_it import MarkdownIt

from scripts.intake.findings import Finding
from scripts.intake.tally import FileRead, Tally
from scripts.reporting import picture
from scripts.reporting.comparison import as_markdown
from scripts.reporting.evaluation import make_report
from scripts.reporting.findings_page import write_findings
from scripts.reporting.summary import as_text, summary
from tests.evaluations import DATA, ROWS, everything, summary_data, summary_scores
from tests.pages import HOSTILE, assert_text_stayed_text, browse, in_browser, poison

pytestmark = pytest.mark.usefixtures("here")


def report_page() -> str:
    """The report, hostile wherever a text of somebody's can stand."""
    given = everything()
    names = {"BAND", "PERSON", "LOC", "HEAD", "workspace", "training.max_epochs"}
    names |= {"assets/own", "en_tiny 1.2.3", "en_small 3.2.1", "update", "training/model"}
    names |= {row[key] for row in ROWS for key in ("doc", "text")}
    given |= {
        "params": {"training": {HOSTILE: HOSTILE}, "data": {"rename": {HOSTILE: [HOSTILE]}}},
        "data": DATA | {"dropped_labels": ["LOC"]},
    }
    given["comparison"] |= {
        "params": [{"key": HOSTILE, "before": HOSTILE, "after": HOSTILE}],
        "data": [{"path": HOSTILE, "before": HOSTILE, "after": HOSTILE}],
    }
    curves = {f"label_f/{HOSTILE}": [(10.0, 0.5)]}
    return make_report(**poison(given, names) | {"curves": curves})


def findings_page(folder: Path) -> str:
    """The findings of a hostile file, document and text, each marked and not."""
    contexts = [(HOSTILE, HOSTILE, HOSTILE), (HOSTILE, "", "")]
    found = [Finding("shape", HOSTILE, 3, HOSTILE, x, HOSTILE) for x in contexts]
    total = Tally(read=2)
    total.fates[HOSTILE, "nested"] = 1
    total.understood = [FileRead(HOSTILE, HOSTILE, {HOSTILE: 1}, 1, HOSTILE)]
    total.findings = found
    total.found["shape"] = 2
    write_findings(total, folder)
    return (folder / "findings.html").read_text(encoding="utf8")


def comparison_markdown() -> str:
    """A comparison for a pull request."""
    change = {"before": 0.8, "after": 0.84, "difference": 0.04, "low": 0.01, "high": 0.07, "p": 0.2}
    text = {"part": "test", "doc": HOSTILE, "text": HOSTILE, "change": 1}
    different = {"before": HOSTILE, "after": HOSTILE}
    result = {
        "before": HOSTILE,
        "after": "workspace",
        "notes": [],
        "retention": {"before": "1.000", "after": "1.000"},
        "rows": [{"measured": "new", "label": HOSTILE, **change}],
        "params": [different | {"key": HOSTILE}],
        "data": [different | {"path": HOSTILE}],
        "better": [text],
        "worse": [text],
    }
    return as_markdown(result)


READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def test_text_stays_text_in_the_findings(here: Path) -> None:
    assert_text_stayed_text(findings_page(here))


def test_text_stays_text_in_the_report() -> None:
    assert_text_stayed_text(report_page(), scripts=2)


def test_text_stays_text_in_a_comparison() -> None:
    page = READER.render(comparison_markdown())
    assert_text_stayed_text(page)
    assert "<h1>" not in page and page.count("<tr>") == 2


def summary_inputs() -> tuple[dict[str, Any], dict[str, Any]]:
    """What the summary says something of, with hostile labels."""
    names = {"BAND", "GEAR"}
    scores = poison(summary_scores(), names)
    data = summary_data() | {"dropped_labels": [HOSTILE], "rivals": {HOSTILE: {HOSTILE: 0.5}}}
    return scores, data


def test_text_stays_text_in_the_picture(here: Path) -> None:
    for path, content in zip((picture.SCORES, picture.DATA), summary_inputs(), strict=True):
        path.parent.mkdir(parents=True)
        srsly.write_json(path, content)
    picture.draw_summary(Path("summary.svg"))
    page = Path("summary.svg").read_text(encoding="utf8")
    tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(page).iter()}
    assert tags <= {"svg", "style", "defs", "clipPath", "rect", "g", "text", "circle"}
    assert "&lt;script&gt;" in page


def test_a_terminal_obeys_no_label(here: Path) -> None:
    text = as_text(summary(*summary_inputs(), None, []))
    own = re.sub(r"\x1b\[[01;]*m", "", text)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", own)
    assert len(text.splitlines()) <= 10


@in_browser
@pytest.mark.slow
@pytest.mark.parametrize("name", ["report", "findings", "comparison"])
def test_a_browser_runs_nothing_of_it(name: str, here: Path) -> None:
    path = here / f"{name}.html"
    if name == "report":
        path.write_text(report_page(), encoding="utf8", errors="backslashreplace")
    elif name == "findings":
        findings_page(here)
    else:
        path.write_text(READER.render(comparison_markdown()), encoding="utf8")
    assert_text_stayed_text(browse(path), scripts=2 if name == "report" else 0)
