"""Which part of the general text is measured on, and what the base finds there.

No text is both measured on and practised on: that would say that more is kept than is.
"""

import shutil
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy
from spacy.language import Language
from spacy.strings import get_string_id
from spacy.tokens import DocBin
from spacy.vocab import Vocab
from wasabi import msg

from scripts.intake.tally import Tally, part_mask
from scripts.keeping.base_labels import entity_labels, predict_rows
from scripts.params import Params
from scripts.reporting.escape import printable
from scripts.scoring.gold import count_found, counted_labels, other_meanings, uncovered_labels
from scripts.scoring.verdict import doubt_general
from scripts.storage.docbins import ATTRS, add_doc, pack, read_docs

# One in so many raw texts is measured on, where evaluate.general is what is practised on, too, and
# has no gold.
HELD_OUT = 5
# So many texts are looked at before training; `evaluate` looks at all.
LOOKED_AT = 2_000


class Measured(NamedTuple):
    """The part of the general text that is measured on."""

    hashes: numpy.ndarray
    """spaCy's hashes of the texts, uint64: they are not practised on."""
    texts: int
    is_gold: bool
    """Whether any of it has gold."""


def rehearses_general(params: Params) -> bool:
    """Whether rehearsal.text is evaluate.general."""
    return Path(params.rehearsal.text) == Path(params.evaluate.general)


def choose_measured(params: Params, folder: Path, general: Tally) -> Measured:
    """Choose the general texts that are measured on, and leave their DocBins in folder/general.

    These are all texts with gold. Of raw ones they are all, if evaluate.general is not what is
    practised on; none, if it is and there is gold; and otherwise one in HELD_OUT, those with the
    lowest hashes, so that they stay the same when text is added, but for a few.

    folder: where `take_general` wrote; its folder plain is removed.
    """
    gold, raw = (general.facts["text"][part_mask(general, part)] for part in ("general", "plain"))
    if rehearses_general(params):
        hashes = numpy.unique(raw)
        lowest = hashes[: 0 if len(gold) else -(-len(hashes) // HELD_OUT)]
        raw = raw[numpy.isin(raw, lowest)]
    plain, measured = folder / "plain", folder / "general"
    measured.mkdir(exist_ok=True)
    for shard in sorted(plain.iterdir()) if len(raw) else ():
        (measured / shard.name).write_bytes(pick_texts(shard, set(raw.tolist())))
    shutil.rmtree(plain, ignore_errors=True)
    chosen = numpy.concatenate([gold, raw])
    return Measured(numpy.unique(chosen), len(chosen), bool(len(gold)))


def pick_texts(shard: Path, hashes: set[int]) -> bytes:
    """Return a DocBin of those Docs of another whose text has one of the hashes."""
    # One that ends with the shard: there can be more words than fit into memory.
    vocab = Vocab()
    picked = DocBin(attrs=ATTRS, store_user_data=True)
    for doc in DocBin().from_disk(shard).get_docs(vocab):
        if get_string_id(doc.text) in hashes:
            add_doc(picked, doc, doc.user_data.get("doc", ""))
    return pack(vocab, picked)


def look_at_general(nlp: Language, general: Path, learned: list[str]) -> dict[str, Any]:
    """Say what the base finds in the text that is measured on, and what gold there counts.

    nlp: the base. general: the folder of the text's DocBins; LOOKED_AT texts are looked at.
    learned: the labels that are taught.

    Returns `texts` (how many were looked at), `is_all` (whether there are no more), `found` (how
    many entities of each of its labels the base finds), and of the gold `not_counted`
    (`other_meanings`) and `uncovered` (`uncovered_labels`).
    """
    docs = list(islice(read_docs(general, nlp.vocab), LOOKED_AT + 1))
    is_all, docs = len(docs) <= LOOKED_AT, docs[:LOOKED_AT]
    rows = predict_rows(nlp, docs, "Base model on general text")
    labels = sorted(entity_labels(nlp))
    found = count_found(rows, labels)
    has_gold = any(row["gold"] for row in rows)
    return {
        "texts": len(docs),
        "is_all": is_all,
        "found": found,
        "not_counted": other_meanings(rows, labels, learned),
        "uncovered": uncovered_labels(found, counted_labels(rows, labels)) if has_gold else [],
    }


def warn_of_general(seen: dict[str, Any]) -> None:
    """Warn of what the general text cannot tell, before anything is trained.

    seen: of `look_at_general`.
    """
    where = "" if seen["is_all"] else f"the first {seen['texts']:,} texts of "
    for doubt in doubt_general(seen["not_counted"], seen["found"], f"{where}evaluate.general"):
        msg.warn(printable(doubt.title), printable(f"What to do: {doubt.todo}"))
