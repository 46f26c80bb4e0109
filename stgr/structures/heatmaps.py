"""Where in the frame a query is seen: one small map per frame, on the patch grid."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class HeatMaps:
    """Heat maps of one query over some frames.

    Args:
        times_sec: Presentation times of the frames, (N,) float64, ascending.
        values: Maps on the patch grid, (N, h, w) float32, >= 0; the larger, the more likely the
            action is seen in that cell.
        normalisation: How the values of a map are scaled: ``'sum'`` (each map sums to 1), ``'max'``
            (each map's peak is 1) or ``'none'``.

    Raises:
        ValueError: If shapes disagree, a value is negative or not finite, or the normalisation is
            unknown.
    """

    times_sec: np.ndarray
    values: np.ndarray
    normalisation: str

    def __post_init__(self) -> None:
        if self.values.ndim != 3 or self.times_sec.shape != self.values.shape[:1]:
            raise ValueError(
                f'heat maps need times (N,) and values (N, h, w), but got '
                f'{self.times_sec.shape} and {self.values.shape}'
            )
        if not (np.isfinite(self.values).all() and (self.values >= 0).all()):
            raise ValueError('heat maps need finite values >= 0')
        if np.any(np.diff(self.times_sec) <= 0):
            raise ValueError('heat maps need ascending times')
        if self.normalisation not in ('sum', 'max', 'none'):
            raise ValueError(
                f"normalisation must be 'sum', 'max' or 'none', but got {self.normalisation!r}"
            )
