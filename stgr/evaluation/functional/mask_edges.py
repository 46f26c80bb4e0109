"""The edge of a thresholded heat map within bilinear pieces, pixel row by pixel row.

With ``L`` and ``R`` the values at the left and right corners of a piece on a row, less the
threshold, the edge lies ``L / (L - R)`` of the way from left to right. ``L`` and ``R`` are linear
over the rows, so a row costs one division.
"""

from dataclasses import dataclass

import numpy as np

from stgr.evaluation.functional.arrays import FloatArray, IntArray
from stgr.ops.upsampling import Axis

_ROUNDING = 64 * float(np.finfo(np.float64).eps)  # so little below the threshold is on it (>=)


@dataclass(frozen=True)
class EdgeLines:
    """Terms of the edges in some pieces: constants and changes from upper to lower corners.

    Args:
        above: ``L`` in pixel columns, counted to the piece's first pixel column, (2, M).
        fall: ``L - R``, (2, M).
    """

    above: FloatArray
    fall: FloatArray

    def on_rows(self, chosen: slice, fractions: FloatArray) -> 'MaskEdges':
        """Return the edges of chosen pieces on the rows of their band.

        Args:
            chosen: M' of the pieces.
            fractions: How far each row lies below the upper corners, in [0, 1), (R,).
        """
        falls = _on_rows(self.fall[:, chosen], fractions)
        columns = _on_rows(self.above[:, chosen], fractions)
        with np.errstate(divide='ignore', invalid='ignore'):  # without a fall: all or nothing
            columns /= falls
        return MaskEdges(np.floor(columns, out=columns), np.copysign(1.0, falls, out=falls))


@dataclass(frozen=True)
class MaskEdges:
    """Edges of the mask in pieces that lie in one band of pixel rows.

    Args:
        columns: Pixel columns of the piece left of the edge, (M, R): whole numbers, also below 0
            or beyond the piece if no edge lies in it; NaN: the row lies in the mask throughout.
        sides: 1 where the mask lies left of the edge, -1 where right, (M, R).
    """

    columns: FloatArray
    sides: FloatArray

    def beyond_half(self, first: FloatArray, end: FloatArray) -> FloatArray:
        """Return the mask's pixels in a range of columns, counted from the piece's first.

        Args:
            first: First column of each piece, (M,).
            end: End of the columns, >= first, (M,).

        Returns:
            How many more than half of the range, or less, on each row, (M, R).
        """
        left = np.fmin(self.columns, end[:, None])
        np.maximum(left, first[:, None], out=left)
        left -= ((first + end) / 2)[:, None]
        left *= self.sides
        return left

    def __getitem__(self, chosen: IntArray) -> 'MaskEdges':
        """Return the edges of chosen pieces."""
        return MaskEdges(self.columns[chosen], self.sides[chosen])


def find_edges(corners: FloatArray, pieces: IntArray, axis: Axis, threshold: float) -> EdgeLines:
    """Return where the mask, values >= ``threshold``, begins or ends.

    Args:
        corners: Values at the upper left, upper right, lower left and lower right corners, (4, M).
        pieces: Number of each piece along the axis, see ``Axis.piece_starts``, (M,).
        axis: The horizontal axis.
        threshold: In the values' unit.
    """
    left, right = corners[::2], corners[1::2]
    fall = left - right
    above = left - threshold
    above += _ROUNDING * np.abs(corners).max(axis=0)
    above *= axis.num_pixels / axis.num_cells
    above += (1 - _first_distances(axis)[pieces]) * fall
    for term in (above, fall):
        term[1] -= term[0]
    return EdgeLines(above, fall)


def _first_distances(axis: Axis) -> FloatArray:
    """Return how far each piece's first pixel lies beyond its left corner, (n + 1,)."""
    corners = (np.arange(axis.num_cells + 1) - 0.5) * axis.num_pixels / axis.num_cells - 0.5
    return np.asarray(axis.piece_starts()[:-1] - corners, np.float64)


def _on_rows(term: FloatArray, fractions: FloatArray) -> FloatArray:
    values: FloatArray = fractions * term[1][:, None]
    values += term[0][:, None]
    return values
