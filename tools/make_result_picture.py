"""Draw the README's picture: three frames of an answer's overlay above its timeline.

    stgr make-tiny-kitchen world --videos 4 --seed 0
    python tools/make_result_picture.py world/test

The bundled model has seen neither the video nor anything but TinyKitchen; the thin bars of the
timeline are the truth.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from stgr import Grounder
from stgr.apis.user_errors import run_command
from stgr.io import open_video
from stgr.structures import GroundingResult, Span

OUT = Path(__file__).resolve().parents[1] / 'docs' / 'images' / 'result.png'
ABSENT = 'fly a kite'
SHOWN = 3  # frames
MARGIN_PX = 12


def main(argv: Sequence[str] | None = None) -> int:
    """Draw the picture and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('split', type=Path, help='folder of a split of TinyKitchen')
    parser.add_argument('--out', type=Path, default=OUT)
    args = parser.parse_args(argv)
    return run_command(lambda: draw(args.split, args.out))


def draw(split: Path, out: Path) -> None:
    """Ask for every action of the split's first video and for one that never happens."""
    video = min((split / 'videos').glob('*.mp4'))
    truth = true_spans(json.loads((split / 'seg.json').read_text())[video.stem])
    grounder = Grounder()
    result = grounder.ground(video, queries=list(truth))
    with tempfile.TemporaryDirectory() as folder:
        grounder.save(result, folder, truth=truth)
        timeline = Image.open(Path(folder) / 'timeline.png').convert('RGB')
        frames = overlay_frames(Path(folder) / 'overlay.mp4', best_moments(result))
    page = stack(frames, timeline).quantize(
        256, Image.Quantize.FASTOCTREE
    )  # a quarter of the bytes
    page.save(out, optimize=True)
    print(f'wrote {out}')


def true_spans(steps: Sequence[dict]) -> dict[str, list[Span]]:
    """Return the spans of each action in order, and none of the absent one."""
    spans: dict[str, list[Span]] = {}
    for step in steps:
        start, end = step['segment']  # whole seconds, both inside
        spans.setdefault(step['sentence'].replace('_', ' '), []).append(Span(start, end + 1, 1.0))
    return spans | {ABSENT: []}


def best_moments(result: GroundingResult) -> list[float]:
    """Return the middle of the best span of the best answers, seconds, ascending."""
    best = [max(a.spans, key=lambda span: span.score) for a in result.queries if a.spans]
    best = sorted(best, key=lambda span: -span.score)[:SHOWN]
    return sorted((span.start_sec + span.end_sec) / 2 for span in best)


def overlay_frames(overlay: Path, times_sec: Sequence[float]) -> list[Image.Image]:
    """Return the overlay's pictures at some times, twice as large."""
    with open_video(overlay) as reader:
        frames = reader.read_at(np.asarray(times_sec))
    pictures = [Image.fromarray(frame) for frame in frames]
    return [p.resize((2 * p.width, 2 * p.height), Image.Resampling.LANCZOS) for p in pictures]


def stack(frames: Sequence[Image.Image], timeline: Image.Image) -> Image.Image:
    """Return the frames in a row above the timeline, on white."""
    width = sum(frame.width + MARGIN_PX for frame in frames) - MARGIN_PX
    timeline = timeline.resize((width, round(timeline.height * width / timeline.width)))
    height = frames[0].height + MARGIN_PX + timeline.height
    page = Image.new('RGB', (width, height), 'white')
    for number, frame in enumerate(frames):
        page.paste(frame, (number * (frame.width + MARGIN_PX), 0))
    page.paste(timeline, (0, height - timeline.height))
    return page


if __name__ == '__main__':
    sys.exit(main())
