"""Bilinear upsampling of patch-grid heat maps to the frame, dense and as pieces.

Pixel ``i`` of an axis of ``S`` pixels reads the grid at ``(i + 0.5) * n / S - 0.5`` (``n`` cells;
``align_corners=False``), clamped to the outermost cell centres. Between two neighbouring cell
centres the result is linear along the axis, so the axis falls into ``n + 1`` pieces, the first and
the last of them flat: what the fast metrics are built on. Source: benchmarks, section 3 (a).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Axis:
    """One axis of the upsampling, from ``num_cells`` grid cells to ``num_pixels`` pixels.

    Args:
        num_cells: n, >= 1.
        num_pixels: S, >= 1.
    """

    num_cells: int
    num_pixels: int

    def piece_starts(self) -> IntArray:
        """Return where pieces begin, (n + 2,): piece p covers pixels ``starts[p]:starts[p + 1]``.

        Piece p lies between the centres of cells p - 1 and p (integer arithmetic: a pixel exactly
        on the centre of cell p opens piece p + 1). A piece is empty if no pixel lies in it.
        """
        n, size = self.num_cells, self.num_pixels
        starts = [-((n - size * (2 * p - 1)) // (2 * n)) for p in range(1, n + 1)]
        return np.clip(np.asarray([0, *starts, size], np.int64), 0, size)

    def neighbours(self, pixels: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
        """Return the cells below and above each pixel and how far it lies between them.

        Args:
            pixels: Pixel indices, (M,).

        Returns:
            Lower cell (M,), upper cell (M,) and fraction (M,) in [0, 1), exactly 0 on a centre;
            on the flat borders both cells are the same.
        """
        n, size = self.num_cells, self.num_pixels
        numerator = (2 * np.asarray(pixels, np.int64) + 1) * n - size  # 2 * S * source coordinate
        lower = numerator // (2 * size)
        fraction = (numerator - lower * 2 * size) / (2 * size)
        return np.clip(lower, 0, n - 1), np.clip(lower + 1, 0, n - 1), fraction


def interpolate_rows(maps: FloatArray, axis: Axis, pixels: IntArray) -> FloatArray:
    """Return chosen pixel rows of the maps upsampled along their height.

    Computed as ``a + t * (b - a)``, so that equal neighbours give exactly their value (ties stay
    ties).

    Args:
        maps: (N, h, w).
        axis: The vertical axis, h cells.
        pixels: Row indices, (M,).

    Returns:
        Rows on the horizontal grid, (N, M, w).
    """
    lower, upper, fraction = axis.neighbours(pixels)
    return _between(maps.take(lower, axis=1), maps.take(upper, axis=1), fraction[:, None])


def interpolate_columns(rows: FloatArray, axis: Axis, pixels: IntArray) -> FloatArray:
    """Return chosen pixel columns, (N, M, K), of rows on the grid, (N, M, w), likewise."""
    lower, upper, fraction = axis.neighbours(pixels)
    return _between(rows.take(lower, axis=2), rows.take(upper, axis=2), fraction)


def _between(first: FloatArray, second: FloatArray, fraction: FloatArray) -> FloatArray:
    """Return ``first + fraction * (second - first)`` in the place of ``second``."""
    second -= first
    second *= fraction
    second += first
    return second


def upsample_maps(maps: FloatArray, frame_size: tuple[int, int]) -> FloatArray:
    """Return the maps at every pixel of the frame; the metrics avoid it.

    Args:
        maps: Heat maps on the patch grid, (N, h, w).
        frame_size: Width and height in pixels.

    Returns:
        Upsampled maps, (N, H, W) float64.
    """
    width, height = frame_size
    maps = np.asarray(maps, np.float64)
    rows = interpolate_rows(maps, Axis(maps.shape[1], height), np.arange(height))
    return interpolate_columns(rows, Axis(maps.shape[2], width), np.arange(width))
