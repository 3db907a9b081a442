"""A base model from a stranger runs nothing, writes nothing elsewhere and fills nothing.

What test_fetch.py tries already is not here.
"""

import json
import os
import pickle
import re
import tracemalloc
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy
import pytest

from scripts import fetch
from tests.attacks import Attack

pytestmark = pytest.mark.usefixtures("here", "unloaded")

WHEEL = "en_tiny-1.0-py3-none-any.whl"
META = json.dumps({"lang": "en", "name": "tiny", "version": "1.0", "spacy_version": ">=3.0,<4.0"})
CONFIG = '[nlp]\nlang = "en"\n\n[components]\n\n[components.ner]\nfactory = "ner"\n'


@pytest.fixture
def unloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The models here have no weights, so those that are accepted are not loaded."""
    monkeypatch.setattr(fetch, "check_loads", lambda *_: None)


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
