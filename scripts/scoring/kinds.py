"""The kinds of error that an entity recognizer makes: what it found against what is gold."""

from collections.abc import Callable

Span = tuple[int, int, str]
"""Start and end, in characters, and label."""

# Every kind that `kinds` names, in the order in which they are shown.
KINDS = ("right", "wrong_label", "wrong_boundary", "both", "missed", "spurious")


def kinds(gold: set[Span], found: set[Span]) -> list[tuple[str, Span | None, Span | None]]:
    """Pair gold spans with found ones, and name the kind of each pair.

    Pairs are made from the best kind to the worst: the same span and label ("right"), the same span
    with another label ("wrong_label"), an overlap with the same label ("wrong_boundary"), an
    overlap with another label ("both" are wrong). What has no partner is "missed" or "spurious".
    The scheme follows MUC-5's error classes (Chinchor and Sundheim, 1993, "MUC-5 evaluation
    metrics").

    Returns (kind, gold span, found span); every span is in exactly one of these, and the partner of
    a missed or spurious one is None.
    """
    left, rest = sorted(gold), sorted(found)
    result: list[tuple[str, Span | None, Span | None]] = []
    for kind, fits in FITS.items():
        for truth in list(left):
            guess = next((span for span in rest if fits(truth, span)), None)
            if guess is not None:
                left.remove(truth)
                rest.remove(guess)
                result.append((kind, truth, guess))
    result += [("missed", truth, None) for truth in left]
    result += [("spurious", None, guess) for guess in rest]
    return result


def overlap(a: Span, b: Span) -> bool:
    """Whether two spans have a character in common."""
    return a[0] < b[1] and b[0] < a[1]


# When a gold and a found span make a pair of a kind, the best kind first.
FITS: dict[str, Callable[[Span, Span], bool]] = {
    "right": lambda a, b: a == b,
    "wrong_label": lambda a, b: a[:2] == b[:2],
    "wrong_boundary": lambda a, b: overlap(a, b) and a[2] == b[2],
    "both": overlap,
}
