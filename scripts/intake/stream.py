"""Turn files of records into DocBins as a stream: each file is read once, and every core works.

Files are cut into chunks of about a megabyte. How they are cut does not depend on the workers, and
results come in the order of the chunks, so that shards and findings are the same for any number of
workers.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from tqdm import tqdm

from scripts.intake.formats import Layout, Source
from scripts.intake.readers import Piece, read_pieces
from scripts.intake.tally import Chunk, Tally
from scripts.intake.worker import ChunkWorker, Settings
from scripts.runtime.workers import in_order
from scripts.storage.docbins import write_shard

# Bytes of a chunk, or a little more: its last record is whole.
CHUNK = 1 << 20


def read_chunks(sources: list[Source], title: str) -> Iterator[Chunk]:
    """Cut files into chunks; in a terminal, show a progress bar over their bytes."""
    size = sum(path.stat().st_size for path, _, _ in sources)
    texts = 0
    with tqdm(total=size, desc=title, unit="B", unit_scale=True, leave=False, disable=None) as bar:
        for chunk in cut(sources, lambda done: bar.update(done - bar.n)):
            texts += len(chunk.pieces)
            bar.set_postfix_str(f"{texts:,} texts")
            yield chunk


def cut(sources: list[Source], progress: Callable[[int], object]) -> Iterator[Chunk]:
    """Cut files into chunks; small files of one part and format share a chunk.

    progress: called with the number of bytes that are read so far.
    """
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
) -> Tally:
    """Check all files and write their DocBins into a folder of `output` for each part.

    rejected: the file to which rejected records are appended.
    title: of the progress bar.
    """
    total = Tally()
    written: Counter[str] = Counter()
    with rejected.open("ab") as rejects:
        for batch in in_order(ChunkWorker, settings, read_chunks(sources, title), jobs):
            for part, shard in batch.shards.items():
                write_shard(output, part, written[part], shard)
                written[part] += 1
            total.add_chunk(batch)
            rejects.writelines(batch.rejected)
    total.join()
    return total
