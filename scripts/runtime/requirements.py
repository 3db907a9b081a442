"""The locked versions of what a package needs."""

from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def requirements_of(requirement: str) -> dict[str, str]:
    """The installed distributions that a requirement needs, its own among them: their versions."""
    found: dict[str, str] = {}
    waiting = [Requirement(requirement).name]
    while waiting:
        name = canonicalize_name(waiting.pop())
        try:
            here = distribution(name)
        except PackageNotFoundError:  # asked for on other systems
            continue
        if name not in found:
            found[name] = here.version
            needed = [Requirement(line) for line in here.requires or []]
            waiting += [x.name for x in needed if not x.marker or x.marker.evaluate({"extra": ""})]
    return dict(sorted(found.items()))
