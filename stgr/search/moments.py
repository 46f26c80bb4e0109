"""From the scores of a video's frames to its moments."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stgr.localizers import ThresholdTemporalLocalizer

MERGE_GAP_SEC = 2.0
"""Frames this far apart are one moment: at a frame per second, a lapse of one frame."""
APART_SEC = 5.0
"""Peaks below the threshold that are nearer than this to a better one are left out."""


@dataclass(frozen=True)
class FrameRun:
    """Frames of one video that belong together.

    Args:
        start_sec: First moment.
        end_sec: First moment after the last of the frames.
        peak_sec: Time of the best frame.
        score: Its score.
        found: Whether it reaches the threshold.
    """

    start_sec: float
    end_sec: float
    peak_sec: float
    score: float
    found: bool


def find_moments(
    scores: np.ndarray, rate_fps: float, threshold: float, *, everything: bool = False
) -> list[FrameRun]:
    """Return the moments of one video for one query, the best first.

    Frames that reach the threshold are joined over gaps of ``MERGE_GAP_SEC``, as ``stgr ground``
    joins them with ``--max-gap``.

    Args:
        scores: Of the frames at ``k / rate_fps``, (F,).
        rate_fps: Frames per second.
        threshold: Score from which a frame counts; equal counts.
        everything: Add peaks below the threshold, a frame each, none within ``APART_SEC`` of a
            better one.
    """
    times_sec = np.arange(len(scores)) / rate_fps
    end_sec = len(scores) / rate_fps
    localizer = ThresholdTemporalLocalizer(threshold, max_gap_sec=MERGE_GAP_SEC)
    (answer,) = localizer(scores[None], times_sec, end_sec, exclusive=False)
    runs = []
    for span in answer.spans:
        first, stop = np.searchsorted(times_sec, (span.start_sec, span.end_sec)).tolist()
        peak = first + int(scores[first:stop].argmax())
        runs.append(
            FrameRun(
                span.start_sec, span.end_sec, float(times_sec[peak]), float(scores[peak]), True
            )
        )
    if everything:
        runs += _peaks_below(scores, times_sec, 1 / rate_fps, answer.active)
    return sorted(runs, key=lambda run: (-run.score, run.start_sec))


def _peaks_below(
    scores: np.ndarray, times_sec: np.ndarray, step_sec: float, taken: np.ndarray
) -> Iterator[FrameRun]:
    """Yield single frames by non-maximum suppression in time, away from those taken."""
    free = ~taken
    for time_sec in times_sec[taken]:
        free &= np.abs(times_sec - time_sec) >= APART_SEC
    for index in np.argsort(-scores, kind='stable').tolist():
        if free[index]:
            time_sec = float(times_sec[index])
            free &= np.abs(times_sec - time_sec) >= APART_SEC
            yield FrameRun(time_sec, time_sec + step_sec, time_sec, float(scores[index]), False)
