"""What a box needs of an upsampled heat map, without making the map.

A bilinear map is linear along each axis between the cell centres, so its extremes over all pixels
lie where such pieces begin and end, and a piece whose corners are all below a cutoff has no pixel
above it. Values are those of ``upsample_maps``, bit by bit.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from stgr.ops.upsampling import Axis, FloatArray, IntArray, interpolate_columns, interpolate_rows


@dataclass(frozen=True)
class Extremes:
    """Extremes of N upsampled maps.

    Args:
        lowest: Smallest value over all pixels, (N,).
        highest: Largest one, (N,).
        peak_pixels: Column and row of the first pixel, in reading order, that has it, (N, 2).
    """

    lowest: FloatArray
    highest: FloatArray
    peak_pixels: IntArray


def find_extremes(maps: FloatArray, frame_size: tuple[int, int]) -> Extremes:
    """Return the extremes that the maps have when they are upsampled to the frame.

    Args:
        maps: Heat maps on the patch grid, (N, h, w).
        frame_size: Width and height in pixels.
    """
    maps = np.asarray(maps, np.float64)
    down, across = _axes(maps, frame_size)
    rows, columns = _piece_ends(down), _piece_ends(across)
    values = interpolate_columns(interpolate_rows(maps, down, rows), across, columns)
    flat = values.reshape(len(maps), len(rows) * len(columns))
    first = flat.argmax(axis=1)
    peaks = np.stack([columns[first % len(columns)], rows[first // len(columns)]], axis=1)
    return Extremes(flat.min(axis=1), flat.max(axis=1), peaks)


def mask_from(patch_map: FloatArray, frame_size: tuple[int, int], cutoff: float) -> np.ndarray:
    """Return where one upsampled map is at or above a cutoff, (H, W) bool.

    Args:
        patch_map: Heat on the patch grid, (h, w).
        frame_size: Width and height in pixels.
        cutoff: The least value that counts.
    """
    patch_map = np.asarray(patch_map, np.float64)[None]
    down, across = _axes(patch_map, frame_size)
    grid_rows = interpolate_rows(patch_map, down, np.arange(down.num_pixels))[0]  # (H, w)
    mask = np.zeros((down.num_pixels, across.num_pixels), dtype=bool)
    lower, upper, fraction = across.neighbours(np.arange(across.num_pixels))
    starts = across.piece_starts()
    for start, stop in pairwise(starts.tolist()):
        if start == stop:
            continue
        left, right = grid_rows[:, lower[start]], grid_rows[:, upper[start]]
        hot = np.flatnonzero(np.maximum(left, right) >= cutoff)
        if len(hot) == 0:
            continue
        rows = slice(hot[0], hot[-1] + 1)
        base, slope = left[rows, None], (right - left)[rows, None]
        mask[rows, start:stop] = base + fraction[start:stop] * slope >= cutoff
    return mask


def _axes(maps: FloatArray, frame_size: tuple[int, int]) -> tuple[Axis, Axis]:
    """Return the vertical and the horizontal axis."""
    return Axis(maps.shape[1], frame_size[1]), Axis(maps.shape[2], frame_size[0])


def _piece_ends(axis: Axis) -> IntArray:
    """Return the first and the last pixel of each piece that has any, ascending."""
    starts = axis.piece_starts()
    filled = starts[:-1] < starts[1:]
    ends: IntArray = np.unique(np.concatenate([starts[:-1][filled], starts[1:][filled] - 1]))
    return ends
