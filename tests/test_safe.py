"""What comes from strangers stays data: it runs nothing, writes nothing elsewhere, fills nothing.

Each attack would leave a file `pwned`, a field in a package or too much in memory. Pages are in
test_pages.py, base models in test_trust.py. What test_formats.py tries already is not here.
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
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import spacy
import srsly
from packaging.requirements import Requirement
from spacy.tokens import DocBin

from scripts import fetch
from scripts.exceptions import ParamsError
from scripts.params import PARAMS, Params, load_params
from scripts.release.contents import make_meta
from scripts.release.wheel import build_package
from tests.attacks import PWNED, Attack
from tests.conftest import ROOT, write_world
from tests.projects import copy_project, sh

pytestmark = pytest.mark.usefixtures("here")


# YAML


TAG = f'!!python/object/apply:os.system ["touch {PWNED}"]'


def yaml_bomb(levels: int) -> str:
    """Ten to the power of `levels` words, by references."""
    lines = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x, x]", *lines, ""])


def params_refusal() -> str:
    """What is said of the params.yaml that lies here."""
    with pytest.raises(ParamsError) as refused:
        load_params(Path("params.yaml"))
    return " ".join(str(refused.value).split())


def test_a_tag_in_params_or_project_makes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    sections = write_world(Path()).model_dump()
    text = "\n".join(f"{name}: {json.dumps(values)}" for name, values in sections.items())
    Path("params.yaml").write_text(f"{text}\nx: {TAG}\n", encoding="utf8")
    assert re.match(r"params.yaml:\d+:4: is not YAML: could not determine", params_refusal())
    Path("params.yaml").write_text(text, encoding="utf8")
    Path("project.yml").write_text(f"assets: {TAG}\n", encoding="utf8")
    with pytest.raises(SystemExit) as left:
        fetch.main(Path("training/base"))
    assert left.value.code == 1
    assert "project.yml:1:9: is not YAML" in " ".join(capsys.readouterr().out.split())


def test_references_that_grow_are_refused_in_a_few_words() -> None:
    text = (ROOT / PARAMS).read_text(encoding="utf8")
    Path("params.yaml").write_text(yaml_bomb(5) + text, encoding="utf8")
    message = params_refusal()
    assert "params.yaml:5: a4: not a parameter" in message
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
    "base.model", "data.source", "data.text", "data.spans", "rehearsal.text", "evaluate.general",
    "package.author", "package.license", "package.description",
}  # fmt: skip


def leaves(values: dict[str, Any]) -> list[tuple[str, str]]:
    return [(section, key) for section in values for key in values[section]]


@pytest.mark.parametrize("text", SHELL)
def test_a_value_with_shell_in_it_is_refused_unless_it_is_free_text(text: str) -> None:
    accepted = set()
    for section, key in leaves(srsly.read_yaml(ROOT / PARAMS)):
        values = srsly.read_yaml(ROOT / PARAMS)
        values[section][key] = text
        srsly.write_yaml("params.yaml", values)
        try:
            load_params(Path("params.yaml"))
            accepted.add(f"{section}.{key}")
        except ParamsError as error:
            assert re.match(rf"params.yaml:\d+: {section}.{key}:", str(error))
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
        assert re.search(r"params.yaml:\d+: training.gpu_id: must be a whole number", message)


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
    assert f"params.yaml:1: package.{key}:" in params_refusal()


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
        {
            "tuned": {"new": new, "kept": {"ents_f": 1.0}},
            "retention": 1.0,
            "retention_by": "gold",
            "agreement": {"ents_f": 1.0},
        },
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
