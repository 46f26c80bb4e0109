"""Peak memory and time of ``stgr ground`` on a long video against a short one of the same kind.

Both are made here: a generated shot that repeats, with sound. The whole command is measured,
decoding, encoder, heat maps, overlay and report, each in a fresh process. Linux only.

    python benchmarks/grounding_memory.py --minutes 1 60
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from _recording import RESULTS, Row, environment, record

from stgr.datasets.tiny_kitchen.layout import random_shot
from stgr.datasets.tiny_kitchen.scene import render
from stgr.datasets.tiny_kitchen.vocabulary import SEEN_STEPS
from stgr.io import VideoWriter

SIZE, FPS, SHOT_SEC = (320, 180), 10, 20
SAMPLE_RATE = 16_000


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--minutes', type=int, nargs=2, default=(1, 10), metavar=('SHORT', 'LONG'))
    parser.add_argument('--out', type=Path, default=RESULTS / 'grounding_memory.csv')
    arguments = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for minutes in arguments.minutes:
            video = Path(folder) / f'{minutes}.mp4'
            query = make_video(video, minutes)
            seconds, peak_mib = run(video, query, Path(folder) / f'answer_{minutes}')
            rows.append({'minutes': minutes, 'seconds': round(seconds, 1), 'peak_mib': peak_mib})
    short = rows[0]['peak_mib']
    rows = [row | {'times_short': round(row['peak_mib'] / short, 3)} for row in rows]
    record(arguments.out, rows, environment('torch', 'av', 'transformers'))


def make_video(path: Path, minutes: int) -> str:
    """Write an action shot and a background shot in turn; return the action's name."""
    rng = np.random.default_rng(0)
    step = SEEN_STEPS[0]
    shots = (random_shot(rng, SIZE, step=step)[0], random_shot(rng, SIZE, kind='table')[0])
    frames = [render(shot, k / FPS) for shot in shots for k in range(SHOT_SEC * FPS)]
    tone = np.sin(np.arange(60 * minutes * SAMPLE_RATE) * 0.1).astype(np.float32) / 10
    audio = (tone, SAMPLE_RATE)
    with VideoWriter(path, FPS, SIZE, audio=audio, quality=27, preset='ultrafast') as writer:
        for k in range(60 * minutes * FPS):
            writer.write(frames[k % len(frames)])
    return step.name


def run(video: Path, query: str, out_dir: Path) -> tuple[float, int]:
    """Ground an action that happens and one that does not; return seconds and peak MiB."""
    program = 'import sys; from stgr.cli import main; sys.exit(main())'
    command = [sys.executable, '-c', program, 'ground', str(video), '--out', str(out_dir)]
    start = time.monotonic()
    process = subprocess.Popen(
        [*command, '--query', query, '--query', 'fly a kite'],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    peaks: list[int] = []
    watcher = threading.Thread(target=watch, args=(process, peaks))
    watcher.start()
    message = process.communicate()[1].decode()
    watcher.join()
    if process.returncode:
        raise RuntimeError(message)
    return time.monotonic() - start, round(max(peaks) / 1024)


def watch(process: subprocess.Popen, peaks: list[int]) -> None:
    """Read the peak of a process, which the kernel keeps, until it ends."""
    while process.poll() is None:
        try:
            status = Path(f'/proc/{process.pid}/status').read_text()
        except OSError:
            return
        peaks += [int(row.split()[1]) for row in status.splitlines() if row.startswith('VmHWM:')]
        time.sleep(0.05)


if __name__ == '__main__':
    main()
