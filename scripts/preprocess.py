"""Make DocBins of the labelled data, the rehearsal text and the general text.

    python -m scripts.preprocess training/base corpus

Writes train, dev, test, general and rehearsal .spacy, data.json (labels and counts) and
findings.csv (what could not be used, with file, line and text). One rule holds for every strategy:
the component that learns has labels, the data's and, with `update`, its own; where the data leaves
a token open, `data.unlabelled: base` lets the base model say which of *these* labels it has.
"""

import csv
import tempfile
from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from hashlib import sha256
from itertools import accumulate
from pathlib import Path

import spacy
import srsly
import typer
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from tqdm import tqdm
from wasabi import msg

from scripts.params import Data, Params, Rehearsal, load_params
from scripts.records import (
    DataError,
    Finding,
    Findings,
    Record,
    find_split,
    make_doc,
    read_folder,
    read_records,
)

SPLITS = ("train", "dev", "test")
ATTRS = ("ENT_IOB", "ENT_TYPE")
# Words of general text below which more than a fiftieth of the base's F is lost, as measured
# (docs/keeping.md).
ENOUGH_WORDS = {"extend": 40_000, "update": 400_000, "replace": 0}
# A label is said to rival one of the base's where the base gives so many of its spans that label.
RIVAL_SHARE = 0.2
RIVAL_TEXTS = 500


def share(name: str, seed: int) -> float:
    """A number from 0 to 1 that depends on a document's name alone, so that it never moves."""
    return int.from_bytes(sha256(f"{seed}:{name}".encode()).digest()[:8], "big") / 2**64


def read_splits(source: Path, data: Data, findings: Findings) -> dict[str, list[Record]]:
    """Read train, dev and test; what has no file is split off train, whole documents at a time."""
    paths = {part: find_split(source, part) for part in SPLITS} if source.is_dir() else {}
    train = paths.get("train") if source.is_dir() else source
    if train is None:
        raise DataError(f"{source}: there is no train.jsonl in it.")
    splits = {
        part: list(read_records(path, findings))
        for part, path in paths.items()
        if path is not None and part != "train"
    }
    wanted = [
        (part, size)
        for part, size in (("test", data.test), ("dev", data.dev))
        if part not in splits
    ]
    parts = [*(part for part, _ in wanted), "train"]
    bounds = [*accumulate(size for _, size in wanted), 1.0]
    splits |= {part: [] for part in parts}
    for record in read_records(train, findings):
        value = share(record.doc, data.seed)
        splits[next(p for p, bound in zip(parts, bounds, strict=True) if value <= bound)].append(
            record
        )
    for part in SPLITS:
        if not any(record.spans for record in splits[part]):
            raise DataError(
                f"{source}: no record of the {part} split has a span. Give a {part}.jsonl, or more "
                "documents (the split goes by meta.doc; without it, by text)."
            )
    rename(splits, data.rename)
    return {part: splits[part] for part in SPLITS}


def rename(splits: dict[str, list[Record]], names: dict[str, str]) -> None:
    """Give the labels in `names` their new names, in place."""
    records = [record for part in splits.values() for record in part if record.spans]
    labels = {label for record in records for _, _, label in record.spans or []}
    if unknown := sorted(names.keys() - labels):
        raise DataError(
            f"data.rename: no span has the label {', '.join(unknown)}; there are "
            f"{', '.join(sorted(labels))}."
        )
    for record in records:
        record.spans = [(start, end, names.get(x, x)) for start, end, x in record.spans or []]


def choose_rehearsal(records: Iterable[Record], taken: set[str], nlp: Language) -> list[Doc]:
    """The plain texts that are in no split, each once, in the order of their hashes.

    The order does not hang on the file's, and more text moves none to another place among the rest.
    """
    plain = {r.text: r for r in records if r.spans is None and r.text.strip()}
    chosen = sorted(plain.keys() - taken, key=lambda text: sha256(text.encode()).digest())
    return [
        make_doc(nlp, plain[text], Findings())
        for text in tqdm(chosen, desc="Reading rehearsal", unit=" texts")
    ]


def fill(
    nlp: Language, docs: list[Doc], labels: set[str], unlabelled: str, title: str
) -> Iterator[Doc]:
    """Say what an open token means: what the base predicts of `labels`, missing, or outside.

    Entities that are set stay, and so do tokens that are missing because a span was unusable.
    """
    if unlabelled == "base" and labels & entity_labels(nlp):
        predicted: Iterable[Doc] = nlp.pipe(
            tqdm((doc.text for doc in docs), total=len(docs), desc=title, unit=" texts")
        )
    else:
        predicted = docs
    default = "missing" if unlabelled == "missing" else "outside"
    for doc, guess in zip(docs, predicted, strict=True):
        found = [e for e in guess.ents if e.label_ in labels] if guess is not doc else []
        labelled = doc.user_data["labelled"]
        if labelled and not found and default == "outside":
            yield doc  # as it was made: entities, outside, and missing under unusable spans
            continue
        unknown = [doc[t.i : t.i + 1] for t in doc if labelled and not t.ent_iob]
        known = {t.i for span in [*doc.ents, *unknown] for t in span}
        guesses = [
            Span(doc, span.start, span.end, span.label_)
            for span in found
            if not known & set(range(span.start, span.end))
        ]
        doc.set_ents([*doc.ents, *guesses], missing=unknown, default=default)
        yield doc


def find_rivals(nlp: Language, docs: list[Doc]) -> dict[str, dict[str, float]]:
    """The labels of the data that the base often sees as a label of its own, with the share.

    General text says of such names that they are the base's, the data that they are not: neither
    label can be learned well (docs/keeping.md).
    """
    marked = [doc for doc in docs if doc.ents][:RIVAL_TEXTS]
    found: dict[str, Counter[str]] = {}
    for doc, guess in zip(marked, nlp.pipe(doc.text for doc in marked), strict=True):
        guessed = {(ent.start_char, ent.end_char): ent.label_ for ent in guess.ents}
        for ent in doc.ents:
            seen = guessed.get((ent.start_char, ent.end_char), "")
            found.setdefault(ent.label_, Counter())[seen] += 1
    shares = {
        label: {
            seen: round(number / counts.total(), 3)
            for seen, number in sorted(counts.items())
            if seen not in ("", label) and number / counts.total() >= RIVAL_SHARE
        }
        for label, counts in sorted(found.items())
    }
    return {label: rivals for label, rivals in shares.items() if rivals}


def entity_labels(nlp: Language) -> set[str]:
    """The labels of every component of a pipeline that sets entities."""
    names = [n for n in nlp.pipe_names if "doc.ents" in nlp.get_pipe_meta(n).assigns]
    return {label for name in names for label in nlp.pipe_labels.get(name, [])}


def write_docs(docs: Iterable[Doc], path: Path) -> None:
    """Write Docs with their entities, in the order of the records."""
    DocBin(attrs=ATTRS, docs=docs).to_disk(path)


def write_findings(findings: list[Finding], path: Path) -> None:
    """Write the findings as a table, the header also where there are none."""
    with path.open("w", encoding="utf8", newline="") as file:
        rows = csv.DictWriter(file, [column.name for column in fields(Finding)])
        rows.writeheader()
        rows.writerows(asdict(finding) for finding in findings)


def read_general(path: Path, nlp: Language, findings: Findings) -> tuple[list[Doc], bool]:
    """The text that retention is measured on: the records with spans, or if none has any, all."""
    records = list(read_folder(path, findings))
    gold = [record for record in records if record.spans is not None]
    return [make_doc(nlp, record, findings) for record in gold or records], bool(gold)


def rehearse(
    rehearsal: Rehearsal, strategy: str, dev_words: int, taken: set[str], nlp: Language
) -> dict[str, list[Doc]]:
    """General text to practise on (all that there is), and for dev, in the ratio asked for.

    Dev gets some, so that the score that picks the best model sees what is kept; a tenth at most.
    """
    if not rehearsal.ratio:
        return {"rehearsal": [], "dev": []}
    docs = choose_rehearsal(read_folder(Path(rehearsal.text), Findings()), taken, nlp)
    bounds = list(accumulate(map(len, docs), initial=0))
    cut = bisect(bounds, min(rehearsal.ratio * dev_words, bounds[-1] / 10)) - 1
    words = sum(map(len, docs[cut:]))
    if words < (enough := ENOUGH_WORDS[strategy]):
        msg.warn(
            f"rehearsal.text has {words:,} words to practise on; with {strategy}, the model "
            f"forgets where there are fewer than {enough:,} (docs/keeping.md).",
            "Give it more text like that in which the base's labels are to be kept.",
        )
    return {"rehearsal": docs[cut:], "dev": docs[:cut]}


def preprocess(*, params: Params, base: Path, output: Path) -> None:
    """Write the DocBins, counts and findings into the folder `output`."""
    nlp = spacy.load(base)
    findings = Findings()
    splits = read_splits(Path(params.data.source), params.data, findings)
    docs = {
        part: [
            make_doc(nlp, record, findings)
            for record in tqdm(records, desc=f"Reading {part}", unit=" texts")
        ]
        for part, records in splits.items()
    }
    general, is_gold = read_general(Path(params.evaluate.general), nlp, findings)
    taken = {doc.text for part in (general, *docs.values()) for doc in part}
    words = {part: sum(map(len, docs[part])) for part in SPLITS}
    strategy = params.training.strategy
    extra = rehearse(params.rehearsal, strategy, words["dev"], taken, nlp)

    learned = sorted({span.label_ for doc in docs["train"] for span in doc.ents})
    known = entity_labels(nlp)
    own = set(nlp.pipe_labels[params.base.component])
    labels = set(learned) | (own if strategy == "update" else set())
    # Given up on purpose: who reads of the model must be told.
    dropped = own - set(learned) if strategy == "replace" else set()
    corpus = {"test": docs["test"], "general": general, "rehearsal": extra["rehearsal"]}
    for part in ("train", "dev"):
        title = f"Base model on {part}"
        corpus[part] = list(fill(nlp, docs[part], labels, params.data.unlabelled, title))
    # General text is what the base sees in it, or an example of nothing.
    corpus["dev"] += fill(nlp, extra["dev"], labels, "base", "Base model on general text for dev")
    summary = {
        "labels": learned,
        "base_labels": sorted(known),
        "dropped_labels": sorted(dropped),
        "rivals": {} if strategy == "replace" else find_rivals(nlp, docs["train"]),
        "texts": {part: len(corpus[part]) for part in (*SPLITS, "general")},
        "labelled_texts": {part: len(docs[part]) for part in SPLITS},
        "documents": {part: len({r.doc for r in splits[part]}) for part in SPLITS},
        "words": words,
        "spans": {
            part: dict(sorted(Counter(s.label_ for d in docs[part] for s in d.ents).items()))
            for part in SPLITS
        },
        "rehearsal": {
            part: {"texts": len(texts), "words": sum(map(len, texts))}
            for part, texts in (("train", extra["rehearsal"]), ("dev", extra["dev"]))
        },
        "general_is_gold": is_gold,
        "findings": dict(sorted(Counter(f.code for f in findings.listed).items())),
        "skipped_answers": dict(sorted(findings.skipped.items())),
    }
    write_corpus(output, corpus, summary, findings.listed)
    report(summary, findings.listed, output)


def write_corpus(
    output: Path, corpus: dict[str, list[Doc]], summary: dict, findings: list[Finding]
) -> None:
    """Write everything apart, then move it to `output`: an error leaves what was there."""
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".preprocess-") as scratch:
        folder = Path(scratch)
        for part, docs in corpus.items():
            write_docs(docs, folder / f"{part}.spacy")
        write_findings(findings, folder / "findings.csv")
        srsly.write_json(folder / "data.json", summary)
        for path in sorted(folder.iterdir()):
            path.replace(output / path.name)


def report(summary: dict, findings: list[Finding], output: Path) -> None:
    """Say what was made, and the first findings."""
    msg.good(
        f"{summary['labelled_texts']['train']} texts to learn {', '.join(summary['labels'])} from, "
        f"{summary['rehearsal']['train']['texts']} of general text to practise on"
    )
    for label, rivals in summary["rivals"].items():
        seen = ", ".join(f"{share:.0%} {rival}" for rival, share in rivals.items())
        nearest = max(rivals, key=rivals.__getitem__)
        msg.warn(
            f"{label} rivals the base's labels: to the base its spans are {seen}.",
            f"If they mean the same, set data.rename to {{{label}: {nearest}}}; as two labels, "
            "what one gains the other loses.",
        )
    for finding in findings[:10]:
        where = f"{finding.path}:{finding.line} ({finding.doc})"
        msg.warn(f"{finding.code}: {where}: {finding.text}", finding.advice)
    if findings:
        msg.warn(f"{len(findings)} findings in all: {output / 'findings.csv'}")


def main(base: Path, output: Path) -> None:
    """Make DocBins of the labelled data, the rehearsal text and the general text."""
    try:
        preprocess(params=load_params(), base=base, output=output)
    except DataError as error:
        msg.fail(str(error), exits=1)


if __name__ == "__main__":
    typer.run(main)
