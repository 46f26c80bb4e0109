"""Extraction and inference on whole videos against plain PyTorch and OpenCV.

The videos are made here: generated shots of actions and of an empty table. ``extraction`` decodes
and encodes a video, in hours of video per hour; ``inference`` does so and answers queries, each
judged alone, boxes included, in seconds per second of video (the real-time factor). ``plain`` is
the same by hand (``_plain_inference.py``) with the same weights; its answers are compared first.

Both ways run in turn in every round, and ratios are taken within the round. On the CPU processor
seconds are counted, on a GPU wall seconds between synchronisations.

    python benchmarks/whole_video.py
    python benchmarks/whole_video.py --minutes 0.5 1 2 5 --out minutes.csv
    python benchmarks/whole_video.py --queries 1 8 64 512 --out queries.csv
    python benchmarks/whole_video.py --device cuda --model b32 --minutes 5 60 --rate 5
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import _plain_inference as plain
import numpy as np
from _devices import add_device, peak_mib, seconds, set_up
from _random_model import build_grounder
from _recording import RESULTS, Row, environment, record, summary
from queries import SIZE, make_queries, make_video

from stgr.apis import Grounder
from stgr.apis.inferencer import GroundingInferencer
from stgr.structures import GroundingResult, ModelFacts

FOUND_SHARE = 0.01  # of query-frame pairs that a model without thresholds is made to find
MAP_TOLERANCE = 1e-3


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and write the table."""
    arguments = parse_arguments(argv)
    where = set_up(arguments.device, arguments.threads)
    if where is None:
        return
    settings = where | {
        'model': arguments.model,
        'rate_fps': arguments.rate,
        'size': '{}x{}'.format(*SIZE),
        **environment('torch', 'transformers', 'av', 'opencv-python-headless'),
    }
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for minutes in arguments.minutes:
            path = Path(folder) / f'{minutes}.mp4'
            make_video(path, round(60 * minutes))
            inferencer = make_inferencer(arguments, path)
            rows += compare_extraction(inferencer, path, minutes, arguments)
            for count in arguments.queries:
                rows += compare_inference(inferencer, path, minutes, count, arguments)
    record(arguments.out, rows, settings)


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the command line's settings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_device(parser)
    parser.add_argument('--model', choices=('ours_tiny', 'b32'), default='ours_tiny')
    parser.add_argument('--minutes', type=float, nargs='+', default=(1,), help='of video')
    parser.add_argument('--queries', type=int, nargs='+', default=(8, 64))
    parser.add_argument('--rate', type=float, default=2.0, help='encoded frames per second')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--out', type=Path, default=RESULTS / 'whole_video.csv')
    arguments = parser.parse_args(argv)
    if arguments.precision != 'float32':
        parser.error('inference computes in float32')
    return arguments


def make_inferencer(arguments: argparse.Namespace, path: Path) -> GroundingInferencer:
    """Return the bundled model, or random weights with a threshold that some frames reach."""
    if arguments.model == 'ours_tiny':
        return Grounder(
            device=arguments.device, rate_fps=arguments.rate, min_duration_sec=0, max_gap_sec=0
        ).inferencer  # by hand a frame is found or not
    model = build_grounder(arguments.model).to(arguments.device)
    facts = ModelFacts(name='random ViT-B/32', weights_sha256='made', notice=None)
    inferencer = GroundingInferencer(model, facts, rate_fps=arguments.rate, threshold=1.0)
    with inferencer.encode(path) as video:
        answer = inferencer.ground(video, make_queries(max(arguments.queries)), exclusive=False)
    scores = np.concatenate([query.frame_scores for query in answer.queries])
    inferencer.threshold = float(np.quantile(scores, 1 - FOUND_SHARE))
    return inferencer


def compare_extraction(
    inferencer: GroundingInferencer, path: Path, minutes: float, arguments: argparse.Namespace
) -> list[Row]:
    """Return a row per way to encode a video."""

    def library() -> None:
        inferencer.encode(path).close()

    ways = {
        'library': library,
        'plain': lambda: plain.encode(inferencer.model, path, arguments.rate),
    }
    return [
        {'measured': 'extraction', 'minutes': minutes, 'queries': 0, 'maps': 0, **row}
        for row in compare(ways, path, minutes, arguments)
    ]


def compare_inference(
    inferencer: GroundingInferencer,
    path: Path,
    minutes: float,
    count: int,
    arguments: argparse.Namespace,
) -> list[Row]:
    """Return a row per way to encode a video and answer queries on it."""
    queries, model = make_queries(count), inferencer.model
    assert len(queries) == count, f'there are only {len(queries)} queries'
    threshold = float(inferencer.settings(exclusive=False)['threshold'] or 0.0)

    def library() -> GroundingResult:
        with inferencer.encode(path) as video:
            return inferencer.ground(video, queries, exclusive=False)

    def by_hand() -> list[plain.PlainAnswer]:
        return plain.ground(model, plain.encode(model, path, arguments.rate), queries, threshold)

    maps = check_same(library(), by_hand())
    ways = {'library': library, 'plain': by_hand}
    return [
        {'measured': 'inference', 'minutes': minutes, 'queries': count, 'maps': maps, **row}
        for row in compare(ways, path, minutes, arguments)
    ]


def check_same(result: GroundingResult, answers: list[plain.PlainAnswer]) -> int:
    """Return how many maps there are.

    Raises:
        RuntimeError: If more than one in a hundred is missing, or not the same; frames that are at
            the very threshold may differ.
    """
    total = wrong = 0
    for query, answer in zip(result.queries, answers, strict=True):
        ours = np.zeros((0, 1)) if query.heatmaps is None else query.heatmaps.values
        total += len(ours)
        if len(ours) != len(answer.maps):
            wrong += abs(len(ours) - len(answer.maps))
        elif len(ours):
            gaps = np.abs(ours - answer.maps).max(axis=(1, 2))
            wrong += int((gaps > MAP_TOLERANCE).sum())
    if wrong > 0.01 * total + 1:
        raise RuntimeError(f'{wrong} of {total} maps differ: only the same answers may be timed')
    return total


def compare(
    ways: dict[str, Callable[[], object]],
    path: Path,
    minutes: float,
    arguments: argparse.Namespace,
) -> list[Row]:
    """Return seconds, speed and ratios to the library of ways that do the same."""

    def once(work: Callable[[], object]) -> float:
        path.touch()  # a changed file is looked through again, as the first one is
        return seconds(work, arguments.device)

    for work in ways.values():
        once(work)  # warms up
    rounds = [{way: once(work) for way, work in ways.items()} for _ in range(arguments.rounds)]
    rows = []
    for way, work in ways.items():
        took_sec = statistics.median(times[way] for times in rounds)
        ratios = summary([times[way] / times['library'] for times in rounds])
        memory = peak_mib(work, arguments.device)
        rows.append(
            {
                'way': way,
                'seconds': f'{took_sec:.4g}',
                'video_hours_per_hour': f'{60 * minutes / took_sec:.4g}',
                'real_time_factor': f'{took_sec / (60 * minutes):.3g}',
                **{f'times_library_{name}': value for name, value in ratios.items()},
                'peak_mib': 'not measured' if memory is None else round(memory),
            }
        )
    return rows


if __name__ == '__main__':
    main()
