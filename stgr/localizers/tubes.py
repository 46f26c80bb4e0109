"""Where and when: spans and the boxes of their frames, together."""

from collections.abc import Sequence

import numpy as np

from stgr.structures import Span, Tube


def build_tubes(
    spans: Sequence[Span],
    times_sec: np.ndarray,
    boxes_px: np.ndarray,
    points_px: np.ndarray,
    visible: np.ndarray,
) -> tuple[Tube, ...]:
    """Return one tube per span, with the frames that lie inside it.

    Args:
        spans: When the query happens.
        times_sec: Presentation times of the frames that have a heat map, (N,), ascending; frames
            outside all spans are ignored.
        boxes_px: Box of each frame, ``x1, y1, x2, y2``, (N, 4); zeroed where not visible.
        points_px: Peak of each frame, ``x, y``, (N, 2).
        visible: True where a frame has a box, (N,) bool.

    Raises:
        ValueError: If shapes disagree or times are not ascending.
    """
    arrays = {'boxes_px': boxes_px, 'points_px': points_px, 'visible': visible}
    for name, array in arrays.items():
        if len(array) != len(times_sec):
            raise ValueError(f'{name} has {len(array)} rows for {len(times_sec)} frames')
    if np.any(np.diff(times_sec) <= 0):
        raise ValueError('times_sec must be ascending')
    boxes_px = np.where(visible[:, None], boxes_px, 0)
    return tuple(_build_tube(span, times_sec, boxes_px, points_px, visible) for span in spans)


def _build_tube(
    span: Span,
    times_sec: np.ndarray,
    boxes_px: np.ndarray,
    points_px: np.ndarray,
    visible: np.ndarray,
) -> Tube:
    first, stop = np.searchsorted(times_sec, (span.start_sec, span.end_sec), side='left')
    inside = slice(int(first), int(stop))
    return Tube(
        span=span,
        times_sec=times_sec[inside].astype(np.float64),
        boxes_px=boxes_px[inside].astype(np.float32),
        points_px=points_px[inside].astype(np.float32),
        visible=visible[inside].astype(bool),
    )
