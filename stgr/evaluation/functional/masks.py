"""Pixel counts of thresholded heat maps and of what they share with a box, without upsampling.

The upsampled map falls into (h + 1) x (w + 1) bilinear pieces. A piece whose four corners all reach
the threshold, or all miss it, is counted at once; only in the others pixel rows are looked at.
"""

from dataclasses import dataclass

import numpy as np

from stgr.evaluation.functional.arrays import BoolArray, FloatArray, IntArray
from stgr.evaluation.functional.boxes import raster_boxes
from stgr.evaluation.functional.mask_edges import find_edges
from stgr.ops.upsampling import Axis

_CHUNK = 96  # frames at a time at most: rows of 0.3 MB for a band of 7x7 maps at 640x480


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
    ranges = raster_boxes(boxes_px, frame_size)
    ranges[:, 2:] = np.maximum(ranges[:, :2], ranges[:, 2:])  # inverted boxes hold nothing
    frame = _Frame.of_size(maps.shape[1:], frame_size, row_step)
    num_chunks = max(-(-len(maps) // _CHUNK), 1)
    chunks = zip(np.array_split(maps, num_chunks), np.array_split(ranges, num_chunks), strict=True)
    areas = np.concatenate([_chunk_areas(*chunk, frame, threshold) for chunk in chunks], axis=1)
    mask_px, common_px = areas.astype(np.int64)
    return mask_px, common_px


@dataclass(frozen=True)
class _Frame:
    """The pieces of a frame and the pixel rows looked at in each band of them.

    Args:
        columns: The horizontal axis, w cells.
        lefts: First pixel column of each piece, and the frame's width, (w + 2,).
        tops: First pixel row of each band of pieces, and the frame's height, (h + 2,).
        bands: Number of the first row looked at in each band, and R, (h + 2,).
        strips: First pixel row that each row looked at stands for, and the height, (R + 1,).
        fractions: How far each row looked at lies below its upper corners, in [0, 1), (R,).
    """

    columns: Axis
    lefts: IntArray
    tops: IntArray
    bands: IntArray
    strips: IntArray
    fractions: FloatArray

    @classmethod
    def of_size(cls, grid: tuple[int, ...], frame_size: tuple[int, int], row_step: int) -> '_Frame':
        columns, rows = Axis(grid[1], frame_size[0]), Axis(grid[0], frame_size[1])
        strips = np.append(np.arange(0, rows.num_pixels, row_step), rows.num_pixels)
        middles = (strips[:-1] + strips[1:] - 1) // 2
        bands = np.searchsorted(middles, rows.piece_starts())
        fractions = rows.neighbours(middles)[2]
        return cls(columns, columns.piece_starts(), strips[bands], bands, strips, fractions)


def _chunk_areas(
    maps: FloatArray, ranges: FloatArray, frame: _Frame, threshold: float
) -> FloatArray:
    """Return both areas of some frames, (2, N)."""
    grid = maps[:, _corner_cells(maps.shape[1])][:, :, _corner_cells(maps.shape[2])]
    inside = (grid >= threshold).astype(np.int8)
    corners = inside[:, :-1] + inside[:, 1:]
    corners = corners[:, :, :-1] + corners[:, :, 1:]  # those in the mask, (N, h + 1, w + 1)
    whole = (corners == 4).astype(np.float64)
    heights, widths = (np.diff(edges).astype(np.float64) for edges in (frame.tops, frame.lefts))
    boxed_rows = _overlaps(frame.tops, ranges[:, 1::2])  # (N, h + 1)
    boxed_columns = _overlaps(frame.lefts, ranges[:, ::2])  # (N, w + 1)
    whole_px = whole @ widths @ heights
    whole_in_box = ((whole @ boxed_columns[:, :, None])[:, :, 0] * boxed_rows).sum(axis=1)
    crossed = (corners > 0) & (corners < 4)
    return np.stack([whole_px, whole_in_box]) + _crossed_areas(
        grid, ranges, frame, threshold, crossed
    )


def _crossed_areas(
    grid: FloatArray, ranges: FloatArray, frame: _Frame, threshold: float, crossed: BoolArray
) -> FloatArray:
    """Return both areas of the pieces that the mask's edge crosses, summed by frame, (2, N)."""
    bands, frames, pieces = np.nonzero(crossed.transpose(1, 0, 2))
    stride = grid.shape[2]
    upper_left = (frames * grid.shape[1] + bands) * stride + pieces
    others = np.asarray([[0], [1], [stride], [stride + 1]])
    corners = grid.reshape(-1).take(upper_left + others)
    lines = find_edges(corners, pieces, frame.columns, threshold)
    box = ranges[frames].T
    widths = np.diff(frame.lefts)[pieces].astype(np.float64)
    heights = np.diff(frame.tops)[bands]
    first, end = np.clip(box[::2] - frame.lefts[pieces], 0, widths)  # the box in the piece
    boxed = (end - first) * np.diff(np.clip(box[1::2] - frame.tops[bands], 0, heights), axis=0)[0]
    cut = (boxed > 0) & (boxed < widths * heights)
    in_mask, in_both = widths * heights / 2, boxed / 2
    for band in np.unique(bands):
        part = slice(*np.searchsorted(bands, (band, band + 1)))
        looked = slice(frame.bands[band], frame.bands[band + 1])
        strips = frame.strips[looked.start : looked.stop + 1]
        edges = lines.on_rows(part, frame.fractions[looked])
        in_mask[part] += edges.beyond_half(np.zeros(1), widths[part]) @ np.diff(strips)
        by_box = part.start + np.flatnonzero(cut[part])
        rows = _overlaps(strips, ranges[frames[by_box], 1::2])
        beyond = edges[by_box - part.start].beyond_half(first[by_box], end[by_box])
        in_both[by_box] += np.einsum('mr,mr->m', beyond, rows)
    in_both = np.where(cut, in_both, in_mask * (boxed > 0))
    return np.stack([np.bincount(frames, px, len(grid)) for px in (in_mask, in_both)])


def _corner_cells(num: int) -> IntArray:
    """Return the cells whose centres bound the pieces: all, the outermost ones twice."""
    return np.clip(np.arange(num + 2) - 1, 0, num - 1)


def _overlaps(edges: IntArray, ranges: FloatArray) -> FloatArray:
    """Return how many of the pixels between neighbouring edges lie in each range, (N, E - 1)."""
    return np.diff(np.clip(edges, ranges[:, :1], ranges[:, 1:]), axis=1)
