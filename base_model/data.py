"""Turn the treebanks and name corpora that the embedded base model learns from into DocBins.

    python -m weasel run data base_model

Reads five corpora: EWT and GUM (CoNLL-U), UNER (IOB2 tags for the sentences of EWT), the Broad
Twitter Corpus (columns of words and IOB tags) and WikiGold (columns of words and IO tags). Writes

    syntax_train.spacy               tags, morphology, lemmas and dependency trees of EWT and GUM
    dev_ewt.spacy, test_ewt.spacy    the same annotation of EWT, to measure syntax
    ner_train.spacy, ner_dev.spacy   entities (PERSON, ORG, LOC) of the name corpora
    test_CORPUS.spacy                entities of each of btc, gum, uner and wikigold

The documents of EWT and GUM are sorted by id, because publishers may reorder them: a copy in
another order gives the same bytes.
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
# The genres of GUM whose texts are licensed CC BY or CC BY-SA. GUM_DEV and GUM_TEST are the
# documents of these genres that are in GUM's official dev and test parts.
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
# At most this many sentences of one document are joined into a text for syntax: several, so that
# the parser learns where sentences end, but few, so that a batch mixes many documents.
GROUP = 8


def read_conllu(path: Path) -> Iterator[tuple[str, Doc, str]]:
    """Yield every sentence of a CoNLL-U file, sorted by document id.

    path: the file; sentences before the first "newdoc id" are a document named like the file.

    Yields (document id, the sentence as a Doc, the sentence's lines in the file).
    """
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
    """Find the names in a sentence of GUM.

    GUM marks every mention of an entity, pronouns too, and mentions may be nested. A name is a
    mention of a known kind whose words are all tagged NNP or NNPS.

    doc: the sentence, with tags.
    block: the sentence's lines in the CoNLL-U file, which have the mentions in the last column.

    Returns the names as spans of `doc`; where names overlap, only the longest.
    """
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
    """Read a file of UNER; map the id of each sentence to its IOB2 tags, one for each word."""
    tags = {}
    for block in path.read_text(encoding="utf8").strip().split("\n\n"):
        name = re.search(r"^# sent_id = (.+)$", block, re.M)
        rows = [line.split("\t") for line in block.splitlines() if not line.startswith("#")]
        if name and rows:
            tags[name[1]] = [row[2] for row in rows]
    return tags


def read_columns(path: Path, vocab: Vocab) -> Iterator[tuple[str, Doc]]:
    """Yield every sentence of a file that has a word and its IO or IOB tag on each line.

    path: the file; an empty line ends a sentence, and "-DOCSTART-" begins a document.
    vocab: the vocabulary of the Docs.

    Yields (document id, the sentence as a Doc with entities). Raises ValueError where a line is not
    a word and a tag.
    """
    number = 0
    for block in re.split(r"\n\s*\n", path.read_text(encoding="utf8")):
        # splitlines() and split() would break words of tweets that hold unusual white space.
        rows = [re.split(r"[\t ](?=\S+$)", line) for line in block.strip("\n").split("\n") if line]
        for row in rows:
            if len(row) != 2:
                raise ValueError(f"{path}: every line must be a word and its tag, but one is {row}")
        rows = [row for row in rows if row[0].strip()]
        if rows and rows[0][0] == "-DOCSTART-":
            number, rows = number + 1, rows[1:]
        if rows:
            doc = Doc(vocab, words=[word for word, _ in rows])
            set_names(doc, [tag for _, tag in rows])
            yield f"{path.stem}-{number}", doc


def read_btc(folder: Path, vocab: Vocab) -> dict[str, list[tuple[str, Doc]]]:
    """Read the Broad Twitter Corpus in the split that its authors recommend.

    folder: has either the files btc.train, btc.dev and btc.test, or a file for each section, such
        as a.conll. Of the sections, F is test, the second half of H is dev, and the rest is train.
    vocab: the vocabulary of the Docs.

    Returns for "train", "dev" and "test" a list of (document id, tweet with entities). Raises
    ValueError where a line is not a word and a tag.
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
    """Set the entities of a Doc; tokens of no known kind of name become "outside".

    doc: is changed in place.
    tags: an IO or IOB tag for each token; only the kinds in LABELS are known.
    """
    known = [tag if tag[2:] in LABELS else "O" for tag in tags]
    spans = biluo_tags_to_spans(doc, iob_to_biluo(known))
    doc.set_ents([Span(doc, s.start, s.end, LABELS[s.label_]) for s in spans], default="outside")


def write(path: Path, sentences: list[tuple[str, Doc]], group: int = 1) -> None:
    """Write sentences into a DocBin, and print how many.

    path: the file to write; its folder is made if needed.
    sentences: (document id, sentence) pairs.
    group: how many successive sentences of one document are joined into one text, at most.
    """
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
    """Read the source corpora and write the DocBins that the base model is made from.

    source: a folder with the folders ewt, uner, gum, btc and wikigold.
    out: the folder to write into; it is made if needed.

    Raises ValueError where UNER lacks a sentence of EWT, or a line of a name corpus is not a word
    and a tag; FileNotFoundError where a file of EWT, UNER or WikiGold is missing.
    """
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
                    raise ValueError(f"UNER lacks EWT's {sent_id[1]}: are their releases the same?")
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
    # WikiGold has no official split. A hash of each sentence puts about a tenth into test and about
    # a tenth into dev.
    for name, doc in read_columns(source / "wikigold/wikigold.conll.txt", vocab):
        tenth = int(hashlib.sha256(doc.text.encode()).hexdigest(), 16) % 10
        part = {0: "test", 1: "dev"}.get(tenth, "train")
        names.setdefault(f"wikigold_{part}", []).append((name, doc))
    for corpus in ("btc", "gum", "uner", "wikigold"):
        write(out / f"test_{corpus}.spacy", names[f"{corpus}_test"])
    write(out / "syntax_train.spacy", syntax["train"], GROUP)
    # UNER's train part is not among the sources, so its dev part serves for training.
    # GUM is there twice, because it is small for the variety of its texts.
    parts = ["btc_train", "gum_train", "gum_train", "uner_dev", "wikigold_train"]
    write(out / "ner_train.spacy", [pair for part in parts for pair in names[part]])
    parts = ["btc_dev", "gum_dev", "wikigold_dev"]
    write(out / "ner_dev.spacy", [pair for part in parts for pair in names[part]])


def main(source: Path, out: Path) -> None:
    """Turn the corpora in the folder SOURCE into DocBins in the folder OUT."""
    base_data(source=source, out=out)


if __name__ == "__main__":
    typer.run(main)
