"""What is installed is named in the locked files, each with one version and its hashes."""

import re

import pytest
import tomlkit
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT


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


EXTRAS = ("ray", "transformers")


@pytest.mark.parametrize(
    "name", ["requirements.txt", *(f"requirements-{extra}.txt" for extra in EXTRAS)]
)
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
    assert sorted(more) == sorted(EXTRAS)
    files = {f"requirements-{extra}.txt": [*used, *more[extra]] for extra in EXTRAS}
    for name, lines in ({"requirements.txt": used} | files).items():
        locked: dict[str, list[Requirement]] = {}
        for requirement, _ in requirements(name).values():
            locked.setdefault(canonicalize_name(requirement.name), []).append(requirement)
        for wanted in map(Requirement, lines):
            for found in locked[canonicalize_name(wanted.name)]:
                (pin,) = found.specifier
                assert wanted.specifier.contains(pin.version), wanted


@pytest.mark.parametrize("extra", EXTRAS)
def test_what_is_locked_twice_is_the_same(extra: str) -> None:
    common, more = (requirements(f"requirements{x}.txt") for x in ("", f"-{extra}"))
    assert all(str(more[name][0]) == str(common[name][0]) for name in common)
