"""The best place that never moves, fitted on the truth: an upper bound for looking at nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from stgr.evaluation.functional.arrays import FloatArray, IntArray
from stgr.evaluation.functional.boxes import box_areas, clip_boxes
from stgr.evaluation.functional.places import BoxPlaces
from stgr.evaluation.functional.records import GroundingRecord
from stgr.structures import BACKGROUND

_GRID = 400  # cells per side in which the best point is looked for
_CENTRES = np.linspace(0.2, 0.8, 7)
_SIDES = np.linspace(0.2, 1.0, 9)
_STEPS = (0.05, 0.025, 0.0125, 0.00625)
_CHUNK = 64  # boxes of the grid at a time
_MANY = 1000  # boxes looked at in the first, coarse search


@dataclass(frozen=True)
class ConstantPlace:
    """One point and one box for every frame, as shares of its width and height.

    Args:
        point: ``x, y``.
        box: ``x1, y1, x2, y2``.
    """

    point: tuple[float, float]
    box: tuple[float, float, float, float]


def fit_constant_place(
    records: Sequence[GroundingRecord], *, iou_threshold: float = 0.3
) -> ConstantPlace:
    """Return the point that lies in most true boxes, and the box that overlaps most of them.

    The point is the best of a grid of 400 x 400 (its first best cell); the box
    maximises the share of frames with IoU > threshold, found by a coarse grid and a descent from
    its best entry, so it is a very good constant box, not surely the best.

    Args:
        records: Videos with true boxes; the predictions are not looked at.
        iou_threshold: Of a hit.

    Returns:
        The place; the frame's middle if there are no boxes.
    """
    shares = [
        clip_boxes(record.gt_boxes_px, record.frame_size)[record.gt_labels != BACKGROUND]
        / np.tile(record.frame_size, 2)
        for record in records
    ]
    boxes: FloatArray = np.concatenate([np.zeros((0, 4)), *shares])
    boxes = boxes[box_areas(boxes) > 0]
    if not len(boxes):
        return ConstantPlace((0.5, 0.5), (0.25, 0.2, 0.75, 0.8))
    return ConstantPlace(_best_point(boxes), _best_box(boxes, iou_threshold))


def place_constant(record: GroundingRecord, place: ConstantPlace) -> GroundingRecord:
    """Return the record with the same place at every frame, its labels unchanged."""
    size = np.asarray(record.frame_size, np.float64)
    points = np.tile(size * place.point, (record.num_frames, 1))
    boxes = np.tile(np.tile(size, 2) * place.box, (record.num_frames, 1))
    places = BoxPlaces(points, boxes)
    return replace(record, pred_places=places, query_places=places)


def _best_point(boxes: FloatArray) -> tuple[float, float]:
    """Count the boxes around the middle of each cell of a grid."""
    low = np.ceil(boxes[:, :2] * _GRID - 0.5).astype(np.int64).clip(0, _GRID)
    end = (np.floor(boxes[:, 2:] * _GRID - 0.5).astype(np.int64) + 1).clip(0, _GRID)
    kept = (end > low).all(axis=1)
    counts = np.zeros((_GRID + 1, _GRID + 1), np.int64)  # rows are y
    for xs, ys, sign in ((low, low, 1), (end, end, 1), (low, end, -1), (end, low, -1)):
        np.add.at(counts, (ys[kept, 1], xs[kept, 0]), sign)
    covered = counts.cumsum(axis=0).cumsum(axis=1)[:_GRID, :_GRID]
    row, column = np.unravel_index(int(covered.argmax()), covered.shape)
    return float((column + 0.5) / _GRID), float((row + 0.5) / _GRID)


def _best_box(boxes: FloatArray, threshold: float) -> tuple[float, float, float, float]:
    sample = boxes[:: max(1, len(boxes) // _MANY)]
    grid = np.asarray(list(product(_CENTRES, _CENTRES, _SIDES, _SIDES)))
    best = grid[int(_hits(grid, sample, threshold).argmax())]
    found, score = best, int(_hits(best[None], boxes, threshold)[0])
    for step in _STEPS:
        improved = True
        while improved:
            improved = False
            for axis, sign in product(range(4), (-step, step)):
                other = found.copy()
                other[axis] += sign
                value = int(_hits(other[None], boxes, threshold)[0])
                if value > score:
                    found, score, improved = other, value, True
    x1, y1, x2, y2 = _corners(found[None])[0].tolist()
    return x1, y1, x2, y2


def _corners(centres_and_sides: FloatArray) -> FloatArray:
    middle, half = centres_and_sides[:, :2], centres_and_sides[:, 2:] / 2
    corners = np.concatenate([middle - half, middle + half], axis=1)
    return np.asarray(np.clip(corners, 0, 1), np.float64)


def _hits(centres_and_sides: FloatArray, boxes: FloatArray, threshold: float) -> IntArray:
    """Count the boxes that each of K constant boxes overlaps enough, (K,)."""
    ours = _corners(centres_and_sides)
    found = [
        _overlapping(ours[i : i + _CHUNK], boxes, threshold) for i in range(0, len(ours), _CHUNK)
    ]
    return np.concatenate(found)


def _overlapping(ours: FloatArray, boxes: FloatArray, threshold: float) -> IntArray:
    low = np.maximum(ours[:, None, :2], boxes[None, :, :2])
    high = np.minimum(ours[:, None, 2:], boxes[None, :, 2:])
    common = np.maximum(high - low, 0).prod(axis=2)
    union = box_areas(ours)[:, None] + box_areas(boxes) - common
    return np.asarray((common > threshold * union).sum(axis=1), np.int64)
