"""Memory and open files of a process that opens and reads a small video thousands of times.

Every opening looks through the file anew, decodes two frames far apart and is left early every
second time. Linux only.

    python benchmarks/reader_memory.py --opens 10000
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from _recording import RESULTS, Row, environment, record

from stgr.io import open_video, write_video
from stgr.io.timeline_cache import known_timelines

STEPS = 5


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--opens', type=int, default=3_000)
    parser.add_argument('--out', type=Path, default=RESULTS / 'reader_memory.csv')
    arguments = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'small.mp4'
        noise = np.random.default_rng(0).integers(0, 255, (30, 48, 64, 3), dtype=np.uint8)
        write_video(path, noise, 10)
        for step in range(STEPS + 1):
            if step:
                open_and_read(path, arguments.opens // STEPS)
            else:
                open_and_read(path, 100)  # what is loaded once is no leak
            rows.append(
                {
                    'opens': step * (arguments.opens // STEPS),
                    'resident_mib': round(resident_mib(), 2),
                    'open_files': len(list(Path('/proc/self/fd').iterdir())),
                }
            )
    record(arguments.out, rows, environment('av', 'numpy'))


def open_and_read(path: Path, times: int) -> None:
    """Open a video again and again, without its timeline being remembered."""
    for k in range(times):
        known_timelines.clear()
        with open_video(path) as video:
            frames = video.stream_at(np.array([0.1, 2.0, 2.5]), chunk=1)
            for _ in range(1 + k % 2):
                next(frames)


def resident_mib() -> float:
    """Return how much memory of this process is resident."""
    rows = Path('/proc/self/status').read_text().splitlines()
    return next(int(row.split()[1]) for row in rows if row.startswith('VmRSS:')) / 1024


if __name__ == '__main__':
    main()
