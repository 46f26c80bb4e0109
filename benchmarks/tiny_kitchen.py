"""Generation of TinyKitchen against the bare encoder on the same frames.

In each round a video is generated (script, drawing, sound, encoding) and its frames, drawn
beforehand, are encoded with the same settings; the two files are equal to the byte. What is
compared is CPU time of this process, taken in turn, so that a busy machine slows both alike.

Run: ``python benchmarks/tiny_kitchen.py`` (about a minute on one core).
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from _recording import RESULTS, environment, record, summary

from stgr.datasets.tiny_kitchen.annotations import segment_at
from stgr.datasets.tiny_kitchen.scene import render
from stgr.datasets.tiny_kitchen.sound import SAMPLE_RATE, synthesise
from stgr.datasets.tiny_kitchen.timeline import Script, write_script
from stgr.datasets.tiny_kitchen.writer import ENCODER, write_one_video
from stgr.io import VideoWriter


def main() -> None:
    """Measure, print and write the table."""
    arguments = parse_arguments()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for index in range(arguments.videos):
            script = shorten(write_script(0, 'train', index), arguments.segments)
            rows += compare(index, script, Path(folder), arguments.rounds)
    record(arguments.out, rows, environment('av', 'numpy') | {'opencv': cv2.__version__})


def parse_arguments() -> argparse.Namespace:
    """Return the command line's settings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--videos', type=int, default=3)
    parser.add_argument('--segments', type=int, default=6, help='shots taken from each video')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--out', type=Path, default=RESULTS / 'tiny_kitchen.csv')
    return parser.parse_args()


def shorten(script: Script, segments: int) -> Script:
    """Keep the first shots of a script."""
    return replace(script, segments=script.segments[:segments])


def draw(script: Script) -> list[np.ndarray]:
    """Return all frames of a video."""
    shots = {s.seed: s.shot(script.size, script.palette)[0] for s in script.segments}
    times_sec = [float(k / script.rate) for k in range(script.n_frames)]
    return [render(shots[segment_at(script, time).seed], time) for time in times_sec]


def encode(script: Script, frames: list[np.ndarray], sound: np.ndarray, path: Path) -> None:
    """Encode what was drawn beforehand as the generator does."""
    audio = (sound, SAMPLE_RATE)
    with VideoWriter(path, script.rate, script.size, audio=audio, **ENCODER) as writer:
        for frame in frames:
            writer.write(frame)


def compare(index: int, script: Script, folder: Path, rounds: int) -> list[dict[str, object]]:
    """Return the ratio of generation to encoding and the speed of generation for a video."""
    frames, sound = draw(script), synthesise(script)
    generated, encoded = folder / 'generated.mp4', folder / 'encoded.mp4'
    ratios, speeds = [], []
    for _ in range(rounds):
        bare_sec = cpu_seconds(lambda: encode(script, frames, sound, encoded))
        full_sec = cpu_seconds(lambda: write_one_video(script, generated))
        ratios.append(full_sec / bare_sec)
        speeds.append(script.n_frames / full_sec)
    assert generated.read_bytes() == encoded.read_bytes(), 'both ways write the same video'
    video = {'video': index, 'size': '{}x{}'.format(*script.size), 'frames': script.n_frames}
    return [
        video | {'measure': 'generation / bare encoder, CPU time'} | summary(ratios),
        video | {'measure': 'frames generated per CPU second'} | summary(speeds),
    ]


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of a call, all threads of this process together."""
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == '__main__':
    main()
