"""The box around the clicks of several annotators on one frame: their union and a margin.

Clicks are ``x, y`` in pixels of the frame that the boxes are for, (N, A, 2) for N frames and A
annotators, NaN where an annotator did not click.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

PAPER_MARGIN = 0.15  # of the frame's width and height, as the paper writes
RELEASE_MARGIN_PX = 100  # on each side, as the released boxes have it, in frames of 640x480


def paper_boxes(clicks_px: FloatArray, frame_size: tuple[int, int]) -> FloatArray:
    """Return boxes as the paper describes them: 0.15 W and 0.15 H around the clicks, then cut.

    Source: paper, section 4; benchmarks, 3 (i).

    Args:
        clicks_px: (N, A, 2), NaN where there is no click.
        frame_size: Width W and height H of the frame.

    Returns:
        ``x1, y1, x2, y2``, (N, 4); NaN for a frame without a click.

    Raises:
        ValueError: If a shape is wrong, only one of x and y is NaN, or a side is not positive.
    """
    width, height = frame_size
    margin_px = (PAPER_MARGIN * width, PAPER_MARGIN * height)
    return _union_boxes(clicks_px, frame_size, margin_px, limit_px=(width, height))


def release_boxes(clicks_px: FloatArray, frame_size: tuple[int, int]) -> FloatArray:
    """Return boxes as the released files have them: 100 px around the clicks, limits exchanged.

    ``x2`` is limited by the height and ``y2`` by the width. Only for comparison with the released
    boxes: in a frame of 640x480 a third of them are cut at x = 480, and some are inverted.

    Source: benchmarks, 1.1. Rounded, it is the released box of all 2,437 released frames with a
    single known click.

    Args:
        clicks_px: (N, A, 2), NaN where there is no click.
        frame_size: Width and height of the frame.

    Returns:
        ``x1, y1, x2, y2``, (N, 4); NaN for a frame without a click.

    Raises:
        ValueError: If a shape is wrong, only one of x and y is NaN, or a side is not positive.
    """
    width, height = frame_size
    margin_px = (RELEASE_MARGIN_PX, RELEASE_MARGIN_PX)
    return _union_boxes(clicks_px, frame_size, margin_px, limit_px=(height, width))


BOX_RULES: dict[str, Callable[[FloatArray, tuple[int, int]], FloatArray]] = {
    'paper': paper_boxes,
    'release': release_boxes,
}


def check_clicks(clicks_px: FloatArray) -> FloatArray:
    """Return clicks as float64 after checking their shape, (N, A, 2), and that NaN come in pairs.

    Raises:
        ValueError: If they are not as said, or infinite.
    """
    clicks = np.asarray(clicks_px, np.float64)
    if clicks.ndim != 3 or clicks.shape[2] != 2:
        raise ValueError(f'clicks must be of shape (frames, annotators, 2), got {clicks.shape}')
    missing = np.isnan(clicks)
    if (missing[..., 0] != missing[..., 1]).any() or np.isinf(clicks).any():
        raise ValueError('a click is two finite numbers, or NaN twice where there is none')
    return clicks


def _union_boxes(
    clicks_px: FloatArray,
    frame_size: tuple[int, int],
    margin_px: tuple[float, float],
    *,
    limit_px: tuple[int, int],
) -> FloatArray:
    clicks = check_clicks(clicks_px)
    if min(frame_size) < 1:
        raise ValueError(f'frame_size must be a width and a height > 0, got {frame_size}')
    clicked = ~np.isnan(clicks)
    lowest = np.where(clicked, clicks, np.inf).min(axis=1, initial=np.inf)  # (N, 2)
    highest = np.where(clicked, clicks, -np.inf).max(axis=1, initial=-np.inf)
    boxes = np.concatenate(
        [np.maximum(lowest - margin_px, 0), np.minimum(highest + margin_px, limit_px)], axis=1
    )
    boxes[~clicked.any(axis=(1, 2))] = np.nan
    return boxes
