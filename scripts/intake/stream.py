"""Many labelled texts become DocBins, in a stream: read once, worked on by every core.

Files are cut into chunks of about a megabyte. A chunk is the same whoever works on it, and comes
out where it went in, so that shards and findings do not hang on the number of workers.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy
from tqdm import tqdm

from scripts.intake.formats import Layout, Source
from scripts.intake.minhash import SIGNATURE
from scripts.intake.readers import Piece, read_pieces
from scripts.intake.tally import FACTS, Batch, Chunk
from scripts.intake.worker import ChunkWorker, Settings
from scripts.runtime.workers import in_order
from scripts.storage.docbins import write_shard

CHUNK = 1 << 20


def read_chunks(sources: list[Source], title: str) -> Iterator[Chunk]:
    """Cut files into chunks, with a progress bar over their bytes."""
    size = sum(path.stat().st_size for path, _, _ in sources)
    texts = 0
    with tqdm(total=size, desc=title, unit="B", unit_scale=True, leave=False) as bar:
        for chunk in cut(sources, lambda done: bar.update(done - bar.n)):
            texts += len(chunk.pieces)
            bar.set_postfix_str(f"{texts:,} texts")
            yield chunk


def cut(sources: list[Source], progress: Callable[[int], object]) -> Iterator[Chunk]:
    """Cut files into chunks; small files of one part and format share one."""
    pieces: list[Piece] = []
    size, done = 0, 0
    last: tuple[Layout, str | None] | None = None

    def tell(at: int) -> None:
        progress(done + at)

    for path, layout, part in sources:
        if last and last != (layout, part) and pieces:
            yield Chunk(*last, pieces)
            pieces, size = [], 0
        last = (layout, part)
        for piece, length in read_pieces(path, layout, tell):
            pieces.append(piece)
            size += length
            if size >= CHUNK:
                yield Chunk(*last, pieces)
                pieces, size = [], 0
        done += path.stat().st_size
    if last and pieces:
        yield Chunk(*last, pieces)


def take_in(
    sources: list[Source],
    settings: Settings,
    *,
    output: Path,
    rejected: Path,
    jobs: int,
    title: str,
) -> Batch:
    """Work on all files; write shards below `output` and whole rejected records to `rejected`.

    Returns everything but shards and rejected records.
    """
    total = Batch()
    facts: dict[str, list[numpy.ndarray]] = {name: [numpy.empty(0, FACTS[name])] for name in FACTS}
    signatures = [numpy.zeros((0, SIGNATURE), "u2")]
    mentions: dict[tuple[str, str], list[numpy.ndarray]] = defaultdict(list)
    written: Counter[str] = Counter()
    with rejected.open("ab") as rejects:
        for batch in in_order(ChunkWorker, settings, read_chunks(sources, title), jobs):
            for part, shard in batch.shards.items():
                write_shard(output, part, written[part], shard)
                written[part] += 1
            batch.facts["file"] = batch.facts["file"] + len(total.files)
            total.files += batch.files
            for name, column in batch.facts.items():
                facts[name].append(column)
            signatures.append(batch.signatures)
            for key, names in batch.mentions.items():
                mentions[key].append(names)
            total.add_findings(batch)
            rejects.writelines(batch.rejected)
    # Each list goes as its array comes, or there would be room for both.
    total.facts = {name: numpy.concatenate(facts.pop(name)) for name in FACTS}
    total.signatures = numpy.concatenate(signatures)
    total.mentions = {key: numpy.concatenate(mentions.pop(key)) for key in sorted(mentions)}
    return total
