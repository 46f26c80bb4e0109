"""Where points fall and where the true boxes are, on a frame of size one by one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stgr.evaluation.functional.arrays import FloatArray
from stgr.evaluation.functional.boxes import clip_boxes
from stgr.evaluation.functional.known_places import known_places, place_points
from stgr.evaluation.functional.records import GroundingRecord


@dataclass(frozen=True)
class PointDensity:
    """Points and boxes of many frames on one grid of h rows and w columns.

    Args:
        points: Share of the points in each cell, (h, w); sums to 1, or 0 without points.
        boxes: Share of the true boxes that hold the centre of each cell, (h, w): what a constant
            point there would score.
        num_points: Frames counted, each with a point and a box.
    """

    points: FloatArray
    boxes: FloatArray
    num_points: int


def point_density(
    records: Sequence[GroundingRecord],
    *,
    grid: tuple[int, int] = (35, 47),
    point_mode: str = 'first',
) -> PointDensity:
    """Return where the points of the true labels and their boxes lie.

    Pixel coordinates are divided by the frame's width and height, so frames of different sizes
    share the grid. ``points[i, j] = n_ij / n``; ``boxes[i, j] = (1/N) sum 1[cell centre in box]``
    with boxes clipped to the frame and closed. Frames: see ``known_places``.

    Args:
        records: The videos.
        grid: Rows and columns; odd, so that the middle of the frame is the centre of a cell.
        point_mode: See ``heatmap_points``.

    Returns:
        Both densities; all 0 without an annotated frame that has a point.
    """
    rows, columns = grid
    points, boxes, num = np.zeros(grid), np.zeros(grid), 0
    for record in records:
        known = known_places(record)
        if known is None or not known[1].any():
            continue
        places, used = known
        found = place_points(places, used, record.frame_size, point_mode) / record.frame_size
        cell = np.clip((found * (columns, rows)).astype(np.int64), 0, (columns - 1, rows - 1))
        np.add.at(points, (cell[:, 1], cell[:, 0]), 1)
        truth = clip_boxes(record.gt_boxes_px[used], record.frame_size)
        boxes += _coverage(truth / np.tile(record.frame_size, 2), grid)
        num += len(found)
    return PointDensity(points / max(num, 1), boxes / max(num, 1), num)


def _coverage(boxes: FloatArray, grid: tuple[int, int]) -> FloatArray:
    """Return how many boxes, as shares of the frame, hold the centre of each cell, (h, w)."""
    across, down = ((np.arange(size) + 0.5) / size for size in (grid[1], grid[0]))
    has_area = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    boxes = boxes[has_area]
    in_columns = (boxes[:, :1] <= across) & (across <= boxes[:, 2:3])  # (N, w)
    in_rows = (boxes[:, 1:2] <= down) & (down <= boxes[:, 3:])  # (N, h)
    return in_rows.T.astype(np.float64) @ in_columns.astype(np.float64)
