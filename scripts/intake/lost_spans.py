"""Spans that are left out: of which labels, for which reasons, and when there are too many."""

from collections import Counter
from collections.abc import Iterator

from scripts.words import amount

# With fewer spans than this, a label is hardly learned, and its score says nothing.
FEW = 10
EVERY = "all labels"

# The code of a finding, and the advice.
Advice = tuple[str, str]


def lost_labels(fates: Counter[tuple[str, str]]) -> Iterator[Advice]:
    """Labels that have spans, none of which can be used."""
    for label, lost in group_fates(fates).items():
        if not lost[""]:
            number = lost.total()
            yield (
                "lost-label",
                f"{label} has {amount(number, 'span')}, and none can be used "
                f"({name_reasons(lost)}): nothing would be learned of it. {what_to_do(lost)}; or "
                "take the label out of the data.",
            )


def lost_spans(fates: Counter[tuple[str, str]], tolerated: float) -> Iterator[Advice]:
    """Whether more of the spans are left out than data.max_lost_spans, of all or of a label."""
    groups = group_fates(fates)
    for name, lost in ((EVERY, sum(groups.values(), Counter())), *groups.items()):
        read, left_out = lost.total(), lost.total() - lost[""]
        # Of a rare label, one span is a large share already.
        if read >= FEW and lost[""] and left_out > tolerated * read:
            yield (
                "lost-spans",
                f"{name}: {left_out:,} of {read:,} spans ({left_out / read:.0%}) are left out "
                f"({name_reasons(lost)}); data.max_lost_spans tolerates {tolerated:.0%}. "
                f"{what_to_do(lost)}; or raise the share.",
            )
            if name == EVERY:
                return


def group_fates(fates: Counter[tuple[str, str]]) -> dict[str, Counter[str]]:
    """For each label in alphabetic order, how many spans are left out for each reason.

    The reason of those that are used is empty.
    """
    groups: dict[str, Counter[str]] = {}
    for (label, code), number in sorted(fates.items()):
        groups.setdefault(label, Counter())[code] += number
    return groups


def name_reasons(lost: Counter[str]) -> str:
    """Why spans are left out, the commonest reason first: `overlap 12, off-boundary 3`."""
    return ", ".join(f"{code} {number:,}" for code, number in lost.most_common() if code)


def what_to_do(lost: Counter[str]) -> str:
    """What can be done about spans that are left out.

    lost: how many there are for each reason.
    """
    if 2 * lost["off-boundary"] > lost.total() - lost[""]:
        return (
            "The base's tokenizer cuts the text elsewhere: is the base of the data's language? The "
            "findings show what data.alignment would take"
        )
    return "The findings say what to do about each"
