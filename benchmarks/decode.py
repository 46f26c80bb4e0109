"""Decoding for sparse sampling: the default reader against other ways to the same frames.

``full decode`` is PyAV decoding everything and converting what is wanted, ``opencv`` grabs every
frame and retrieves what is wanted, ``decord`` and ``torchcodec`` seek by themselves (both if they
are installed), ``isolated`` is the default reader in a process of its own (the processor seconds
of both are counted). ``floor`` gives no pictures: it is the share of the default reader's time in
which FFmpeg opens the file and decodes the packets that cannot be left out. The video is made here
(H.264 with B-frames, key frames 2 s apart); others can be named. All ways read the same frames in
turn within each round, so a busy machine slows them alike; what is compared is CPU time, summed
over threads. Every reading looks through the file anew, as the first one does.

    python benchmarks/decode.py --rounds 5
    python benchmarks/decode.py --videos a.mp4 b.mkv
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from _recording import RESULTS, Row, environment, record, summary

from stgr.io import VideoWriter, open_video, resize_frame, sample_times, write_video
from stgr.io.isolation import decoding_process
from stgr.io.pyav_tools import decode_each, open_stream, to_rgb
from stgr.io.readers.pyav_reader import _decode_planned

SIZE = (224, 224)  # what ViT-B/32 looks at
FPS = 30
Read = Callable[[Path, np.ndarray], np.ndarray]


def main() -> None:
    """Measure, print and write the table."""
    arguments = parse_arguments()
    rows: list[Row] = []
    ways = available_ways()
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / 'made.mp4'
        make_video(made, seconds=arguments.seconds)
        copies = [
            Path(shutil.copyfile(path, Path(folder) / path.name)) for path in arguments.videos
        ]
        for path in (made, *copies):
            with open_video(path) as video:
                facts, codec = video.facts(), video.timeline.codec
            about = {'video': path.name, 'codec': codec, 'size': f'{facts.width}x{facts.height}'}
            for name, times_sec in workloads(facts.duration_sec).items():
                found = compare(path, times_sec, ways, rounds=arguments.rounds)
                rows += [
                    about | {'workload': name, 'frames': len(times_sec)} | row for row in found
                ]
    packages = environment('av', 'decord', 'torchcodec', 'numpy')
    record(arguments.out, rows, packages | {'opencv': cv2.__version__})


def parse_arguments() -> argparse.Namespace:
    """Return the command line's settings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--seconds', type=int, default=60)
    parser.add_argument('--videos', type=Path, nargs='*', default=())
    parser.add_argument('--out', type=Path, default=RESULTS / 'decode.csv')
    return parser.parse_args()


def workloads(seconds: float) -> dict[str, np.ndarray]:
    """Return the times that training and inference ask for."""
    start = min(10.0, seconds / 3)
    return {
        'clip at 5 fps': sample_times(start, min(start + 16, seconds), 5),
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


def read_isolated(path: Path, times_sec: np.ndarray) -> np.ndarray:
    """Ours, in a process of its own, which is already there."""
    with open_video(path, 'isolated') as video:
        return video.read_at(times_sec, SIZE)


def read_opencv(path: Path, times_sec: np.ndarray) -> np.ndarray:
    """OpenCV decoding every frame up to the last wanted one, converting the wanted ones."""
    with open_video(path) as video:
        wanted = video.timeline.shown_frames(times_sec).tolist()
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    frames = []
    for position in range(wanted[-1] + 1):
        capture.grab()
        if position in wanted:
            frames.append(resize_frame(capture.retrieve()[1][..., ::-1], SIZE))
    capture.release()
    return np.stack(frames)


def read_decord(path: Path, times_sec: np.ndarray) -> np.ndarray:
    """Decord in one thread, found by the same timeline."""
    with open_video(path, 'decord') as video:
        return video.read_at(times_sec, SIZE)


def read_torchcodec(path: Path, times_sec: np.ndarray) -> np.ndarray:
    """Torchcodec in one thread, exact seek mode."""
    with open_video(path, 'torchcodec') as video:
        return video.read_at(times_sec, SIZE)


def decode_only(path: Path, times_sec: np.ndarray) -> None:
    """What the default reader cannot do without: open, and decode the wanted and their like."""
    with open_video(path) as video:
        timeline = video.timeline
    for _ in _decode_planned(str(path), timeline, np.unique(timeline.shown_frames(times_sec))):
        pass


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


def available_ways() -> dict[str, Read]:
    """Return the ways to pictures that work here; say in a line each which do not."""
    ways: dict[str, Read] = {
        'default': read_default,
        'full decode': read_everything,
        'opencv': read_opencv,
        'isolated': read_isolated,
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'try.mp4'
        write_video(path, np.zeros((2, 64, 64, 3), np.uint8), FPS)
        for name, read in (('decord', read_decord), ('torchcodec', read_torchcodec)):
            try:
                read(path, np.zeros(1))
                ways[name] = read
            except ImportError as error:
                print(f'{name} is left out: {error}')
    return ways


def compare(path: Path, times_sec: np.ndarray, ways: dict[str, Read], *, rounds: int) -> list[Row]:
    """Return how much more CPU time each way takes than the default, and whether frames agree."""
    pictures = {way: read(path, times_sec) for way, read in ways.items()}  # also warms up
    differences: dict[str, object] = {
        way: round(_mean_difference(found, pictures['default']), 3)
        for way, found in pictures.items()
    }
    timed = [
        {way: _cpu_seconds(read, path, times_sec) for way, read in ways.items()}
        | {'floor': _cpu_seconds(decode_only, path, times_sec, looks=False)}
        for _ in range(rounds)
    ]
    return [
        {
            'way': way,
            'cpu_sec': f'{statistics.median(seconds[way] for seconds in timed):.3g}',
            **{
                f'times_default_{name}': value
                for name, value in summary([t[way] / t['default'] for t in timed]).items()
            },
            'mean_difference': differences.get(way, ''),
        }
        for way in timed[0]
    ]


def _mean_difference(one: np.ndarray, other: np.ndarray) -> float:
    """Return how far pictures are from each other, 0 if they are equal, of 255."""
    return float(np.abs(one.astype(np.int16) - other).mean())


def _cpu_seconds(
    read: Callable[[Path, np.ndarray], object],
    path: Path,
    times_sec: np.ndarray,
    *,
    looks: bool = True,
) -> float:
    if looks:
        path.touch()  # a changed file is looked through again
    start = time.process_time() + _child_seconds()
    read(path, times_sec)
    return time.process_time() + _child_seconds() - start


def _child_seconds() -> float:
    """Return the processor seconds of the idle decoding process so far, 0 if there is none."""
    if not decoding_process._idle:
        return 0.0
    stat = Path(f'/proc/{decoding_process._idle[0].pid}/stat').read_text()
    user, system = stat.rpartition(')')[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf('SC_CLK_TCK')


if __name__ == '__main__':
    main()
