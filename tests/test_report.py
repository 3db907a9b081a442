"""The page of an evaluation: what it says, that text stays text, and what it does in a browser."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import srsly

from scripts import report
from scripts.reporting.changes import SHOWN
from scripts.reporting.curves import draw_curves, read_curves
from scripts.reporting.evaluation import make_report
from scripts.reporting.marks import MODELS
from scripts.reporting.origin import read_origin
from scripts.reporting.picture import WIDTH, photograph
from scripts.storage.dvc import hash_path
from tests.conftest import write_world
from tests.evaluations import (
    DATA,
    HOSTILE,
    ROWS,
    block,
    everything,
    inputs,
    row,
    unknown_kept,
)
from tests.pages import browse, in_browser, island_cut


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with everything that can be there."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(make_report(**everything()), encoding="utf8")
    return path


def island(page: str) -> dict[str, Any]:
    """The data that stands in the page."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def states(page: str, number: int, lane: str) -> list[tuple[str, str]]:
    """Label and state of the marks of a text."""
    data = island(page)
    names = [*data["labels"], ""]
    return [(names[m[2]], data["states"][m[3]]) for m in data["texts"][number][lane]]


def test_absent_inputs() -> None:
    page = make_report(**inputs())
    for said in ("scripts.compare HEAD --page", "No curves were", "unknown", "0.841", "1,234"):
        assert said in page


def test_empty() -> None:
    data = {"labels": [], "base_labels": [], "spans": {"dev": {}, "test": {}}}
    data["documents"] = {"dev": 0, "test": 0}
    bounds = {"ents_f_low": 0.0, "ents_f_high": 0.0}
    scores = {name: {"new": block(0.0, [], **bounds), "kept": block(0.0, [])} for name in MODELS}
    scores |= unknown_kept([]) | {"documents": {"test": 0}}
    page = make_report(**inputs(predictions=[], data=data, scores=scores, params={}))
    assert island(page)["texts"] == []


@pytest.mark.parametrize(
    "said",
    [
        "0.841", "0.701 to 0.902", "0.991", "0.970 to 1.010", "at least 0.950", "0.988",  # scores
        "0.950", "0.620", ">43<", "The texts of test differ.", "could be chance", "0.0041",
        "0.981 by gold → 0.991 by agreement",
        ">1 better<", "not-json", "A line &amp; more", "5,040 records read",
        "training.max_epochs", "aaaaaaaa-of-the-data", "bbbbbbbb-of-the-model", "GEAR is often",
        "en_tiny 1.2.3", "en_small 3.2.1, component ner", "<dd>update</dd>", "weasel run lineage",
        "(<a href=\"#made-of\">aaaaaaaa</a>)", "(<a href=\"#made-of\">bbbbbbbb</a>)",
    ],
)  # fmt: skip
def test_says(said: str, page: Path) -> None:
    assert said in page.read_text(encoding="utf8")


def table_rows(page: str, title: str) -> dict[str, list[str]]:
    """The cells of a table of the page, by the first cell of each row."""
    body = page.split(f'aria-label="{title}"', 1)[1].split("</table>")[0]
    rows = [re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.S) for row in body.split("<tr")[2:]]
    cells = [[re.sub(r"<.*?>", "", cell).strip() for cell in row] for row in rows]
    return {row[0]: row[1:] for row in cells}


def test_agreement_is_shown_label_by_label_with_what_became_of_the_entities(page: Path) -> None:
    text = page.read_text(encoding="utf8")
    general = table_rows(text, "Agreement with the base, general text")
    line = ["0.934", "0.934 to 0.934", "40", "31", "2", "3", "4", "5"]
    assert general == dict.fromkeys(("all", "LOC", "PERSON"), line)
    own = table_rows(text, "Agreement with the base, test")
    assert [own[label][-1] for label in ("all", "LOC", "PERSON")] == ["67", "67", "0"]
    assert own["LOC"][0] == "0.765"
    absent = make_report(**inputs())
    assert "Agreement with the base, test" not in absent
    assert table_rows(absent, "Agreement with the base, general text")["LOC"][0] == "–"


def test_examples_are_of_the_test_texts_and_leave_out_what_gold_takes() -> None:
    """In the third text the base's PERSON is lost; in the second nothing of it is touched."""
    arguments = everything()
    taken = row("test", "t", "The mast fell.", [("mast", "GEAR")], [("mast", "PERSON")], [])
    arguments["predictions"] = [*ROWS, taken]
    examples = table_rows(make_report(**arguments), "Examples of changes")
    assert examples == {"PERSON": ["lost", "new PERSON", "–", "ticket-2"]}
    arguments["predictions"] = [taken] + [ROWS[2]] * 5
    page = make_report(**arguments)
    assert page.count('<td class="left wrap">new PERSON</td>') == SHOWN


@pytest.mark.parametrize(
    ("decides", "said"),
    [
        ("gold", "The share of the base’s F on general text that is left, by gold"),
        ("agreement", "Agreement with the base on general text: F against"),
    ],
)
def test_retention_says_what_it_is_of(decides: str, said: str) -> None:
    arguments = everything()
    arguments["scores"]["retention_by"] = decides
    assert said in make_report(**arguments)


def test_labels_that_gold_does_not_count_are_not_counted_in_the_texts() -> None:
    arguments = everything()
    for model in MODELS:
        arguments["scores"][model]["kept"] = block(0.5, ["LOC"])
    page = make_report(**arguments)
    assert states(page, 3, "base") == [("PERSON", "uncounted"), ("LOC", "right")]


def test_what_matters_comes_first(page: Path) -> None:
    text = page.read_text(encoding="utf8")
    ids = [f'id="{x}"' for x in ("curves", "per-label", "findings", "texts", "made-of")]
    places = [text.index(x) for x in ("Learned", "Retention", "Against HEAD", *ids)]
    assert places == sorted(places)


def test_same_bytes() -> None:
    assert make_report(**everything()) == make_report(**everything())


def test_text_stays_text() -> None:
    params = {"data": {"source": "<img src=x>"}, "note": "</script>"}
    page = make_report(**inputs(params=params))
    assert island(page)["texts"][1]["text"] == HOSTILE
    assert page.count("</script>") == 2 and "<img" not in page and "<!--" not in page


def test_labels_stay_text() -> None:
    label = '"><b>&'
    text = "The mast fell."
    data = DATA | {"labels": [label]}
    scores = {x: {"new": block(0.5, [label]), "kept": block(0.5, [])} for x in MODELS}
    scores["tuned"]["new"] |= {"ents_f_low": 0.4, "ents_f_high": 0.6}
    found = [("mast", label)]
    page = make_report(
        **inputs(
            predictions=[row("test", "a", text, found, found, found)],
            data=data,
            scores={**scores, **unknown_kept([label]), "documents": {"test": 1}},
        )
    )
    assert "<b>" not in page
    assert states(page, 0, "tuned") == [(label, "right")]


def test_loads_nothing() -> None:
    page = make_report(**everything())
    assert "http://" not in page and "https://" not in page
    assert not re.search(r"\b(src|srcset)=|<link|@import|url\(|innerHTML", island_cut(page))


def test_states() -> None:
    page = make_report(**inputs())
    assert states(page, 0, "base") == [("BAND", "missed"), ("LOC", "right")]
    assert states(page, 1, "tuned") == [("GEAR", "wrong_boundary"), ("BAND", "missed")]
    assert states(page, 2, "tuned") == [("BAND", "wrong_label"), ("GEAR", "spurious")]
    # PERSON has no gold on the test split, and BAND none on general text.
    assert states(page, 2, "base") == [("PERSON", "uncounted"), ("GEAR", "missed")]
    assert ("BAND", "uncounted") in states(page, 3, "tuned")
    assert [text["change"][0] for text in island(page)["texts"]] == [2, 0, -1, -2, 0]


def test_where_gold_says_nothing() -> None:
    text = "Put n78 and n28 on."
    one = row("test", "a", text, [("n28", "BAND")], [], [("n78", "BAND"), ("n28", "BAND")])
    page = make_report(**inputs(predictions=[one | {"unknown": [[0, 3], [4, 7]]}]))
    assert states(page, 0, "gold") == [("", "unknown"), ("BAND", "gold")]
    assert island(page)["texts"][0]["gold"][0][:2] == [0, 7]
    assert states(page, 0, "tuned") == [("BAND", "uncounted"), ("BAND", "right")]


def test_change_against_the_last_commit() -> None:
    texts = island(make_report(**everything()))["texts"]
    assert [text["change"][1] for text in texts] == [2, 0, 0, -1, 0]
    assert island(make_report(**inputs()))["texts"][0]["change"][1] is None


def test_read_curves(tmp_path: Path) -> None:
    files = {
        "loss_ner": "5\t90.5\n10\tnan\n15\t70.0\n",
        "ents_per_type/BAND/f": "5\t0.5\n",
        "x": "",
    }
    for name, rows in files.items():
        path = tmp_path / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"step\t{path.stem}\n{rows}", encoding="utf8")
    assert read_curves(tmp_path) == {
        "ents_per_type/BAND/f": [(5.0, 0.5)],
        "loss_ner": [(5.0, 90.5), (15.0, 70.0)],
    }
    assert read_curves(tmp_path / "absent") == {}


def test_curves_are_drawn_by_kind_and_folder() -> None:
    alone = {"speed": [(10.0, 2.0)]}
    loss, scores, folder, own = draw_curves(everything()["curves"] | alone)
    assert (loss.title, loss.legend) == ("Loss in training", [(0, "loss_ner: 90 at the end")])
    assert scores.legend == [(0, "ents_f: 0.8 at the end, best 0.8 at step 20")]
    assert folder.title == "ents_per_type/BAND"
    assert own.title == "speed" and own.svg.startswith("<svg")


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A folder with the results of a run, which is the working directory; its params."""
    monkeypatch.chdir(tmp_path)
    params = write_world(tmp_path, data__source="data/").model_dump()
    (tmp_path / "requirements.txt").touch()
    for folder in ("metrics", "corpus", "training/base", "training/model"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("base", "model"):
        meta = {"lang": "en", "name": name, "version": "3.2.1"}
        srsly.write_json(f"training/{name}/meta.json", meta)
    srsly.write_json("metrics/scores.json", inputs()["scores"])
    srsly.write_json("metrics/summary.json", {"ships": True})
    srsly.write_jsonl("metrics/predictions.jsonl", ROWS)
    srsly.write_json("corpus/data.json", DATA)
    return params


def test_main(results: dict[str, Any], tmp_path: Path) -> None:
    report.main(Path("metrics/report.html"))
    page = Path("metrics/report.html").read_text(encoding="utf8")
    assert page.startswith("<!doctype html>")
    assert len(island(page)["texts"]) == len(ROWS)
    for said in ("en_tiny 1.0.0", "en_base 3.2.1, component ner", "<code>data</code> ("):
        assert said in page
    for path in ("data", "training/base", "training/model", "metrics/scores.json"):
        assert hash_path(Path(path))[0] in page


def test_a_package_that_the_gate_keeps_back_is_called_so(results: dict[str, Any]) -> None:
    words = "must not be built"
    assert words not in make_report(**inputs(origin=read_origin(results)))
    srsly.write_json("metrics/summary.json", {"ships": False})
    assert words in make_report(**inputs(origin=read_origin(results)))


def test_the_origin_is_what_lies_here_whatever_dvc_lock_says(results: dict[str, Any]) -> None:
    before = read_origin(results)
    Path("dvc.lock").write_text("stages: {fetch: {outs: [{path: training/base, md5: old}]}}")
    (Path("data") / "train.jsonl").unlink()
    after = read_origin(results)
    assert after["read"]["data"] != before["read"]["data"]
    assert after["made"] == before["made"] and "old" not in str(after)


def many(count: int) -> list[dict[str, Any]]:
    """As many texts as a large corpus has, each with a number."""
    return [
        one | {"doc": f"{one['doc']}-{number}", "text": f"{one['text']} Number {number} ends."}
        for number in range(count)
        for one in [ROWS[number % len(ROWS)]]
    ]


def test_ten_thousand_texts_make_a_small_page() -> None:
    rows = many(10_000)
    page = make_report(**inputs(predictions=rows))
    assert len(page) < 1.2 * sum(len(json.dumps(one)) for one in rows)


# ---- In a browser ----


@in_browser
@pytest.mark.slow
def test_a_photograph_says_which_page_it_shows(page: Path) -> None:
    taken = page.with_name("page.png")
    assert photograph(page, taken)
    content = taken.read_bytes()
    assert content.startswith(b"\x89PNG") and f"page\0{hash_path(page)[0]}".encode() in content
    # A browser still takes it for a picture of that size.
    shown = page.with_name("shown.html")
    script = "document.body.dataset.width = document.images[0].naturalWidth"
    shown.write_text(f'<img src="page.png" onload="{script}">', encoding="utf8")
    assert f'data-width="{WIDTH}"' in browse(shown)


def drive(page: str, script: str, path: Path, query: str = "") -> Any:
    """What a script returns that runs after the page's own: a person's clicks and keys."""
    end = (
        "<script>document.body.append(Object.assign(document.createElement('pre'), {id: 'result', "
    )
    end += f"textContent: JSON.stringify((() => {{{script}}})())}}));</script></body>"
    path.write_text(page.replace("</body>", end), encoding="utf8")
    found = re.search(r'<pre id="result">(.*?)</pre>', browse(path, query), re.DOTALL)
    assert found
    return json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


def documents(dom: str) -> list[str]:
    """The names of the documents that are shown."""
    return [name.split(" · ")[1] for name in re.findall(r"<article[^>]*><h3>([^<]*)", dom)]


@in_browser
@pytest.mark.slow
def test_shows_texts_and_curves(page: Path) -> None:
    dom = browse(page)
    assert len(documents(dom)) == len(ROWS)
    assert "5 of 5 texts" in dom and "<title>What was learned" in dom
    # As text, and the spans where they are although 😀 is two units in the browser's strings.
    assert "&lt;/script&gt;&lt;script&gt;document.title='run'" in dom and "<img" not in dom
    assert ">router n78<small>GEAR <i>wrong boundary</i></small></mark>" in dom
    assert dom.count("<figure>") == 3


FILTERS = {
    "part=general": ["news-1", "news-2"],
    "label=GEAR": ["odd-<b>", "ticket-2"],
    "label=BAND&kind=missed": ["odd-<b>"],
    "label=BAND&kind=missed&model=base": ["ticket-1", "odd-<b>"],
    "label=GEAR&kind=wrong_label": ["ticket-2"],
    "kind=error&q=MAST+new": ["ticket-2"],
    "kind=uncounted": ["news-1"],
    "change=better": ["ticket-1"],
    "change=worse&part=general": ["news-1"],
    "change=same": ["odd-<b>", "news-2"],
    "change=worse_commit": ["news-1"],
    "q=%3Cimg+%F0%9F%98%80": ["odd-<b>"],
    "q=nothing+like+it": [],
    # What the page does not know is not asked for.
    "part=general&label=%22%3E&kind=%3Cb%3E": ["news-1", "news-2"],
}


@in_browser
@pytest.mark.slow
def test_filters(page: Path) -> None:
    """The address names the filters, one after the other on the same page."""
    script = """
      const result = {};
      for (const query of QUERIES) {
        history.replaceState(null, "", `#${query}`);
        window.dispatchEvent(new Event("hashchange"));
        result[query] = [...document.querySelectorAll("article h3")]
          .map((title) => title.textContent.split(" · ")[1]);
      }
      return result;
    """.replace("QUERIES", json.dumps([*FILTERS]))
    text = page.read_text(encoding="utf8")
    assert drive(text, script, page.with_name("filters.html")) == FILTERS


@in_browser
@pytest.mark.slow
def test_address_opens_a_filtered_list(page: Path) -> None:
    dom = browse(page, "#part=test&label=GEAR&kind=missed&model=base&q=mast")
    assert documents(dom) == ["ticket-2"]


@in_browser
@pytest.mark.slow
def test_keys_and_clicks(tmp_path: Path) -> None:
    script = """
      const count = () => document.querySelectorAll("article").length;
      const press = (key) => document.body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
      const said = () => document.getElementById("shown").textContent;
      const first = count();
      document.getElementById("more").click();
      const focused = document.activeElement.tagName, then = count();
      press("/");
      const field = document.activeElement;
      field.value = "number 4321";
      field.dispatchEvent(new Event("input", {bubbles: true}));
      const filtered = [said(), location.hash];
      document.getElementById("all").click();
      return [first, focused, then, field.id, ...filtered, said(), location.hash];
    """  # noqa: E501
    text = make_report(**inputs(predictions=many(10_000)))
    assert drive(text, script, tmp_path / "page.html") == [
        50,
        "ARTICLE",
        100,
        "q",
        "1 of 10,000 texts",
        "#q=number+4321",
        "10,000 of 10,000 texts, the first 50 shown",
        "#texts",
    ]


@in_browser
@pytest.mark.slow
def test_ten_thousand_texts_are_quick(tmp_path: Path) -> None:
    """A filter over all texts, and the first of them drawn: well below what a person notices."""
    script = """
      const start = Date.now();
      const field = document.getElementById("q");
      for (const words of ["n", "number", "number 1", "oslo 99", ""]) {
        field.value = words;
        field.dispatchEvent(new Event("input", {bubbles: true}));
      }
      return (Date.now() - start) / 5;
    """
    text = make_report(**inputs(predictions=many(10_000)))
    assert drive(text, script, tmp_path / "page.html") < 500


@in_browser
@pytest.mark.slow
def test_fits_a_phone(page: Path) -> None:
    frame = page.with_name("frame.html")
    frame.write_text(
        '<iframe src="report.html" style="width: 400px; height: 900px; border: 0"></iframe><script>'
        'const frame = document.querySelector("iframe"); frame.onload = () => {'
        "const root = frame.contentDocument.documentElement;"
        "document.body.dataset.width = root.scrollWidth; };</script>",
        encoding="utf8",
    )
    assert 'data-width="400"' in browse(
        frame, "", "--allow-file-access-from-files", "--hide-scrollbars"
    )


@in_browser
@pytest.mark.slow
def test_every_control_has_a_label(page: Path) -> None:
    script = """
      return [...document.querySelectorAll("input, select, button")]
        .filter((one) => !(one.labels?.length || one.textContent.trim()) && !one.hidden)
        .map((one) => one.id);
    """
    text = page.read_text(encoding="utf8")
    assert drive(text, script, page.with_name("driven.html")) == []
