"""Spatial scores from 7x7 heat maps against painting and upsampling every frame.

The rival is the released evaluation script's way (benchmarks, section 4, items 3 to 5), written
anew: see ``score_as_released``. Both ways score the same random frames (every map's edge crosses
most of the frame: the hardest case for ours, all the same to the rival) in turn within each round,
in CPU time of one thread, so a busy machine slows both alike. The rival gets float32 maps, as the
released model gives; equality is checked in float64. Then all 250 videos are scored: the real boxes
where STGR_DATA_ROOT points, else as many random ones. Run: python benchmarks/evaluation.py
"""

import argparse
import json
import os
import statistics
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
from stgr.evaluation.functional.compat import released_raster

SIZE, THRESHOLD = (640, 480), 0.5
Scores = tuple[np.ndarray, ...]


def random_frames(num: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return heat maps (N, 7, 7) and whole-pixel boxes (N, 4)."""
    generator = np.random.default_rng(seed)
    corner = generator.integers(0, (400, 240), (num, 2))
    extent = generator.integers(1, (241, 241), (num, 2))
    return generator.random((num, 7, 7)), np.concatenate([corner, corner + extent], axis=1)


def score_as_released(maps: np.ndarray, boxes: np.ndarray) -> Scores:
    """Return hits, IoU and box areas, one frame after another.

    Each map is upsampled by torch (trilinear over a clip of one frame); numpy finds its maximum
    and sets the map to 0 and 1; the box is painted into a frame of zeros pixel column by pixel
    column, all columns being looked at, each filled by one assignment; intersection and union are
    a product and a sum of whole frames whose pixels are counted. The script's prints and repeated
    counts are left out.
    """
    hits, ious, areas = [], [], []
    for heat, box in zip(maps, boxes.tolist(), strict=True):
        full = _upsample_clip(heat)
        hits.append(_hit(full, box))
        full[full < THRESHOLD] = 0
        full[full >= THRESHOLD] = 1
        painted = np.zeros(SIZE)  # columns first
        for column in range(SIZE[0]):
            if box[0] < column <= box[2] + 1:
                painted[column][box[1] : box[3] + 1] = 1
        mask = full.T
        union = mask + painted
        union[union > 0] = 1
        ious.append(np.count_nonzero(mask * painted) / np.count_nonzero(union))
        areas.append(np.count_nonzero(painted))
    return np.array(hits), np.array(ious), np.array(areas)


def point_as_released(maps: np.ndarray, boxes: np.ndarray) -> Scores:
    """Return hits alone, from every frame upsampled as in ``score_as_released``."""
    pairs = zip(maps, boxes.tolist(), strict=True)
    return (np.array([_hit(_upsample_clip(heat), box) for heat, box in pairs]),)


def upsample_and_point(maps: np.ndarray, boxes: np.ndarray) -> Scores:
    """Return the same from torch's bilinear upsampling, which is faster."""
    pairs = zip(maps, boxes.tolist(), strict=True)
    return (np.array([_hit(_upsample(heat), box) for heat, box in pairs]),)


def slice_and_upsample(maps: np.ndarray, boxes: np.ndarray) -> Scores:
    """Return the same as ``score_as_released`` without painting.

    What is left once the box is one slice of a boolean mask and upsampling is bilinear: the best
    that can be done frame by frame.
    """
    hits, ious, areas = [], [], []
    for heat, box in zip(maps, boxes.tolist(), strict=True):
        full = _upsample(heat)
        hits.append(_hit(full, box))
        mask = full >= THRESHOLD
        inside = mask[box[1] : box[3] + 1, box[0] + 1 : box[2] + 2]
        common = np.count_nonzero(inside)
        areas.append(inside.size)
        ious.append(common / (np.count_nonzero(mask) + inside.size - common))
    return np.array(hits), np.array(ious), np.array(areas)


def ours(maps: np.ndarray, boxes: np.ndarray) -> Scores:
    """Return hits, IoU and box areas, of boxes painted as released."""
    painted = released_raster(boxes)
    area = (painted[:, 2] - painted[:, 0]) * (painted[:, 3] - painted[:, 1])
    mask, common = mask_areas(maps, painted, SIZE, threshold=THRESHOLD)
    return (*ours_pointing(maps, boxes), common / (mask + area - common), area)


def ours_pointing(maps: np.ndarray, boxes: np.ndarray) -> Scores:
    """Return hits alone."""
    return (points_in_boxes(heatmap_points(maps, SIZE), boxes, SIZE),)


def _upsample_clip(heat: np.ndarray) -> np.ndarray:
    clip, size = torch.from_numpy(heat)[None, None, None], (1, SIZE[1], SIZE[0])
    return F.interpolate(clip, size, mode='trilinear')[0, 0, 0].numpy()


def _upsample(heat: np.ndarray) -> np.ndarray:
    size = (SIZE[1], SIZE[0])
    return F.interpolate(torch.from_numpy(heat)[None, None], size, mode='bilinear')[0, 0].numpy()


def _hit(full: np.ndarray, box: list[int]) -> bool:
    y, x = np.unravel_index(full.argmax(), full.shape)
    return bool(box[0] <= x <= box[2] and box[1] <= y <= box[3])


def compare(name: str, rival: Callable, fast: Callable, num: int, rounds: int) -> dict[str, object]:
    """Return the ratios of the rival's time to ours."""
    maps, boxes = random_frames(num)
    for slow, quick in zip(rival(maps, boxes), fast(maps, boxes), strict=True):
        assert np.abs(slow.astype(float) - quick).max() <= 1e-6, f'{name}: other numbers'
    ratios, maps_32 = [], maps.astype(np.float32)
    for _ in range(rounds):
        rival_sec = _seconds(rival, maps_32, boxes)
        ours_sec = statistics.mean(_seconds(fast, maps, boxes) for _ in range(5))
        ratios.append(rival_sec / ours_sec)
    return {'what': f'{name}, {num} frames', 'measure': 'times slower than ours'} | summary(ratios)


def _seconds(score: Callable, *arguments: object) -> float:
    start = time.process_time()
    score(*arguments)
    return time.process_time() - start


def videos() -> list[dict[str, object]]:
    """Return 250 records: the real boxes if they are there, with random maps."""
    generator = np.random.default_rng(1)
    root = Path(os.environ.get('STGR_DATA_ROOT', ''))
    path = root / 'annotations' / 'grounding_youtube' / 'box_anno.json'
    if path.is_file():
        content = json.loads(path.read_text())
        boxes = [np.array([row['box'] for row in rows]) for rows in content.values()]
        print(f'boxes of {path.name}')
    else:
        boxes = [random_frames(69, seed)[1] for seed in range(250)]
        print('random boxes: STGR_DATA_ROOT does not say where the real ones are')
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
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--out', type=Path, default=RESULTS / 'evaluation.csv')
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    few, many, rounds = 69, 1000, arguments.rounds  # 69: boxes of a real video
    rows = [
        compare('painting columns as released', score_as_released, ours, few, rounds),
        compare('painting columns as released', score_as_released, ours, many, rounds),
        compare('a slice for the box, bilinear', slice_and_upsample, ours, few, rounds),
        compare('pointing as released', point_as_released, ours_pointing, few, rounds),
        compare('pointing as released', point_as_released, ours_pointing, many, rounds),
        compare('pointing, bilinear', upsample_and_point, ours_pointing, many, rounds),
    ]
    samples = videos()
    times_sec = [_seconds(score_all, samples) for _ in range(rounds)]
    num_boxes = sum(len(sample['times']) for sample in samples)
    rows.append(
        {'what': f'250 videos, {num_boxes} boxes', 'measure': 'seconds'} | summary(times_sec)
    )
    record(arguments.out, rows, environment('numpy', 'torch'))


if __name__ == '__main__':
    main()
