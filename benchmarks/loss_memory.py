"""Peak memory and time of each loss by itself, forward and backward, on all pairs of a batch.

What still grows with the square of the batch when a step is taken in chunks: every process compares
the clips of all of them. Each row in a fresh process. Linux only.

    python benchmarks/loss_memory.py --clips 1024 2048 4096
"""

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

from _recording import RESULTS, Row, environment, record

WAYS = ('MMSLoss', 'MILNCELoss', 'InfoNCELoss')
WIDTH = 512


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--clips', type=int, nargs='+', default=[1024, 2048, 4096])
    parser.add_argument('--way', choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument('--out', type=Path, default=RESULTS / 'loss_memory.csv')
    arguments = parser.parse_args()
    if arguments.way:
        print(*measure(arguments.way, arguments.clips[0]))
        return
    rows = [row(way, clips) for way in WAYS for clips in arguments.clips]
    record(arguments.out, rows, {'width': WIDTH, **environment('torch')})


def row(way: str, clips: int) -> Row:
    """Return what a fresh process measures."""
    command = [sys.executable, __file__, '--way', way, '--clips', str(clips)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    mib, seconds = map(float, done.stdout.split()[-2:])
    return {
        'loss': way,
        'clips': clips,
        'loss_mib': round(mib),
        'matrices': round(mib / (4 * clips**2 / 2**20), 1),  # of float32 scores
        'seconds': round(seconds, 2),  # of one core, whatever else runs
    }


def measure(way: str, clips: int) -> tuple[float, float]:
    """Return MiB above the embeddings at the peak, and CPU seconds."""
    import torch

    from stgr.models import losses

    torch.set_num_threads(1)
    loss = getattr(losses, way)()
    videos, texts = (torch.randn(clips, WIDTH, requires_grad=True) for _ in range(2))
    before, start = peak_mib(), time.process_time()
    loss(videos @ texts.T / WIDTH).backward()
    return peak_mib() - before, time.process_time() - start


def peak_mib() -> float:
    """Return the most memory this process has used."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == '__main__':
    main()
