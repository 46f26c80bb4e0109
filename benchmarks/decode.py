"""Decoding for sparse sampling: the default reader against a full decode and against decord.

The video is made here (H.264 with B-frames, key frames 2 s apart). All ways
read the same frames in turn within each round, so a busy machine slows them alike; what is
compared is CPU time, summed over threads. Run: python benchmarks/decode.py [--rounds N]
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from _recording import environment, installed_version

from stgr.io import VideoWriter, open_video, resize_frame, sample_times
from stgr.io.pyav_tools import decode_each, open_stream, to_rgb

SIZE = (224, 224)  # what ViT-B/32 looks at
FPS = 30
Read = Callable[[Path, np.ndarray], np.ndarray]


def main() -> None:
    """Print the ratios of CPU time, median and range over the rounds."""
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'clip.mp4'
        make_video(path, seconds=arguments.seconds)
        print(environment('av', 'decord', 'numpy'))
        print(f'{arguments.seconds} s of 854x480 H.264 at {FPS} fps, {path.stat().st_size} bytes')
        for name, times_sec in workloads(arguments.seconds).items():
            compare(name, path, times_sec, rounds=arguments.rounds)


def parse_arguments() -> argparse.Namespace:
    """Return the command line's settings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--seconds', type=int, default=60)
    return parser.parse_args()


def workloads(seconds: int) -> dict[str, np.ndarray]:
    """Return the times that training and inference ask for."""
    return {
        'clip: 80 frames at 5 fps': sample_times(10, 26, 5),
        'whole video at 1 fps': sample_times(0, seconds, 1),
        'one frame in 10 s': sample_times(0, seconds, 0.1),
    }


def make_video(path: Path, *, seconds: int) -> None:
    """Write textured frames that move, so that they cost about what footage costs."""
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 255, (80, 150, 3)).astype(np.uint8)
    scene = resize_frame(coarse, (1500, 800))
    with VideoWriter(path, FPS, (854, 480), quality=23) as writer:
        for frame in range(seconds * FPS):
            x, y = frame * 3 % 600, round(100 + 90 * np.sin(frame / 40))
            view = scene[y : y + 480, x : x + 854].astype(np.int16)
            noise = generator.integers(-6, 7, view.shape, dtype=np.int16)
            writer.write(np.clip(view + noise, 0, 255).astype(np.uint8))


def read_default(path: Path, times_sec: np.ndarray) -> np.ndarray:
    """Ours: only what is needed is decoded."""
    with open_video(path) as video:
        return video.read_at(times_sec, SIZE)


def read_decord(path: Path, times_sec: np.ndarray) -> np.ndarray:
    """Decord in one thread, found by the same timeline."""
    with open_video(path, 'decord') as video:
        return video.read_at(times_sec, SIZE)


def read_everything(path: Path, times_sec: np.ndarray) -> np.ndarray:
    """PyAV decoding every frame up to the last wanted one, converting the wanted ones."""
    with open_video(path) as video:
        wanted = video.timeline.shown_frames(times_sec)
    return np.stack(list(_pick(path, wanted.tolist())))


def _pick(path: Path, wanted: list[int]) -> Iterator[np.ndarray]:
    with open_stream(str(path)) as (container, stream):
        for position, frame in enumerate(decode_each(container, stream)):
            if position in wanted:
                yield resize_frame(to_rgb(frame), SIZE)
            if position == wanted[-1]:
                return


def compare(name: str, path: Path, times_sec: np.ndarray, *, rounds: int) -> None:
    """Print how much more CPU time the other ways take, and that they give the same frames."""
    ways: dict[str, Read] = {'default': read_default, 'full decode': read_everything}
    if installed_version('decord') != 'not installed':
        ways['decord'] = read_decord
    expected = {way: read(path, times_sec) for way, read in ways.items()}  # also warms up
    seconds = {way: [] for way in ways}
    for _ in range(rounds):
        for way, read in ways.items():
            seconds[way].append(_cpu_seconds(read, path, times_sec))
    print(f'\n{name} ({len(times_sec)} frames, {statistics.median(seconds["default"]):.3f} CPU s)')
    for way in list(ways)[1:]:
        ratios = [
            other / ours for other, ours in zip(seconds[way], seconds['default'], strict=True)
        ]
        same = np.array_equal(expected[way], expected['default'])
        print(
            f'  {way:12s} takes {statistics.median(ratios):.2f}x '
            f'({min(ratios):.2f}-{max(ratios):.2f}), frames {"equal" if same else "DIFFER"}'
        )


def _cpu_seconds(read: Read, path: Path, times_sec: np.ndarray) -> float:
    start = time.process_time()
    read(path, times_sec)
    return time.process_time() - start


if __name__ == '__main__':
    main()
