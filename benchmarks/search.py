"""Search through a large library: FAISS's HNSW and IVF against comparing a text with all frames.

Vectors are made up: scenes of 4 to 20 seconds around 2,000 concepts, 128 wide, as float16; texts
are concepts moved off, all in one direction and each in its own, as texts lie apart from frames.
The cosine of the last of the best frames is in the table. By default 10 hours (36,000 frames), in
less than a minute. FAISS's own exact index (``IndexFlatIP``) is the second rival: a command loads
it for every search, while our exact search maps its file. All searches take turns within a round,
with one thread each.

With ``--videos DIR``: seconds per video of ``stgr index`` on real files, and with nothing new.

Run: python benchmarks/search.py [--hours H] [--kinds ivf] [--videos DIR]   (needs faiss-cpu)
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from _recording import RESULTS, environment, record, summary

from stgr.search import build_index
from stgr.search.manifest import file_sha256
from stgr.search.neighbours import KINDS, import_faiss, open_approximate, recall_of
from stgr.search.vectors import VectorFile, write_vectors

WIDTH = 128
CONCEPTS = 2000
COUNT = 100  # frames looked for
TEXTS = 64


def frames(rows: int, concepts: torch.Tensor, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Yield vectors of scenes, one after the other, about 48,000 at a time."""
    left = rows
    while left > 0:
        lengths = torch.randint(4, 21, (4000,), generator=generator)
        which = torch.randint(CONCEPTS, (4000,), generator=generator)
        scenes = concepts[which] + 0.8 * torch.randn(4000, WIDTH, generator=generator)
        block = scenes.repeat_interleave(lengths, dim=0)[:left]
        yield block + 0.3 * torch.randn(block.shape, generator=generator)
        left -= len(block)


def texts(concepts: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return vectors of texts, (TEXTS, D), of length 1: apart from all frames, as CLIP's are."""
    chosen = concepts[torch.randperm(CONCEPTS, generator=generator)[:TEXTS]]
    gap = torch.randn(1, WIDTH, generator=generator)
    own = torch.randn(TEXTS, WIDTH, generator=generator)
    return F.normalize(chosen + 0.7 * gap + 0.5 * own, dim=1)


def timed(work: Callable[[], object]) -> float:
    """Return how many seconds a call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(
    hours: float, rounds: int, kinds: Sequence[str], folder: Path
) -> list[dict[str, object]]:
    """Return build times, sizes, recalls and latencies of all kinds on made-up vectors."""
    faiss = import_faiss()
    generator = torch.Generator().manual_seed(0)
    concepts = torch.randn(CONCEPTS, WIDTH, generator=generator)
    rows = round(3600 * hours)
    write_vectors(folder / 'v', frames(rows, concepts, generator), rows=rows, width=WIDTH)
    vectors, queries = VectorFile(folder / 'v'), texts(concepts, generator)
    exact_scores = vectors.top(queries, COUNT)[1]
    table = [
        row('exact', 'megabytes on disk', [megabytes(folder / 'v')]),
        row(
            'exact',
            'seconds to compare with the checksum',
            [timed(lambda: file_sha256(folder / 'v')) for _ in range(3)],
        ),
        row('exact', f'cosine of frame {COUNT}', exact_scores[:, -1].tolist()),
    ]
    searches: dict[str, Callable[[torch.Tensor], object]] = {
        'exact': lambda query: vectors.top(query, COUNT)
    }
    for kind in kinds:
        start = time.perf_counter()
        index = KINDS[kind].build(vectors)
        table.append(row(kind, 'seconds to build', [time.perf_counter() - start]))
        recall = index.tune(vectors, queries, COUNT)
        index.save(folder / kind)
        table.append(row(kind, f'recall@{COUNT}, held-out texts', [recall]))
        table.append(row(kind, 'effort (efSearch or nprobe)', [index.effort]))
        table.append(row(kind, 'megabytes on disk, besides', [megabytes(folder / kind)]))
        loads = [timed(lambda k=kind: open_approximate(k, folder / k, 1)) for _ in range(3)]
        table.append(row(kind, 'seconds to load', loads))
        assert recall_of(index, vectors, queries[::2], exact_scores[::2]) >= 0.95
        searches[kind] = lambda query, index=index: index.top(query, COUNT)
    flat = faiss.IndexFlatIP(WIDTH)
    for start in range(0, rows, 1 << 16):
        flat.add(vectors.read(start, min(start + (1 << 16), rows)).numpy())
    faiss.write_index(flat, str(folder / 'flat'))
    loads = [timed(lambda: faiss.read_index(str(folder / 'flat'))) for _ in range(3)]
    table.append(row('faiss flat', 'megabytes on disk, besides', [megabytes(folder / 'flat')]))
    table.append(row('faiss flat', 'seconds to load', loads))
    searches['faiss flat'] = lambda query: flat.search(query.numpy(), COUNT)
    return table + latencies(searches, queries, rounds)


def latencies(
    searches: dict[str, Callable[[torch.Tensor], object]], queries: torch.Tensor, rounds: int
) -> list[dict[str, object]]:
    """Return milliseconds per text of each search, and how many times faster than exact it is."""
    torch.set_num_threads(1)
    import_faiss().omp_set_num_threads(1)
    taken: dict[str, list[float]] = {name: [] for name in searches}
    for i in range(rounds):
        query = queries[i % len(queries)][None]
        for name, search in searches.items():
            taken[name].append(1e3 * timed(lambda s=search, q=query: s(q)))
    table = [row(name, 'milliseconds per text', values) for name, values in taken.items()]
    for name in searches:
        ratios = np.array(taken['exact']) / np.array(taken[name])
        if name != 'exact':
            table.append(row(name, 'times faster than exact', ratios.tolist()))
    return table


def index_videos(videos: Path, folder: Path) -> list[dict[str, object]]:
    """Return seconds per video of indexing, and of doing it again."""
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        report = build_index(videos, folder / 'index', device='cpu')
        seconds.append(time.perf_counter() - start)
    count = len(report.manifest.videos)
    hours = report.manifest.num_frames / 3600
    return [
        row(
            f'{count} videos, {hours:.2f} h', 'seconds per video, first time', [seconds[0] / count]
        ),
        row(f'{count} videos, {hours:.2f} h', 'seconds in all, nothing new', [seconds[1]]),
    ]


def row(what: str, measure: str, values: list[float]) -> dict[str, object]:
    """Return a row of the table."""
    return {'what': what, 'measure': measure} | summary(values)


def megabytes(path: Path) -> float:
    """Return the size of a file."""
    return path.stat().st_size / 1e6


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--hours', type=float, default=10.0)
    parser.add_argument('--rounds', type=int, default=20)
    parser.add_argument('--kinds', nargs='+', choices=('hnsw', 'ivf'), default=('hnsw', 'ivf'))
    parser.add_argument('--videos', type=Path, metavar='DIR')
    parser.add_argument('--out', type=Path, default=RESULTS / 'search.csv')
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        rows = measure(arguments.hours, arguments.rounds, arguments.kinds, Path(name))
        if arguments.videos:
            rows += index_videos(arguments.videos, Path(name))
    settings = {'hours': arguments.hours, 'width': WIDTH}
    record(arguments.out, rows, settings | environment('torch', 'faiss-cpu', 'numpy'))


if __name__ == '__main__':
    main()
