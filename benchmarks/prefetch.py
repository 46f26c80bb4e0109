"""How busy a device is kept by workers that decode the next batches, from pixels.

The device is a pause: it takes no processor time, as a GPU takes none. A step takes a multiple of
the time in which one process reads a batch, measured in the same run. A loader without any loss of
its own keeps the device busy for ``min(1, workers x step)`` of the time (``step / (1 + step)``
without workers); what is printed beside it is what the loader of the configs reaches. More workers
than cores do not help. Wall clock: the machine should have nothing else to do.

    python benchmarks/prefetch.py --clips 16
"""

import argparse
import json
import shutil
import tempfile
import time
from itertools import islice
from pathlib import Path

from _recording import RESULTS, Row, environment, record
from decode import SIZE, make_video
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from stgr.datasets import HowTo100M
from stgr.datasets.transforms import LoadVideoFrames, PackClip, SampleClip

SECONDS = 60
STEPS = (1.5, 0.75, 0.25)
WORKERS = (0, 1, 2)


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--clips', type=int, default=16, help='read in each setting, one a batch')
    parser.add_argument('--out', type=Path, default=RESULTS / 'prefetch.csv')
    arguments = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        data = make_data(Path(folder), arguments.clips + 8)
        for step in STEPS:
            for workers in WORKERS:
                read_sec, cpu_sec = seconds_to_read(data)
                busy = busy_share(data, workers, step * read_sec, arguments.clips)
                ideal = min(1.0, workers * step) if workers else step / (1 + step)
                rows.append(
                    {
                        'step_in_reads': step,
                        'workers': workers,
                        'busy_share': f'{busy:.2f}',
                        'without_any_loss': f'{ideal:.2f}',
                        'cpu_sec_per_clip': f'{cpu_sec:.3g}',
                        'wall_sec_per_clip': f'{read_sec:.3g}',
                        'clips': arguments.clips,
                    }
                )
    record(arguments.out, rows, environment('av', 'torch', 'numpy'))


def make_data(folder: Path, clips: int) -> HowTo100M:
    """Return a data set of as many videos, one clip of 80 frames in each, as `ours_clip` has."""
    (folder / 'videos').mkdir()
    make_video(folder / 'videos' / '0.mp4', seconds=SECONDS)
    for k in range(1, clips):
        shutil.copyfile(folder / 'videos' / '0.mp4', folder / 'videos' / f'{k}.mp4')
    captions = {
        str(k): {'start': [20 + k % 20], 'end': [22 + k % 20], 'text': ['stir the pan']}
        for k in range(clips)
    }
    (folder / 'captions.json').write_text(json.dumps(captions))
    pipeline = [SampleClip(candidates=80, fps=5), LoadVideoFrames(size=SIZE), PackClip()]
    return HowTo100M(str(folder), 'captions.json', per_video=True, pipeline=pipeline)


def seconds_to_read(data: HowTo100M, clips: int = 4) -> tuple[float, float]:
    """Return wall-clock and processor seconds of this process for one clip."""
    begin, begin_cpu = time.perf_counter(), time.process_time()
    for k in range(1, clips + 1):
        data[len(data) - k]
    return (time.perf_counter() - begin) / clips, (time.process_time() - begin_cpu) / clips


def busy_share(data: HowTo100M, workers: int, step_sec: float, clips: int) -> float:
    """Return the share of the time in which the device works, after its first batch."""
    loader = DataLoader(data, batch_size=1, num_workers=workers, collate_fn=pseudo_collate)
    batches = islice(iter(loader), clips)
    next(batches)
    begin = time.perf_counter()
    steps = 0
    time.sleep(step_sec)  # the first batch is computed while the second is read
    for _ in batches:
        time.sleep(step_sec)
        steps += 1
    return (steps + 1) * step_sec / (time.perf_counter() - begin)


if __name__ == '__main__':
    main()
