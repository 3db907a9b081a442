"""Set-up counts what it installs, and a failure of pip is its own."""

import hashlib
from pathlib import Path

import pytest

from scripts.runtime.install import count_packages, follow
from tests.projects import ROOT, sh

PIP = """\
Ignoring two: markers 'python_full_version < "3.11"' don't match your environment
Collecting one==1.0 (from -r requirements.txt (line 1))
  Downloading one-1.0-py3-none-any.whl.metadata (1.5 kB)
  Downloading one-1.0-py3-none-any.whl (33.4 MB)
Collecting three==3.0 (from -r requirements.txt (line 3))
  Using cached three-3.0-py3-none-any.whl (600 kB)
Processing /wheels/four-4.0-py3-none-any.whl (from -r requirements.txt (line 4))
Installing collected packages: one, three, four
Successfully installed four-4.0 one-1.0 three-3.0
"""


def test_packages_for_other_systems_are_not_counted() -> None:
    locked = "one==1.0 \\\n    --hash=sha256:1\n    # via x\ntwo==2.0 ; python_version < '3'\n"
    assert count_packages(locked) == 2
    assert list(follow(PIP.splitlines(keepends=True), 4)) == [
        (1, "1 of 3 packages, 0 MB: one==1.0"),
        (2, "2 of 3 packages, 33 MB: three==3.0"),
        (3, "3 of 3 packages, 34 MB: four-4.0-py3-none-any.whl"),
        (0, "3 packages, 34 MB: unpacking them, about a minute"),
    ]


def make_wheel(folder: Path) -> Path:
    """Write a wheel with nothing but a module in it."""
    import zipfile

    path = folder / "nothing_much-1.0-py3-none-any.whl"
    info = "nothing_much-1.0.dist-info"
    files = {
        "nothing_much.py": "",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: nothing-much\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in (files | {f"{info}/RECORD": record}).items():
            wheel.writestr(name, text)
    return path


@pytest.mark.parametrize("is_whole", [True, False])
def test_make_sets_up_and_leaves_nothing_that_passes_for_it_where_pip_fails(
    is_whole: bool, tmp_path: Path
) -> None:
    wheel = make_wheel(tmp_path)
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest() if is_whole else "0" * 64
    locked = f"nothing-much==1.0 --hash=sha256:{sha256}\n"
    (tmp_path / "requirements.txt").write_text(locked, encoding="utf8")
    (tmp_path / "scripts").symlink_to(ROOT / "scripts")
    (tmp_path / "Makefile").symlink_to(ROOT / "Makefile")
    # By its name: make takes a path with a space in it for two words.
    make = ("make", "PYTHON=python", ".venv/ready")
    done = sh(tmp_path, *make, check=False, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tmp_path))
    assert (done.returncode == 0) is is_whole, done.stdout + done.stderr
    assert (tmp_path / ".venv/ready").exists() is is_whole
    assert ("unpacking them" in done.stdout) is is_whole
    assert is_whole or "DO NOT MATCH THE HASHES" in done.stderr
