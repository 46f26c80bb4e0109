"""When, with two thresholds: a high one to begin with, a low one to go on."""

import math

import numpy as np

from stgr.localizers.temporal import ThresholdTemporalLocalizer, find_runs
from stgr.registry import LOCALIZERS
from stgr.structures import BACKGROUND


@LOCALIZERS.register_module()
class HysteresisTemporalLocalizer(ThresholdTemporalLocalizer):
    """Keeps runs of frames above a low threshold in which at least one is above the high one.

    A short dip does not end a span, and many weak frames alone do not make one. The rest is as in
    ``ThresholdTemporalLocalizer``. In a pool, a run has one and the same most similar query.

    Args:
        threshold: The high threshold; equal counts.
        margin: How far the low threshold lies below it, >= 0; 0 is one threshold.
        min_duration_sec, max_gap_sec: See ``ThresholdTemporalLocalizer``.

    Raises:
        ValueError: If a number is not finite, or the margin or a duration negative.
    """

    def __init__(
        self,
        threshold: float = 0.5,
        *,
        margin: float = 0.0,
        min_duration_sec: float = 0.0,
        max_gap_sec: float = 0.0,
    ) -> None:
        super().__init__(threshold, min_duration_sec=min_duration_sec, max_gap_sec=max_gap_sec)
        if not (math.isfinite(margin) and margin >= 0):
            raise ValueError(f'margin must be finite and >= 0, but got {margin}')
        self.margin = margin

    def find_active(self, similarity: np.ndarray) -> np.ndarray:
        """Return on which frames each query is seen when judged alone, (Q, F) bool."""
        return np.stack(
            [self._rows(row >= self.threshold - self.margin, row) for row in similarity]
        )

    def label_frames(self, similarity: np.ndarray) -> np.ndarray:
        """Return the label of each frame of a pool, -1 for background, (F,) int64."""
        best, scores = similarity.argmax(axis=0), similarity.max(axis=0)
        labels = np.full(len(best), BACKGROUND, np.int64)
        for query in np.unique(best):
            possible = (best == query) & (scores >= self.threshold - self.margin)
            labels[self._rows(possible, scores)] = query
        return labels

    def _rows(self, possible: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Return the possible frames whose run reaches the high threshold, (F,) bool."""
        kept = np.zeros_like(possible)
        for first, stop in find_runs(possible):
            kept[first:stop] = scores[first:stop].max() >= self.threshold
        return kept
