"""Where and when: one box per frame of a span."""

from dataclasses import dataclass

import numpy as np

from stgr.structures.spans import Span


@dataclass(frozen=True)
class Tube:
    """A span with the place of the action in each of its frames.

    Args:
        span: When it happens.
        times_sec: Presentation times of the frames, (N,) float64, ascending, inside the span.
        boxes_px: Boxes ``x1, y1, x2, y2`` in pixels of the original frame, (N, 4) float32; a box
            that is not visible is all zeros.
        points_px: Peak of the heat map ``x, y`` in pixels of the original frame, (N, 2) float32.
        visible: True where the frame has a box, (N,) bool.

    Raises:
        ValueError: If shapes disagree, a time lies outside the span or a visible box is empty.
    """

    span: Span
    times_sec: np.ndarray
    boxes_px: np.ndarray
    points_px: np.ndarray
    visible: np.ndarray

    def __post_init__(self) -> None:
        n = len(self.times_sec)
        expected = {'boxes_px': (n, 4), 'points_px': (n, 2), 'visible': (n,), 'times_sec': (n,)}
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f'{name} must be {shape}, but got {getattr(self, name).shape}')
        if n and not (
            self.span.start_sec <= self.times_sec[0] and self.times_sec[-1] < self.span.end_sec
        ):
            raise ValueError(
                f'tube times {self.times_sec[0]}..{self.times_sec[-1]} lie outside '
                f'[{self.span.start_sec}, {self.span.end_sec})'
            )
        if np.any(np.diff(self.times_sec) <= 0):
            raise ValueError('tube times must be ascending')
        boxes = self.boxes_px[self.visible]
        if np.any(boxes[:, 2:] <= boxes[:, :2]):
            raise ValueError('a visible box needs x1 < x2 and y1 < y2')
