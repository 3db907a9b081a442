"""What comes from strangers stays data: it runs nothing, writes nothing elsewhere, fills nothing.

Each attack would leave a file `pwned`, an element on a page, a field in a package or too much in
memory. What test_fetch.py and test_formats.py try already is not here.
"""

import csv
import email
import gzip
import json
import os
import pickle
import re
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy
import pytest
import spacy
import srsly
import tomlkit
from markdown_it import MarkdownIt
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from spacy.tokens import DocBin

from scripts import fetch
from scripts.compare import as_markdown
from scripts.intake.findings import Finding
from scripts.intake.tally import Outcome as Batch
from scripts.params import PARAMS, Params, load_params
from scripts.release.contents import make_meta
from scripts.release.wheel import build_package
from scripts.reporting import picture
from scripts.reporting.evaluation import make_report
from scripts.reporting.findings_page import write_findings
from scripts.reporting.summary import as_text, summary
from tests.conftest import ROOT
from tests.evaluations import DATA, ROWS, everything, summary_data, summary_scores
from tests.pages import HOSTILE, assert_text_stayed_text, browse, in_browser, poison
from tests.test_end_to_end import copy_project, sh

WHEEL = "en_tiny-1.0-py3-none-any.whl"
META = json.dumps({"lang": "en", "name": "tiny", "version": "1.0", "spacy_version": ">=3.0,<4.0"})
CONFIG = '[nlp]\nlang = "en"\n\n[components]\n\n[components.ner]\nfactory = "ner"\n'
PWNED = "pwned"


class Attack:
    """Unpickled, it writes a file."""

    def __reduce__(self) -> tuple:
        return os.system, (f"touch {PWNED}",)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Each test runs in a folder of its own, in which nothing may have been run in the end."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert not list(tmp_path.rglob(f"{PWNED}*"))


def refusal(model: Path, component: str = "ner") -> str:
    """Why `fetch` refuses a base; it has left nothing behind."""
    target = Path("training/base")
    with pytest.raises(fetch.FetchError) as refused:
        fetch.fetch(model=str(model), component=component, assets=[], target=target)
    assert not list(target.parent.iterdir())
    return str(refused.value)


# Archives


def write_wheel(*more: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    """A wheel with a tiny model in m/, and more entries."""
    with zipfile.ZipFile(WHEEL, "w", method) as archive:
        archive.writestr("m/meta.json", META)
        archive.writestr("m/config.cfg", CONFIG)
        for name, content in more:
            archive.writestr(name, content)
    return Path(WHEEL)


def lie(name: str, size: int, crc: int | None = None) -> None:
    """Let the wheel's directory say another size of an entry than it has."""
    with zipfile.ZipFile(WHEEL, "a") as archive:
        entry = archive.getinfo(name)
        entry.file_size = size
        entry.CRC = entry.CRC if crc is None else crc
        archive.comment = b"written anew"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_entry_that_would_unpack_in_one_go_is_refused(method: int) -> None:
    assert "'m/meta.json' is packed as no wheel is" in refusal(write_wheel(method=method))


@pytest.mark.parametrize("name", ["m/META.json", "m/./meta.json", "m//meta.json", "M/Config.CFG"])
def test_a_name_that_some_systems_take_for_another_is_refused(name: str) -> None:
    message = refusal(write_wheel((name, b"{}")))
    assert "is there twice, as some systems see it" in message and "m/" in message


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_same_name_twice_is_refused() -> None:
    assert "'m/meta.json' is there twice" in refusal(write_wheel(("m/meta.json", b"{}")))


def test_sizes_that_would_fill_the_disk_are_refused_before_anything_is_unpacked() -> None:
    write_wheel(("m/a", b"a"), ("m/b", b"b"), ("m/c", b"c"))
    for name in "abc":
        lie(f"m/{name}", 0xFFFF_FFF0)
    assert re.search(r"more than \d+ bytes when unpacked", refusal(Path(WHEEL)))


def test_more_files_than_any_model_has_are_refused() -> None:
    empty = [(f"m/{number}", b"") for number in range(10_000)]
    assert "more than 10000 files" in refusal(write_wheel(*empty, method=zipfile.ZIP_STORED))


def test_more_content_than_an_entry_says_is_refused_or_left() -> None:
    write_wheel(("m/data", bytes(1 << 20)))
    lie("m/data", 10)
    assert "is damaged or no wheel" in refusal(Path(WHEEL))
    lie("m/data", 10, zlib.crc32(bytes(10)))
    fetch.fetch(model=WHEEL, component="ner", assets=[], target=Path("training/base"))
    assert Path("training/base/data").read_bytes() == bytes(10)


def test_an_entry_that_unpacks_a_thousandfold_takes_no_memory() -> None:
    model = write_wheel(("m/data", bytes(64 << 20)))
    assert model.stat().st_size < 1 << 17
    tracemalloc.start()
    try:
        fetch.fetch(model=WHEEL, component="ner", assets=[], target=Path("training/base"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.parametrize("name", ["meta.json", "config.cfg"])
def test_what_is_read_whole_is_small(name: str) -> None:
    with zipfile.ZipFile(WHEEL, "w", zipfile.ZIP_DEFLATED) as archive:
        for other, content in (("meta.json", META), ("config.cfg", CONFIG)):
            archive.writestr(f"m/{other}", content + " " * (other == name) * (20 << 20))
    assert re.search(rf"its {name} has more than \d+ bytes", refusal(Path(WHEEL)))


# A base model with something in it that could run


def write_folder(
    config: str = CONFIG, meta: str = META, files: dict[str, bytes] | None = None
) -> Path:
    """A folder with a tiny model, and more files."""
    folder = Path("model")
    (folder / "ner").mkdir(parents=True, exist_ok=True)
    (folder / "meta.json").write_text(meta, encoding="utf8")
    (folder / "config.cfg").write_text(config, encoding="utf8")
    for name, content in (files or {}).items():
        (folder / name).write_bytes(content)
    return folder


def object_array() -> bytes:
    """A NumPy array of Python objects, which is a pickle."""
    with Path("array.npy").open("wb") as file:
        numpy.save(file, numpy.array([Attack()], dtype=object), allow_pickle=True)
    return Path("array.npy").read_bytes()


def test_the_folder_that_the_next_tests_spoil_is_taken() -> None:
    fetch.fetch(
        model=str(write_folder(files={"more": b"\x80"})),
        component="ner",
        assets=[],
        target=Path("base"),
    )
    assert Path("base/more").read_bytes() == b"\x80"


@pytest.mark.parametrize(
    "name",
    ["a.pkl", "A.PICKLE", "m.joblib", "m.pt", "m.pth", "x.so", "x.so.1", "x.dll", "x.pyd", "x.EXE",
     "x.sh", "x.bat", "x.ps1", "weights.pkl.gz"],
)  # fmt: skip
def test_a_file_that_is_called_a_program_or_pickle_is_refused(name: str) -> None:
    message = refusal(write_folder(files={name: b"harmless"}))
    assert f"{name!r} is a program, or data that can run one" in message


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_under_another_name_is_refused(protocol: int) -> None:
    content = pickle.dumps(Attack(), protocol)
    # A first step that does nothing makes it begin otherwise.
    for disguised in (content, content[:2] + b"N0" + content[2:]):
        assert "'ner/model' is a program" in refusal(write_folder(files={"ner/model": disguised}))


@pytest.mark.parametrize(
    "content",
    [
        b"\x7fELF\x02\x01\x01",
        b"#!/bin/sh\ntouch pwned\n",
        b"MZ\x90\x00\x03",
        b"\xcf\xfa\xed\xfe\x07",
        b"\xca\xfe\xba\xbe\x00",
        None,
    ],
)
def test_a_program_or_an_array_of_objects_under_another_name_is_refused(
    content: bytes | None,
) -> None:
    message = refusal(write_folder(files={"vectors": content or object_array()}))
    assert "'vectors' is a program" in message


@pytest.mark.parametrize("kind", ["callbacks", "readers", "loggers", "optimizers", "datasets"])
@pytest.mark.parametrize("place", ["nlp.tokenizer", "components.ner.model", "components.ner.a.b.c"])
def test_a_config_that_calls_more_than_parts_is_refused(kind: str, place: str) -> None:
    # A section needs those that it is in.
    parents = "".join(f"[{place[: dot.start()]}]\n" for dot in re.finditer(r"(?<=[abl])\.", place))
    config = CONFIG + parents.replace("[components]\n", "").replace("[nlp]\n", "")
    config = config.replace("[components.ner]\n[", "[") + f'[{place}]\n@{kind} = "x.v1"\n'
    message = refusal(write_folder(config))
    assert f"[{place}] @{kind} in its config.cfg does something" in message


@pytest.mark.parametrize("name", ["before_creation", "after_creation", "after_pipeline_creation"])
def test_a_config_with_a_callback_is_refused(name: str) -> None:
    config = CONFIG + f'[nlp.{name}]\n@callbacks = "spacy.copy_from_base_model.v1"\n'
    assert f"[nlp] {name} in its config.cfg" in refusal(write_folder(config))


@pytest.mark.parametrize("source", ["/elsewhere", "os", "../model"])
def test_a_config_that_loads_another_pipeline_is_refused(source: str) -> None:
    config = CONFIG + f'[components.tagger]\nsource = "{source}"\n'
    assert "[components.tagger] source in its config.cfg" in refusal(write_folder(config))


def test_a_config_that_is_filled_in_later_is_refused() -> None:
    config = CONFIG.replace('"en"', '"en"\nhidden = "$${nlp.lang}"')
    assert "[nlp] hidden in its config.cfg" in refusal(write_folder(config))


def test_a_config_that_grows_or_has_no_end_is_refused() -> None:
    lines = [f'a{n + 1} = "{f"${{v.a{n}}}" * 10}"' for n in range(9)]
    bomb = "\n".join(["[v]", 'a0 = "xxxxxxxxxx"', *lines, ""])
    assert re.search(r"config.cfg grows above \d+", refusal(write_folder(CONFIG + bomb)))
    endless = '[v]\na = "${v.b}"\nb = "${v.a}"\n'
    assert "config.cfg is damaged" in refusal(write_folder(CONFIG + endless))


@pytest.mark.parametrize("line", ["x @ https://localhost/x.whl", "spacy; touch pwned", "nowhere>1"])
def test_a_base_that_needs_what_is_not_installed_is_refused(line: str) -> None:
    meta = json.dumps(json.loads(META) | {"requirements": [line]})
    assert f"asks for {line!r}" in refusal(write_folder(meta=meta))


@pytest.mark.parametrize("key", ["lang", "name", "version"])
@pytest.mark.parametrize("value", ["../../x", "a\nRequires-Dist: x", "a\\b", ["x"]])
def test_a_base_with_another_name_than_a_name_is_refused(key: str, value: Any) -> None:
    meta = json.dumps(json.loads(META) | {key: value})
    assert f"{key} of its meta.json cannot be {value!r}" in refusal(write_folder(meta=meta))


@pytest.mark.parametrize("kind", ["file", "folder", "nothing", "pipe"])
def test_what_is_no_file_in_a_folder_is_refused(kind: str, here: Path) -> None:
    (here / "elsewhere").mkdir()
    (here / "elsewhere/secret").write_text("secret")
    link = write_folder() / "ner/link"
    if kind == "pipe":
        os.mkfifo(link)
        assert f"{link} is no file" in refusal(Path("model"))
        return
    link.symlink_to(here / {"file": "elsewhere/secret", "folder": "elsewhere"}.get(kind, "gone"))
    assert f"{link} is a link" in refusal(Path("model"))


# YAML


TAG = f'!!python/object/apply:os.system ["touch {PWNED}"]'


def yaml_bomb(levels: int) -> str:
    """Ten to the power of `levels` words, by references."""
    lines = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x, x]", *lines, ""])


def params_refusal(capsys: pytest.CaptureFixture[str]) -> str:
    """What is said of the params.yaml that lies here."""
    with pytest.raises(SystemExit) as left:
        load_params(Path("params.yaml"))
    assert left.value.code == 1
    return " ".join(capsys.readouterr().out.split())


def test_a_tag_in_params_or_project_makes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / PARAMS).read_text(encoding="utf8")
    Path("params.yaml").write_text(f"{text}\nx: {TAG}\n", encoding="utf8")
    assert "params.yaml is not YAML" in params_refusal(capsys)
    Path("params.yaml").write_text(text, encoding="utf8")
    Path("project.yml").write_text(f"assets: {TAG}\n", encoding="utf8")
    with pytest.raises(SystemExit) as left:
        fetch.main(Path("training/base"))
    assert left.value.code == 1
    assert "project.yml is not YAML" in " ".join(capsys.readouterr().out.split())


def test_references_that_grow_are_refused_in_a_few_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = (ROOT / PARAMS).read_text(encoding="utf8")
    Path("params.yaml").write_text(yaml_bomb(5) + text, encoding="utf8")
    message = params_refusal(capsys)
    assert "params.yaml: a4: Extra inputs are not permitted" in message
    assert len(message) < 5_000


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which `train` can be tried: all that it depends on is there, and empty."""
    folder = copy_project(tmp_path_factory.mktemp("safe") / "project")
    stages = srsly.read_yaml(folder / "dvc.yaml")["stages"]
    for dep in stages["train"]["deps"]:
        path = folder / dep
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return folder


def repro(project: Path, stage: str = "train") -> str:
    """What DVC says when it fails to run a stage; nothing was run by a shell."""
    done = sh(project, "python", "-m", "dvc", "repro", "--single-item", stage, check=False)
    assert done.returncode, done.stdout
    assert not list(project.rglob(f"{PWNED}*"))
    return " ".join((done.stdout + done.stderr).split())


@pytest.fixture
def restored(project: Path) -> Iterator[Path]:
    yield project
    sh(project, "git", "checkout", "--quiet", ".")
    for left in (*project.rglob(f"{PWNED}*"), project / "dvc.lock"):
        left.unlink(missing_ok=True)


@pytest.mark.parametrize("name", ["params.yaml", "dvc.yaml", "dvc.lock"])
def test_a_tag_makes_nothing_where_dvc_reads_it(name: str, restored: Path) -> None:
    with (restored / name).open("a", encoding="utf8") as file:
        file.write(f"\nx: {TAG}\n")
    message = repro(restored)
    assert name in message and "python/object/apply:os.system" in message


def test_a_tag_makes_nothing_where_weasel_reads_it(restored: Path) -> None:
    with (restored / "project.yml").open("a", encoding="utf8") as file:
        file.write(f"\nx: {TAG}\n")
    done = sh(restored, "python", "-m", "weasel", "run", "train", check=False)
    assert done.returncode == 1 and "Invalid project.yml" in done.stdout + done.stderr
    assert not list(restored.rglob(f"{PWNED}*"))


# Values of params.yaml on their way to a shell and into the package


SHELL = [
    f"$(touch {PWNED})",
    f"-1; touch {PWNED}",
    f"`touch {PWNED}`",
    f"-1\ntouch {PWNED}\n",
    f"' || touch {PWNED} #",
    f'" & touch {PWNED} & "',
]
# Texts that name or describe something; the test below says where they must not get.
FREE = {
    "base.model", "data.source", "rehearsal.text", "evaluate.general",
    "package.author", "package.license", "package.description",
}  # fmt: skip


def leaves(values: dict[str, Any]) -> list[tuple[str, str]]:
    return [(section, key) for section in values for key in values[section]]


@pytest.mark.parametrize("text", SHELL)
def test_a_value_with_shell_in_it_is_refused_unless_it_is_free_text(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    accepted = set()
    for section, key in leaves(srsly.read_yaml(ROOT / PARAMS)):
        values = srsly.read_yaml(ROOT / PARAMS)
        values[section][key] = text
        srsly.write_yaml("params.yaml", values)
        try:
            load_params(Path("params.yaml"))
            accepted.add(f"{section}.{key}")
        except SystemExit:
            assert f"params.yaml: {section}.{key}:" in capsys.readouterr().out
    assert accepted == (set() if "\n" in text else FREE)


def test_free_text_is_in_no_command() -> None:
    stages = srsly.read_yaml(ROOT / "dvc.yaml")["stages"].values()
    commands = [
        cmd for x in stages for cmd in ([x["cmd"]] if isinstance(x["cmd"], str) else x["cmd"])
    ]
    used = {name for cmd in commands for name in re.findall(r"\$\{(.+?)\}", cmd)}
    assert used and all("." in name and name not in FREE for name in used)


@pytest.mark.parametrize("value", [*SHELL, {"x": SHELL[0]}, [SHELL[0]]], ids=repr)
def test_dvc_runs_nothing_of_a_value_in_a_command(value: Any, restored: Path) -> None:
    params = srsly.read_yaml(restored / PARAMS)
    params["training"]["gpu_id"] = value
    for name in FREE:
        section, key = name.split(".")
        params[section][key] = SHELL[1]
    srsly.write_yaml(restored / PARAMS, params)
    message = repro(restored)
    if isinstance(value, list):
        assert "'stages.train.cmd' in 'dvc.yaml': Cannot interpolate data of type 'list'" in message
    else:
        assert "params.yaml: training.gpu_id: Input should be a valid integer" in message


def test_dvc_runs_nothing_of_a_path(restored: Path) -> None:
    params = srsly.read_yaml(restored / PARAMS)
    for (section, key), text in zip(
        (("data", "source"), ("rehearsal", "text"), ("evaluate", "general")), SHELL, strict=False
    ):
        (restored / text).write_text('{"text": "x"}\n', encoding="utf8")
        params[section][key] = text
    srsly.write_yaml(restored / PARAMS, params)
    try:
        # It was run, and stopped at the base, which is empty.
        assert "> python -m scripts.preprocess training/base corpus" in repro(
            restored, "preprocess"
        )
    finally:
        sh(restored, "git", "clean", "--quiet", "--force")


@pytest.mark.parametrize("key", ["name", "version", "author", "license", "description"])
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_value_of_the_package_is_one_line(
    key: str, end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    values = srsly.read_yaml(ROOT / PARAMS)
    values["package"][key] = f"{values['package'][key]}{end}Requires-Dist: x"
    Path("params.yaml").write_text(json.dumps(values), encoding="utf8")
    assert f"params.yaml: package.{key}:" in params_refusal(capsys)


def test_nothing_becomes_a_field_of_the_packages_metadata() -> None:
    """Labels are a stranger's, and stand in the description that is made for the package."""
    spacy.blank("en").to_disk("model")
    fields = ["A\rRequires-Dist: x", "B\nRequires-Dist: y", "C\r\n\r\nbody", "D\x85\u2028\x0bX: z"]
    figures = {"ents_p": 1.0, "ents_r": 1.0, "ents_f": 1.0}
    new = figures | {"per_label": dict.fromkeys(fields, figures)}
    values = srsly.read_yaml(ROOT / PARAMS)
    values["package"] |= {"author": 'A "<b>", B: x', "license": "MIT; Classifier: x"}
    meta = make_meta(
        srsly.read_json("model/meta.json"),
        {"tuned": {"new": new, "kept": {"ents_f": 1.0}}, "retention": 1.0},
        [],
        Params.model_validate(values),
    )
    wheel = build_package(model=Path("model"), meta=meta, output=Path("built"))
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (x for x in archive.namelist() if x.endswith("dist-info/METADATA"))
        told = email.message_from_bytes(archive.read(name))
    assert [Requirement(x).name for x in told.get_all("Requires-Dist") or []] == ["spacy"]
    assert set(told) <= {
        "Metadata-Version", "Name", "Version", "Summary", "Home-page", "Author", "Author-email",
        "License", "License-File", "Requires-Dist", "Dynamic",
    }  # fmt: skip
    assert told["Author"] == 'A "<b>", B: x' and told["License"] == "MIT; Classifier: x"


# Pages


def report_page() -> str:
    """The report, hostile wherever a text of somebody's can stand."""
    given = everything()
    names = {"BAND", "PERSON", "LOC", "HEAD", "workspace", "training.max_epochs", "assets/own"}
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
    total = Batch(read=2)
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
    picture.main(Path("summary.svg"))
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


# Data


# Reads every file that is there in little memory, and says of each what became of it.
READ = """
import json, resource, sys
from pathlib import Path
from scripts.exceptions import DataError, UnusableError
from scripts.intake.formats import recognize
from scripts.intake.parsers import parse
from scripts.intake.readers import read_pieces
resource.setrlimit(resource.RLIMIT_AS, (3 << 29, 3 << 29))
said = {}
for path in sorted(Path(sys.argv[1]).iterdir()):
    codes = []
    try:
        layout = recognize(path)
        for piece, _ in read_pieces(path, layout):
            try:
                parse(piece, layout)
            except UnusableError as error:
                codes.append(error.code)
        said[path.name] = codes
    except DataError as error:
        said[path.name] = f"DataError: {error}"
    except BaseException as error:
        said[path.name] = f"{type(error).__name__}: {error}"[:1000]
print(json.dumps(said))
"""
DEEP = 100_000


def docbin(**parts: Any) -> bytes:
    """A DocBin of a text, with other parts."""
    docs = DocBin(store_user_data=True)
    docs.add(spacy.blank("en")("Put n78 up"))
    whole = srsly.msgpack_loads(zlib.decompress(docs.to_bytes()))
    return zlib.compress(srsly.msgpack_dumps(whole | parts))


def zeros(compress: Any, megabytes: int) -> bytes:
    """So many zero bytes, compressed."""
    return (
        b"".join([compress.compress(bytes(1 << 20)) for _ in range(megabytes)]) + compress.flush()
    )


def array(size: int, item: bytes = b"") -> bytes:
    """An array of msgpack that says it has so many items."""
    return b"\x81\xa7strings\xdd" + size.to_bytes(4, "big") + item


def numpy_object() -> dict[bytes, Any]:
    """An array of Python objects as msgpack has arrays of NumPy's: by its own words a pickle."""
    data = pickle.dumps(Attack())
    return {b"nd": True, b"type": "|O", b"kind": b"O", b"shape": [1], b"data": data}


def gzip_lines() -> bytes:
    """Many long lines of spaces."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(b" " * (1 << 20) + b"\n") for _ in range(99)) + packer.flush()


SMALL = (48 << 20) // 3
# Files that were made to fill memory or to run something, and what is said of each.
HARMFUL: dict[str, tuple[Callable[[], bytes], str]] = {
    "lines.jsonl.gz": (gzip_lines, "more than 200 times its size"),
    "array.json.gz": (
        lambda: gzip.compress(b'[{"text": "a"}' + b" " * (99 << 20)),
        "more than 200 times its size",
    ),
    "zlib.spacy": (lambda: zeros(zlib.compressobj(9), 400), "unpacks to more than 256 MB"),
    "list.spacy": (lambda: zlib.compress(array(2**31 - 1)), "a broken DocBin .2147483647 exceeds"),
    "lists.spacy": (
        lambda: zlib.compress(array(5 << 20, b"\x90" * (5 << 20))),
        r"more than [\d,]+ parts|exceeds",
    ),
    # Words of two letters take twenty times the memory that they take in the file.
    "small.spacy": (
        lambda: zlib.compress(array(SMALL, b"\xa2ab" * SMALL), 1),
        r"more than [\d,]+ parts|exceeds max_array_len",
    ),
    "deep.spacy": (lambda: zlib.compress(b"\x91" * DEEP + b"\xc0"), "a broken DocBin"),
    "own.spacy": (lambda: docbin(user_data=[bytes(2 << 20)]), "more than 1 MB of own data"),
    "groups.spacy": (lambda: docbin(span_groups=[bytes(2 << 20)]), "more than 1 MB of own data"),
    "pickle.spacy": (lambda: docbin(user_data=[pickle.dumps(Attack())]), "a broken DocBin"),
    "object.spacy": (
        lambda: docbin(user_data=[srsly.msgpack_dumps({"a": numpy_object()})]),
        "cannot create an OBJECT array",
    ),
    "tokens.spacy": (lambda: docbin(tokens=numpy_object()), "cannot create an OBJECT array"),
    "deep.json": (
        lambda: b'[{"text": "x", "meta": ' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}]",
        "deep.json:1: values nested too deep",
    ),
    "number.json": (
        lambda: b'[{"text": "x"},\n{"text": "x", "meta": {"a": ' + b"9" * 5_000 + b"}}]",
        "number.json:2: ",
    ),
    "field.csv": (
        lambda: b'text,start,end,label\n"' + b"a" * (40 << 20) + b'",0,1,A\n',
        "field.csv:2: no table .field larger than field limit",
    ),
    "rows.csv": (lambda: b'text,start,end,label\n"' + b"a\n" * (20 << 20), "field larger than"),
    "cells.csv": (
        lambda: b"text,start,end,label\n" + b"," * (1 << 20) + b"\n",
        "1048577 cells, but 4",
    ),
}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What became of HARMFUL, and of records that are rejected alone."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, (make, _) in HARMFUL.items():
        (folder / name).write_bytes(make())
    rejected = [b'{"text": ' + b"[" * DEEP, b'{"text": "x", "meta": {"a": ' + b"9" * 5_000 + b"}}"]
    (folder / "rejected.jsonl").write_bytes(b"\n".join(rejected))
    with (folder / "number.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["text", "start", "end", "label"], ["x", 0, "9" * 5_000, "A"]])
    place = tmp_path_factory.mktemp("elsewhere")
    env = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", READ, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=place, env=env, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not list(place.iterdir())
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("name", HARMFUL)
def test_a_file_that_was_made_to_do_harm_is_refused(name: str, said: dict[str, Any]) -> None:
    message = str(said[name])
    assert message.startswith("DataError: ") and f"/{name}" in message
    assert re.search(HARMFUL[name][1], message), message


@pytest.mark.slow
def test_a_record_that_was_made_to_do_harm_is_rejected_alone(said: dict[str, Any]) -> None:
    assert said["rejected.jsonl"] == ["not-json", "not-json"]
    assert said["number.csv"] == ["shape"]


# What is installed


def requirements(name: str) -> dict[str, tuple[Requirement, list[str]]]:
    """The requirements of a locked file by their names, each with its options."""
    text = (ROOT / name).read_text(encoding="utf8").replace("\\\n", " ")
    lines = [
        line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")
    ]
    found = {}
    for line in lines:
        wanted, *options = re.split(r"\s(?=--)", line)
        requirement = Requirement(wanted.strip())
        found[f"{requirement.name} {requirement.marker}"] = (
            requirement,
            [x.strip() for x in options],
        )
    assert len(found) == len(lines)
    return found


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-ray.txt"])
def test_every_requirement_is_one_version_with_its_hashes(name: str) -> None:
    locked = requirements(name)
    assert len(locked) > 100
    for requirement, options in locked.values():
        (pin,) = requirement.specifier
        assert requirement.url is None and pin.operator == "==" and "*" not in pin.version
        assert options and all(re.fullmatch("--hash=sha256:[0-9a-f]{64}", x) for x in options)


def test_everything_that_is_used_directly_is_locked() -> None:
    project = tomlkit.parse((ROOT / "pyproject.toml").read_text(encoding="utf8")).unwrap()
    used = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    more = project["project"]["optional-dependencies"]
    for name, lines in (
        ("requirements.txt", used),
        ("requirements-ray.txt", [*used, *(line for part in more.values() for line in part)]),
    ):
        locked: dict[str, list[Requirement]] = {}
        for requirement, _ in requirements(name).values():
            locked.setdefault(canonicalize_name(requirement.name), []).append(requirement)
        for wanted in map(Requirement, lines):
            for found in locked[canonicalize_name(wanted.name)]:
                (pin,) = found.specifier
                assert wanted.specifier.contains(pin.version), wanted


def test_what_is_locked_twice_is_the_same() -> None:
    common, more = (requirements(name) for name in ("requirements.txt", "requirements-ray.txt"))
    assert all(str(more[name][0]) == str(common[name][0]) for name in common)
