"""Pixel counts of thresholded heat maps and of what they share with a box, without upsampling.

Along one pixel row the upsampled map is linear between cell centres, so the mask can begin or end
once between two of them: 480 rows x 6 pieces to look at instead of 640 x 480 pixels for a 7x7 map.
"""

import numpy as np

from stgr.evaluation.functional.arrays import BoolArray, FloatArray, IntArray
from stgr.evaluation.functional.boxes import raster_boxes
from stgr.ops.upsampling import Axis, interpolate_rows

_CHUNK = 8  # frames at a time: 0.2 MB of rows for 7x7 maps at 640x480; more costs page faults
_ROUNDING_PX = 1e-9  # a pixel this near to the threshold's crossing is on it, hence inside (>=)


def mask_areas(
    maps: FloatArray,
    boxes_px: FloatArray,
    frame_size: tuple[int, int],
    *,
    threshold: float,
    row_step: int = 1,
) -> tuple[IntArray, IntArray]:
    """Return how many pixels each mask has and how many of them lie in the frame's box.

    Mask: pixels whose bilinearly upsampled value is >= ``threshold`` (benchmarks, section 3 (b)).
    Box: pixels i with ``x1 <= i < x2`` (see ``raster_boxes``).

    Args:
        maps: Heat maps, (N, h, w), already normalised.
        boxes_px: One box per map, (N, 4), in pixels of ``frame_size``.
        frame_size: Width and height in pixels.
        threshold: In the maps' unit.
        row_step: 1 counts every pixel row. An odd step looks at the middle row of each strip of
            that many only and lets it stand for all of them: for curves over many thresholds,
            where a hundredth of an area does not show. Never for a score.

    Returns:
        Mask areas (N,) and areas of mask and box together (N,), in pixels.

    Raises:
        ValueError: If the step is not odd and positive.
    """
    if row_step < 1 or row_step % 2 == 0:
        raise ValueError(f'row_step must be odd and >= 1, but got {row_step}')
    maps = np.asarray(maps, np.float64)
    ranges = raster_boxes(boxes_px, frame_size).astype(np.int64)
    size = _CHUNK * row_step
    areas = [
        _chunk_areas(maps[i : i + size], ranges[i : i + size], frame_size, threshold, row_step)
        for i in range(0, len(maps), size)
    ]
    if not areas:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return np.concatenate([a for a, _ in areas]), np.concatenate([b for _, b in areas])


def _chunk_areas(
    maps: FloatArray,
    ranges: IntArray,
    frame_size: tuple[int, int],
    threshold: float,
    row_step: int,
) -> tuple[IntArray, IntArray]:
    """Add up, with their signs, the columns where the mask ends (+) and begins (-) in each row.

    With ``m(c)`` the columns before c that lie in a range, an interval ``[p, q)`` of the mask
    holds ``m(q) - m(p)`` of them; the frame's left edge adds nothing.
    """
    width, height = frame_size
    tops = np.arange(0, height, row_step)
    ends = np.minimum(tops + row_step, height)
    rows = interpolate_rows(maps, Axis(maps.shape[1], height), (tops + ends - 1) // 2)  # (N, R, w)
    inside = rows >= threshold
    line, column, sign = _edges(rows, inside, Axis(maps.shape[2], width), threshold)
    starts = np.searchsorted(line, len(tops) * np.arange(len(maps) + 1))  # edges frame by frame
    weight = ends - tops  # pixel rows that each row stands for, (R,)
    first_row, end_row = ranges[:, 1, None], np.maximum(ranges[:, 3], ranges[:, 1])[:, None]
    weight_in_box = np.clip(ends, first_row, end_row) - np.clip(tops, first_row, end_row)  # (N, R)
    first = ranges[:, 0]
    end = np.maximum(ranges[:, 2], first)
    counts = np.diff(starts)
    in_box = np.clip(column, np.repeat(first, counts), np.repeat(end, counts))
    in_box -= np.repeat(first, counts)
    in_box *= sign * weight_in_box.reshape(-1).take(line)
    at_right = inside[:, :, -1]  # the mask ends with the frame
    of_mask = sign * column * np.tile(weight, len(maps)).take(line)
    mask_px = _sums(of_mask, starts) + width * (at_right @ weight)
    common = _sums(in_box, starts) + (end - first) * (at_right * weight_in_box).sum(axis=1)
    return mask_px.astype(np.int64), common.astype(np.int64)


def _sums(values: FloatArray, starts: IntArray) -> FloatArray:
    """Return the sum of each frame's values, which are whole numbers, (N,)."""
    running = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray(running[starts[1:]] - running[starts[:-1]], np.float64)


def _edges(
    rows: FloatArray, inside: BoolArray, axis: Axis, threshold: float
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return every crossing of the threshold between two neighbouring cells of a row.

    Returns:
        Pixel row, counted through all frames and ascending, first pixel column beyond the crossing
        and sign: +1 where the mask ends there, -1 where it begins; each (K,).
    """
    cells = axis.num_cells
    crossings = np.flatnonzero(inside[:, :, :-1] != inside[:, :, 1:])
    line = crossings // max(cells - 1, 1)  # a division by a scalar is much faster than divmod
    cell = crossings + line  # the left one, counted through all rows
    values = rows.reshape(-1)
    left, right = values.take(cell), values.take(cell + 1)
    sign = np.where(left >= threshold, 1.0, -1.0)
    right -= left
    np.subtract(threshold, left, out=left)
    left /= right  # how far beyond the left cell's centre
    left += cell - cells * line + 0.5
    left *= axis.num_pixels / cells
    left += sign * _ROUNDING_PX - 0.5
    return line, np.floor(left, out=left) + 1, sign
