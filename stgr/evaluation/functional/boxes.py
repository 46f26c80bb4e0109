"""Boxes as areas and as targets for points.

As an area a box is ``[x1, x2) x [y1, y2)`` after clipping to the frame; as a target for a point it
is closed. A box without area hits nothing (benchmarks, section 3, notation, and 3.1 (c)).
"""

import numpy as np

from stgr.evaluation.functional.arrays import BoolArray, FloatArray, IntArray

WIDE_AREA_PX = 50_000
WIDE_FRAME_PX = 640 * 480


def clip_boxes(boxes_px: FloatArray, frame_size: tuple[int, int]) -> FloatArray:
    """Return the boxes cut to ``[0, W] x [0, H]``, (N, 4); inverted ones stay without area."""
    width, height = frame_size
    return np.clip(np.asarray(boxes_px, np.float64), 0, [width, height, width, height])


def box_areas(boxes_px: FloatArray) -> FloatArray:
    """Return areas in square pixels, (N,); 0 for empty and inverted boxes."""
    sides = np.maximum(boxes_px[:, 2:] - boxes_px[:, :2], 0)
    return np.asarray(sides[:, 0] * sides[:, 1], np.float64)


def intersect_boxes(first_px: FloatArray, second_px: FloatArray) -> FloatArray:
    """Return the pairwise common boxes, (N, 4); empty or inverted where there is none."""
    return np.concatenate(
        [
            np.maximum(first_px[:, :2], second_px[:, :2]),
            np.minimum(first_px[:, 2:], second_px[:, 2:]),
        ],
        axis=1,
    )


def raster_boxes(boxes_px: FloatArray, frame_size: tuple[int, int]) -> FloatArray:
    """Return the pixel ranges of half-open boxes: pixel i belongs if ``x1 <= i < x2``, likewise y.

    Integer boxes are unchanged but for the clipping.

    Args:
        boxes_px: (N, 4).
        frame_size: Width and height in pixels.

    Returns:
        Integral ``first column, first row, end column, end row``, (N, 4).
    """
    return np.ceil(clip_boxes(boxes_px, frame_size))


def points_in_boxes(
    points_px: FloatArray, boxes_px: FloatArray, frame_size: tuple[int, int]
) -> BoolArray:
    """Tell which points lie in their closed box: ``x1 <= x <= x2`` and ``y1 <= y <= y2``.

    Source: benchmarks, section 3 (a).

    Args:
        points_px: ``x, y``, (N, 2).
        boxes_px: (N, 4), as annotated (not clipped).
        frame_size: Width and height in pixels.

    Returns:
        (N,) bool; False for a box without area inside the frame.
    """
    inside = (boxes_px[:, :2] <= points_px).all(1) & (points_px <= boxes_px[:, 2:]).all(1)
    return np.asarray(inside & (box_areas(clip_boxes(boxes_px, frame_size)) > 0), np.bool_)


def wide_boxes(boxes_px: FloatArray, frame_size: tuple[int, int]) -> BoolArray:
    """Tell which boxes, clipped, exceed 50,000 px of a 640x480 frame (16.3 % of any frame).

    Source: benchmarks, section 3 (g); "wide" (widespread) against "saturated".
    """
    return is_wide(box_areas(clip_boxes(boxes_px, frame_size)), frame_size)


def is_wide(areas_px: FloatArray, frame_size: tuple[int | IntArray, int | IntArray]) -> BoolArray:
    """Tell which areas are wide, of one frame size or one of each; compared as exact products."""
    width, height = frame_size
    limit = WIDE_AREA_PX * width * height
    return np.asarray(np.asarray(areas_px) * WIDE_FRAME_PX > limit, np.bool_)
