"""The installed versions of a package and of everything that it needs."""

from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def distributions_of(*requirements: str) -> dict[str, Distribution]:
    """Find the installed distributions of requirements and of all that these need.

    requirements: lines such as "spacy>=3.8" or "tqdm[telegram]".

    Returns each by its name, sorted. What is not installed is left out.
    """
    found: dict[str, Distribution] = {}
    waiting = [Requirement(line) for line in requirements]
    done: set[tuple[str, str]] = set()
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        for extra in {"", *wanted.extras} - {extra for known, extra in done if known == name}:
            done.add((name, extra))
            try:
                found[name] = distribution(name)
            except PackageNotFoundError:  # it is needed on other systems only
                continue
            needed = [Requirement(line) for line in found[name].requires or []]
            waiting += [x for x in needed if not x.marker or x.marker.evaluate({"extra": extra})]
    return dict(sorted(found.items()))


def requirements_of(requirement: str) -> dict[str, str]:
    """Return the versions of a requirement's package and of all that it needs, sorted by name."""
    return {name: found.version for name, found in distributions_of(requirement).items()}
