"""When: from the similarity of queries and frames to spans."""

import math
from dataclasses import dataclass

import numpy as np

from stgr.registry import LOCALIZERS
from stgr.structures import BACKGROUND, Span

# Frame times are sums of steps such as 0.2, which miss a round number by a few ulps.
TIME_TOLERANCE_SEC = 1e-6


@dataclass(frozen=True)
class TemporalAnswer:
    """When one query happens.

    Args:
        active: True on each evaluated frame that lies inside a span, (F,) bool.
        spans: The same in seconds, in order of time, disjoint; empty means not found.
    """

    active: np.ndarray
    spans: tuple[Span, ...]


@LOCALIZERS.register_module()
class ThresholdTemporalLocalizer:
    """Gives each frame to the queries that are similar enough to it, and joins frames to spans.

    Source: paper, page 4 and Figure 3a: argmax over the pool, background below 0.5. No temporal
    inference is in the released code; ``min_duration_sec`` and ``max_gap_sec`` are ours and do
    nothing at 0, their default.

    A span of consecutive frames ``i..j`` is ``[times[i], times[j + 1])``; one that reaches the last
    frame ends one (median) step after it, but not beyond the video. First gaps are closed, then
    short spans dropped. A gap in which another query of the pool was chosen is not closed.

    Args:
        threshold: Similarity from which a frame counts; equal counts.
        min_duration_sec: Spans shorter than this are dropped, >= 0.
        max_gap_sec: Spans of a query at most this far apart become one, >= 0.

    Raises:
        ValueError: If a number is not finite or a duration is negative.
    """

    def __init__(
        self, threshold: float = 0.5, *, min_duration_sec: float = 0.0, max_gap_sec: float = 0.0
    ) -> None:
        if not math.isfinite(threshold):
            raise ValueError(f'threshold must be a finite number, but got {threshold}')
        for name, value in (('min_duration_sec', min_duration_sec), ('max_gap_sec', max_gap_sec)):
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f'{name} must be finite and >= 0, but got {value}')
        self.threshold = threshold
        self.min_duration_sec = min_duration_sec
        self.max_gap_sec = max_gap_sec

    def __call__(
        self, similarity: np.ndarray, times_sec: np.ndarray, duration_sec: float, *, exclusive: bool
    ) -> tuple[TemporalAnswer, ...]:
        """Return when each query happens.

        Args:
            similarity: Cosine of each query and evaluated frame, (Q, F).
            times_sec: Presentation times of the frames, (F,), ascending, >= 0.
            duration_sec: End of the video, after the last frame.
            exclusive: True if the queries are a pool of which a frame shows at most one (ties go to
                the first); False to judge each query alone against background.

        Returns:
            One answer per query, in their order. Without frames nothing is found.

        Raises:
            ValueError: If shapes disagree, a value is not finite, or times are not ascending or
                reach the duration.
        """
        _check_inputs(similarity, times_sec, duration_sec)
        if similarity.size == 0:
            return tuple(TemporalAnswer(row >= self.threshold, ()) for row in similarity)
        edges_sec = _frame_edges(times_sec, duration_sec)
        if exclusive:
            labels = self.label_frames(similarity)
            active = labels[None] == np.arange(len(similarity))[:, None]  # (Q, F)
        else:
            active = self.find_active(similarity)
        taken = active.any(axis=0) if exclusive else np.zeros(len(times_sec), dtype=bool)
        return tuple(
            self._answer(row, scores, taken & ~row, edges_sec)
            for row, scores in zip(active, similarity, strict=True)
        )

    def find_active(self, similarity: np.ndarray) -> np.ndarray:
        """Return on which frames each query is seen when judged alone, (Q, F) bool."""
        active: np.ndarray = similarity >= self.threshold
        return active

    def label_frames(self, similarity: np.ndarray) -> np.ndarray:
        """Return the label of each frame of a pool, -1 for background, (F,) int64."""
        return label_frames(similarity, self.threshold)

    def _answer(
        self, active: np.ndarray, scores: np.ndarray, blocked: np.ndarray, edges_sec: np.ndarray
    ) -> TemporalAnswer:
        """Join and filter the runs of one query; ``blocked`` frames belong to another one."""
        runs: list[tuple[int, int]] = []
        for first, stop in find_runs(active):
            if runs and self._joins(runs[-1][1], first, blocked, edges_sec):
                first = runs.pop()[0]
            runs.append((first, stop))
        shortest_sec = self.min_duration_sec - TIME_TOLERANCE_SEC
        runs = [run for run in runs if edges_sec[run[1]] - edges_sec[run[0]] >= shortest_sec]
        kept = np.zeros_like(active)
        for first, stop in runs:
            kept[first:stop] = True
        spans = tuple(
            Span(float(edges_sec[i]), float(edges_sec[j]), float(np.mean(scores[i:j], dtype='f8')))
            for i, j in runs
        )
        return TemporalAnswer(kept, spans)

    def _joins(self, stop: int, first: int, blocked: np.ndarray, edges_sec: np.ndarray) -> bool:
        gap_sec = edges_sec[first] - edges_sec[stop]
        return bool(
            gap_sec <= self.max_gap_sec + TIME_TOLERANCE_SEC and not blocked[stop:first].any()
        )


def label_frames(similarity: np.ndarray, threshold: float) -> np.ndarray:
    """Return the label of each frame: the most similar query, or background.

    Args:
        similarity: Cosine of each query and frame, (Q, F), Q >= 1.
        threshold: Similarity from which a frame counts; equal counts.

    Returns:
        Index of the query or -1 for background, (F,) int64. Ties go to the first query.
    """
    best = similarity.argmax(axis=0)
    return np.where(similarity.max(axis=0) >= threshold, best, BACKGROUND).astype(np.int64)


def _check_inputs(similarity: np.ndarray, times_sec: np.ndarray, duration_sec: float) -> None:
    if similarity.ndim != 2 or times_sec.shape != similarity.shape[1:]:
        raise ValueError(
            f'similarity must be (Q, F) and times_sec (F,), but got {similarity.shape} and '
            f'{times_sec.shape}'
        )
    if not (np.isfinite(similarity).all() and np.isfinite(times_sec).all()):
        raise ValueError('similarity and times_sec must be finite, but a value is NaN or infinite')
    if len(times_sec) == 0:
        return
    if times_sec[0] < 0 or np.any(np.diff(times_sec) <= 0):
        raise ValueError('times_sec must be ascending and >= 0')
    if not times_sec[-1] < duration_sec:
        raise ValueError(
            f'duration_sec must lie after the last frame at {times_sec[-1]} s, but got '
            f'{duration_sec}'
        )


def _frame_edges(times_sec: np.ndarray, duration_sec: float) -> np.ndarray:
    """Start of each frame and the end of the last, (F + 1,); a single frame lasts to the end."""
    end_sec = duration_sec
    if len(times_sec) > 1:
        end_sec = min(end_sec, float(times_sec[-1] + np.median(np.diff(times_sec))))
    return np.append(times_sec.astype(np.float64), end_sec)


def find_runs(active: np.ndarray) -> list[tuple[int, int]]:
    """Return the half-open index ranges of the runs of True, in order."""
    change = np.diff(active.astype(np.int8), prepend=0, append=0)
    starts, stops = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    return list(zip(starts.tolist(), stops.tolist(), strict=True))
