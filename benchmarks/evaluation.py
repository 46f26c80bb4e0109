"""Spatial scores from 7x7 heat maps against painting and upsampling every frame.

The rival paints each true box pixel column by pixel column, upsamples each map to 640x480 on its
own (torch, bilinear) and counts pixels and finds the argmax there. Both ways score the same frames
in turn within each round, so a busy machine slows them alike. Then all 250 videos are scored: the
real boxes where STGR_DATA_ROOT points, else as many random ones.
Run: python benchmarks/evaluation.py [--rounds N]
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from _recording import RESULTS, environment, record, summary
from torch.nn import functional as F

from stgr.evaluation.functional import (
    heatmap_points,
    mask_areas,
    record_from_mapping,
    reduce_record,
    score_pointing,
    score_spatial,
)
from stgr.evaluation.functional.boxes import points_in_boxes

SIZE, THRESHOLD = (640, 480), 0.5
Counts = tuple[np.ndarray, np.ndarray, np.ndarray]


def random_frames(num: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return heat maps (N, 7, 7) and whole-pixel boxes (N, 4)."""
    generator = np.random.default_rng(seed)
    corner = generator.integers(0, (400, 240), (num, 2))
    extent = generator.integers(1, (241, 241), (num, 2))
    return generator.random((num, 7, 7)), np.concatenate([corner, corner + extent], axis=1)


def paint_and_upsample(maps: np.ndarray, boxes: np.ndarray) -> Counts:
    """Return hits, mask areas and common areas, one frame after another."""
    hits, areas, common = [], [], []
    for heat, (x1, y1, x2, y2) in zip(maps, boxes.tolist(), strict=True):
        painted = np.zeros((SIZE[1], SIZE[0]), np.bool_)
        for column in range(x1, x2):
            for row in range(y1, y2):
                painted[row, column] = True
        full = _upsample(heat)
        mask = full >= THRESHOLD
        areas.append(int(mask.sum()))
        common.append(int((mask & painted).sum()))
        hits.append(_hit(full, (x1, y1, x2, y2)))
    return np.array(hits), np.array(areas), np.array(common)


def paint_columns_and_upsample(maps: np.ndarray, boxes: np.ndarray) -> Counts:
    """Return the same, a whole pixel column of the box at a time."""
    hits, areas, common = [], [], []
    for heat, (x1, y1, x2, y2) in zip(maps, boxes.tolist(), strict=True):
        painted = np.zeros((SIZE[1], SIZE[0]), np.bool_)
        for column in range(x1, x2):
            painted[y1:y2, column] = True
        full = _upsample(heat)
        mask = full >= THRESHOLD
        areas.append(int(mask.sum()))
        common.append(int((mask & painted).sum()))
        hits.append(_hit(full, (x1, y1, x2, y2)))
    return np.array(hits), np.array(areas), np.array(common)


def upsample_and_point(maps: np.ndarray, boxes: np.ndarray) -> Counts:
    """Return hits alone, from every frame upsampled."""
    pairs = zip(maps, boxes.tolist(), strict=True)
    return (np.array([_hit(_upsample(heat), tuple(box)) for heat, box in pairs]),)


def ours(maps: np.ndarray, boxes: np.ndarray) -> Counts:
    """Return hits, mask areas and common areas."""
    return (*ours_pointing(maps, boxes), *mask_areas(maps, boxes, SIZE, threshold=THRESHOLD))


def ours_pointing(maps: np.ndarray, boxes: np.ndarray) -> Counts:
    """Return hits alone."""
    return (points_in_boxes(heatmap_points(maps, SIZE), boxes, SIZE),)


def _upsample(heat: np.ndarray) -> np.ndarray:
    size = (SIZE[1], SIZE[0])
    return F.interpolate(torch.from_numpy(heat)[None, None], size, mode='bilinear')[0, 0].numpy()


def _hit(full: np.ndarray, box: tuple[int, int, int, int]) -> bool:
    y, x = np.unravel_index(full.argmax(), full.shape)
    return bool(box[0] <= x <= box[2] and box[1] <= y <= box[3])


def compare(name: str, rival: Callable, fast: Callable, num: int, rounds: int) -> dict[str, object]:
    """Return the ratios of the rival's time to ours."""
    maps, boxes = random_frames(num)
    for slow, quick in zip(rival(maps, boxes), fast(maps, boxes), strict=True):
        assert np.abs(slow.astype(float) - quick).max() <= 1e-6, f'{name}: other numbers'
    ratios = []
    for _ in range(rounds):
        rival_sec = _seconds(rival, maps, boxes)
        ratios.append(rival_sec / min(_seconds(fast, maps, boxes) for _ in range(3)))
    return {'what': name, 'measure': 'times slower than ours'} | summary(ratios)


def _seconds(score: Callable, *arguments: object) -> float:
    start = time.process_time()
    score(*arguments)
    return time.process_time() - start


def videos() -> list[dict[str, object]]:
    """Return 250 records: the real boxes if they are there, with random maps."""
    generator = np.random.default_rng(1)
    root = os.environ.get('STGR_DATA_ROOT')
    if root:
        path = Path(root) / 'annotations' / 'grounding_youtube' / 'box_anno.json'
        content = json.loads(path.read_text())
        boxes = [np.array([row['box'] for row in rows]) for rows in content.values()]
        print(f'boxes of {path.name}')
    else:
        boxes = [random_frames(69, seed)[1] for seed in range(250)]
        print('random boxes: STGR_DATA_ROOT is not set')
    return [
        {
            'video_id': str(number),
            'pool': ['step'],
            'times': np.arange(len(of_video)),
            'gt_labels': np.zeros(len(of_video), np.int64),
            'gt_boxes_px': of_video,
            'frame_size': SIZE,
            'pred_labels': np.zeros(len(of_video), np.int64),
            'pred_scores': np.zeros(len(of_video)),
            'gt_heatmaps': generator.random((len(of_video), 7, 7)),
        }
        for number, of_video in enumerate(boxes)
    ]


def score_all(samples: list[dict[str, object]]) -> None:
    """Score pointing, hit rates and AP of all videos."""
    facts = [reduce_record(record_from_mapping(sample)) for sample in samples]
    score_pointing(facts)
    score_spatial(facts)


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--frames', type=int, default=100)
    parser.add_argument('--out', type=Path, default=RESULTS / 'evaluation.csv')
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    num, rounds = arguments.frames, arguments.rounds
    rows = [
        compare('painting pixel by pixel', paint_and_upsample, ours, num, rounds),
        compare('painting whole columns', paint_columns_and_upsample, ours, num, rounds),
        compare('pointing alone', upsample_and_point, ours_pointing, num, rounds),
    ]
    samples = videos()
    times_sec = [_seconds(score_all, samples) for _ in range(3)]
    num_boxes = sum(len(sample['times']) for sample in samples)
    rows.append(
        {'what': f'250 videos, {num_boxes} boxes', 'measure': 'seconds'} | summary(times_sec)
    )
    record(arguments.out, rows, environment('numpy', 'torch') | {'frames': num})


if __name__ == '__main__':
    main()
