"""The kinds of error that an entity recognizer makes: what it found against what is gold."""

from collections.abc import Callable

Span = tuple[int, int, str]
"""Start, end (characters), label."""

KINDS = ("right", "wrong_label", "wrong_boundary", "both", "missed", "spurious")


def kinds(gold: set[Span], found: set[Span]) -> list[tuple[str, Span | None, Span | None]]:
    """Each gold and each found span once, with its kind and its counterpart.

    Pairs are made from the best kind to the worst: the same span and label, the same span with
    another label, an overlap with the same label, an overlap with another one. What stays alone is
    missed or spurious. (The scheme of MUC-5's error classes: Chinchor and Sundheim, 1993, "MUC-5
    evaluation metrics".)
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


FITS: dict[str, Callable[[Span, Span], bool]] = {
    "right": lambda a, b: a == b,
    "wrong_label": lambda a, b: a[:2] == b[:2],
    "wrong_boundary": lambda a, b: overlap(a, b) and a[2] == b[2],
    "both": overlap,
}
