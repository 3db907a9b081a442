"""The installed versions of a package and of everything that it needs."""

from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def requirements_of(requirement: str) -> dict[str, str]:
    """Return the versions of a requirement's package and of all that it needs, sorted by name."""
    found: dict[str, str] = {}
    waiting = [Requirement(requirement).name]
    while waiting:
        name = canonicalize_name(waiting.pop())
        try:
            here = distribution(name)
        except PackageNotFoundError:  # it is needed on other systems only
            continue
        if name not in found:
            found[name] = here.version
            needed = [Requirement(line) for line in here.requires or []]
            waiting += [x.name for x in needed if not x.marker or x.marker.evaluate({"extra": ""})]
    return dict(sorted(found.items()))
