"""The point of a heat map: the peak of its upsampled version, without upsampling it.

A bilinear piece has its largest sampled value at one of its corner pixels, and a flat border piece
at its first, so at most ``2 h x 2 w`` pixels have to be looked at instead of all; the first maximum
in row-major order is always among them.
"""

from functools import lru_cache
from itertools import pairwise

import numpy as np

from stgr.evaluation.functional.arrays import FloatArray, IntArray
from stgr.ops.upsampling import Axis, interpolate_columns, interpolate_rows

POINT_MODES = ('first', 'tie_mean', 'cell_centre')
_CHUNK = 256  # frames at a time: 0.4 MB of pixels for 7x7 maps


def heatmap_points(
    maps: FloatArray, frame_size: tuple[int, int], mode: str = 'first'
) -> FloatArray:
    """Return the pixel that each heat map points at.

    Source: benchmarks, section 3 (a). Pixel indices, not half-pixel centres: the upper left pixel
    is (0, 0). The clamped border makes plateaus: under ``'first'`` a maximum in the grid's first
    column becomes pixel 0, one in its last column the cell's centre.

    Args:
        maps: Heat maps, (N, h, w).
        frame_size: Width and height in pixels.
        mode: ``'first'``: argmax of the upsampled map, first maximum in row-major order (default,
            as the released scripts); ``'tie_mean'``: mean of all pixels that attain the maximum;
            ``'cell_centre'``: centre of the first largest cell of the raw map.

    Returns:
        ``x, y`` in pixels, (N, 2) float64.

    Raises:
        ValueError: If the mode is unknown.
    """
    maps = np.asarray(maps, np.float64)
    axes = Axis(maps.shape[1], frame_size[1]), Axis(maps.shape[2], frame_size[0])
    if mode not in POINT_MODES:
        raise ValueError(f'point mode must be one of {POINT_MODES}, but got {mode!r}')
    if not len(maps):
        return np.zeros((0, 2))
    if mode == 'first':
        chunks = [maps[i : i + _CHUNK] for i in range(0, len(maps), _CHUNK)]
        return np.concatenate([_first_maxima(chunk, axes) for chunk in chunks])
    if mode == 'tie_mean':
        return _tie_means(maps, axes)
    return _cell_centres(maps, axes)


def _first_maxima(maps: FloatArray, axes: tuple[Axis, Axis]) -> FloatArray:
    rows, columns = (_corner_pixels(axis) for axis in axes)
    values = interpolate_columns(interpolate_rows(maps, axes[0], rows), axes[1], columns)
    best = values.reshape(len(maps), -1).argmax(axis=1)
    return np.stack([columns[best % len(columns)], rows[best // len(columns)]], 1).astype(float)


@lru_cache(maxsize=64)
def _corner_pixels(axis: Axis) -> IntArray:
    starts = axis.piece_starts()
    filled = starts[1:] > starts[:-1]
    lasts = starts[1:][filled] - 1
    sloped = slice(int(filled[0]), len(lasts) - int(filled[-1]))  # without the borders
    return np.unique(np.concatenate([starts[:-1][filled], lasts[sloped]]))


def _tie_means(maps: FloatArray, axes: tuple[Axis, Axis]) -> FloatArray:
    (rows, row_counts, row_means), (columns, column_counts, column_means) = map(_segments, axes)
    values = interpolate_columns(interpolate_rows(maps, axes[0], rows), axes[1], columns)
    tied = values == values.max(axis=(1, 2), keepdims=True)
    weights = tied * row_counts[:, None] * column_counts  # pixels that each one stands for
    total = weights.sum(axis=(1, 2))
    x = (weights.sum(axis=1) @ column_means) / total
    y = (weights.sum(axis=2) @ row_means) / total
    return np.stack([x, y], axis=1)


def _segments(axis: Axis) -> tuple[IntArray, IntArray, FloatArray]:
    """First pixel, inner pixels (as one) and last pixel of each piece.

    Inner pixels of a piece attain the maximum all or none: the map is linear between them.

    Returns:
        A representing pixel, the number of pixels and their mean position, each (M,).
    """
    starts = axis.piece_starts()
    spans = []
    for start, end in pairwise(starts):
        cuts = sorted({start, min(start + 1, end), max(end - 1, start), end})
        spans += list(pairwise(cuts))
    edges = np.asarray(spans, np.int64)
    return edges[:, 0], edges[:, 1] - edges[:, 0], (edges[:, 0] + edges[:, 1] - 1) / 2


def _cell_centres(maps: FloatArray, axes: tuple[Axis, Axis]) -> FloatArray:
    best = maps.reshape(len(maps), -1).argmax(axis=1)
    cells = best % axes[1].num_cells, best // axes[1].num_cells
    sizes = axes[1].num_pixels / axes[1].num_cells, axes[0].num_pixels / axes[0].num_cells
    return np.stack([(cells[i] + 0.5) * sizes[i] - 0.5 for i in (0, 1)], axis=1)
