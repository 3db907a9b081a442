"""Turn the open treebanks and name corpora behind the embedded base model into DocBins.

    python -m weasel run data base_model

Reads EWT, GUM (CoNLL-U), UNER (IOB2 over EWT's sentences), Broad Twitter Corpus (IOB columns) and
wikigold (IO columns); writes `syntax_*.spacy` (tags, morphology, lemmas, trees), `ner_*.spacy`
(PERSON, ORG, LOC) and, for each corpus, `test_*.spacy`. EWT and GUM are read in
the order of their document ids, so copies with the documents in another order give the same bytes.
"""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import typer
from spacy.tokens import Doc, DocBin, Span
from spacy.training import biluo_tags_to_spans, iob_to_biluo
from spacy.training.converters import conllu_to_docs
from spacy.util import filter_spans
from spacy.vocab import Vocab
from wasabi import msg

LABELS = {
    "PER": "PERSON",
    "person": "PERSON",
    "ORG": "ORG",
    "organization": "ORG",
    "LOC": "LOC",
    "place": "LOC",
}
# GUM's genres whose texts are CC BY or CC BY-SA, and its official dev and test documents of them.
GUM_GENRES = ("academic", "bio", "court", "interview", "news", "voyage")
# fmt: off
GUM_DEV = (
    "exposure", "librarians", "byron", "emperor", "loan", "negligence",
    "cyclone", "gaming", "homeopathic", "iodine", "athens", "coron",
)
GUM_TEST = (
    "discrimination", "eegimaa", "dvorak", "jespersen", "insanity", "mitigation",
    "hill", "libertarian", "nasa", "sensitive", "oakland", "vavau",
)
# fmt: on
# How many sentences of one document make a training text: the parser learns where sentences end,
# and texts stay short enough for mixed batches.
GROUP = 8


def read_conllu(path: Path) -> Iterator[tuple[str, Doc, str]]:
    """Yield (document id, one sentence as Doc, its CoNLL-U block), sorted by document."""
    documents: dict[str, list[str]] = {}
    name = path.stem
    for block in path.read_text(encoding="utf8").strip().split("\n\n"):
        if found := re.search(r"^# newdoc id = (.+)$", block, re.M):
            name = found[1]
        documents.setdefault(name, []).append(block)
    for name, blocks in sorted(documents.items()):
        docs = conllu_to_docs("\n\n".join(blocks) + "\n\n", n_sents=1, no_print=True)
        for doc, block in zip(docs, blocks, strict=True):
            yield name, doc, block


def gum_names(doc: Doc, block: str) -> list[Span]:
    """Read the proper names among GUM's nested mentions: all words NNP or NNPS, outermost first."""
    rows = [line.split("\t") for line in block.splitlines() if re.match(r"\d+\t", line)]
    spans, open_mentions = [], []
    for i, row in enumerate(rows):
        entity = re.search(r"(?:^|\|)Entity=([^|]+)", row[9])
        for bracket in re.findall(r"\([^()]+\)?|[^()]+\)", entity[1]) if entity else []:
            if bracket.startswith("("):
                open_mentions.append((bracket[1:].split("-")[0], bracket.split("-")[1], i))
            if bracket.endswith(")"):
                number = bracket.strip("()").split("-")[0]
                at = max(k for k, mention in enumerate(open_mentions) if mention[0] == number)
                _, kind, start = open_mentions.pop(at)
                if kind in LABELS and all(t.tag_ in ("NNP", "NNPS") for t in doc[start : i + 1]):
                    spans.append(Span(doc, start, i + 1, LABELS[kind]))
    return filter_spans(spans)


def read_uner(path: Path) -> dict[str, list[str]]:
    """Map a sentence's id to its IOB2 tags."""
    tags = {}
    for block in path.read_text(encoding="utf8").strip().split("\n\n"):
        name = re.search(r"^# sent_id = (.+)$", block, re.M)
        rows = [line.split("\t") for line in block.splitlines() if not line.startswith("#")]
        if name and rows:
            tags[name[1]] = [row[2] for row in rows]
    return tags


def read_columns(path: Path, vocab: Vocab) -> Iterator[tuple[str, Doc]]:
    """Yield (document id, sentence with entities) from a file of word and IO or IOB tag columns."""
    number = 0
    for block in re.split(r"\n\s*\n", path.read_text(encoding="utf8")):
        # Not splitlines(), not split(): words of tweets hold rare line breaks and spaces.
        rows = [re.split(r"[\t ](?=\S+$)", line) for line in block.strip("\n").split("\n") if line]
        for row in rows:
            if len(row) != 2:
                raise ValueError(f"{path}: a line is a word and its tag, this one is {row}")
        rows = [row for row in rows if row[0].strip()]
        if rows and rows[0][0] == "-DOCSTART-":
            number, rows = number + 1, rows[1:]
        if rows:
            doc = Doc(vocab, words=[word for word, _ in rows])
            set_names(doc, [tag for _, tag in rows])
            yield f"{path.stem}-{number}", doc


def read_btc(folder: Path, vocab: Vocab) -> dict[str, list[tuple[str, Doc]]]:
    """Read the Broad Twitter Corpus, split as its authors recommend: into btc.train, btc.dev and
    btc.test, or published by section, of which test is F, dev the second half of H, train the rest.
    """
    if (folder / "btc.test").is_file():
        return {
            part: list(read_columns(folder / f"btc.{part}", vocab))
            for part in ("train", "dev", "test")
        }
    sections = {
        path.stem: [
            (f"{path.stem}-{number}", doc)
            for number, (_, doc) in enumerate(read_columns(path, vocab))
        ]
        for path in sorted(folder.glob("?.conll"))
    }
    half = len(sections["h"]) // 2
    train = [tweet for name in sections if name not in "fh" for tweet in sections[name]]
    return {
        "train": train + sections["h"][:half],
        "dev": sections["h"][half:],
        "test": sections["f"],
    }


def set_names(doc: Doc, tags: list[str]) -> None:
    """Set the entities of the three labels from IO or IOB tags; every other token is outside."""
    known = [tag if tag[2:] in LABELS else "O" for tag in tags]
    spans = biluo_tags_to_spans(doc, iob_to_biluo(known))
    doc.set_ents([Span(doc, s.start, s.end, LABELS[s.label_]) for s in spans], default="outside")


def write(path: Path, sentences: list[tuple[str, Doc]], group: int = 1) -> None:
    """Write sentences, up to `group` neighbours of one document as one text."""
    bin_, last = DocBin(store_user_data=False), ""
    waiting: list[Doc] = []
    for name, doc in [*sentences, ("", None)]:
        if waiting and (name != last or len(waiting) == group):
            bin_.add(Doc.from_docs(waiting) if len(waiting) > 1 else waiting[0])
            waiting = []
        if doc is not None:
            waiting.append(doc)
        last = name
    path.parent.mkdir(parents=True, exist_ok=True)
    bin_.to_disk(path)
    msg.good(f"{path}: {len(sentences)} sentences in {len(bin_)} texts")


def base_data(*, source: Path, out: Path) -> None:
    """Read the corpora below `source` and write the base model's DocBins to `out`."""
    vocab = Vocab()
    syntax: dict[str, list[tuple[str, Doc]]] = {"train": [], "dev": [], "test": []}
    names: dict[str, list[tuple[str, Doc]]] = {}
    uner = {part: read_uner(source / f"uner/en_ewt-ud-{part}.iob2") for part in ("dev", "test")}
    for part in syntax:
        for name, doc, block in read_conllu(source / f"ewt/{part}.conllu"):
            syntax[part].append((name, doc))
            sent_id = re.search(r"^# sent_id = (.+)$", block, re.M)
            if part in uner and sent_id:
                if sent_id[1] not in uner[part]:
                    raise ValueError(f"EWT's {sent_id[1]} is not in UNER: another release of one?")
                copy = doc.copy()
                set_names(copy, uner[part][sent_id[1]])
                names.setdefault(f"uner_{part}", []).append((name, copy))
    write(out / "test_ewt.spacy", syntax["test"], GROUP)
    write(out / "dev_ewt.spacy", syntax["dev"], GROUP)
    for path in sorted((source / "gum").glob("GUM_*_*.conllu")):
        _, genre, stem = path.stem.split("_")
        if genre not in GUM_GENRES:
            continue
        part = "dev" if stem in GUM_DEV else "test" if stem in GUM_TEST else "train"
        for name, doc, block in read_conllu(path):
            doc.set_ents(gum_names(doc, block), default="outside")
            syntax[part].append((name, doc))
            names.setdefault(f"gum_{part}", []).append((name, doc))
    for part, tweets in read_btc(source / "btc", vocab).items():
        names[f"btc_{part}"] = tweets
    # wikigold has no official split: a tenth of its sentences each for dev and test, by hash.
    for name, doc in read_columns(source / "wikigold/wikigold.conll.txt", vocab):
        tenth = int(hashlib.sha256(doc.text.encode()).hexdigest(), 16) % 10
        part = {0: "test", 1: "dev"}.get(tenth, "train")
        names.setdefault(f"wikigold_{part}", []).append((name, doc))
    for corpus in ("btc", "gum", "uner", "wikigold"):
        write(out / f"test_{corpus}.spacy", names[f"{corpus}_test"])
    write(out / "syntax_train.spacy", syntax["train"], GROUP)
    # UNER's train part is not among the sources: its dev part trains, its test part measures.
    # GUM counts twice: it is the smallest for its variety.
    parts = ["btc_train", "gum_train", "gum_train", "uner_dev", "wikigold_train"]
    write(out / "ner_train.spacy", [pair for part in parts for pair in names[part]])
    parts = ["btc_dev", "gum_dev", "wikigold_dev"]
    write(out / "ner_dev.spacy", [pair for part in parts for pair in names[part]])


def main(source: Path, out: Path) -> None:
    """Turn the base model's source corpora into DocBins."""
    base_data(source=source, out=out)


if __name__ == "__main__":
    typer.run(main)
