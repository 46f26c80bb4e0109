"""Frames to moments, by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from stgr.search.moments import FrameRun, find_moments
from stgr.search.places import _frames_of


@pytest.mark.parametrize(
    ('scores', 'expected'),
    [
        ([0.1, 0.2], []),  # nothing reaches the threshold
        ([0.1, 0.5, 0.1], [(1, 2, 1, 0.5)]),  # equal counts
        ([0.6, 0.7, 0.8], [(0, 3, 2, 0.8)]),
        ([0.6, 0.1, 0.1, 0.9], [(0, 4, 3, 0.9)]),  # a lapse of two seconds is bridged
        ([0.6, 0.1, 0.1, 0.1, 0.9], [(4, 5, 4, 0.9), (0, 1, 0, 0.6)]),  # of three not; best first
        ([0.7, 0.7], [(0, 2, 0, 0.7)]),  # a tie: the first frame
    ],
)
def test_frames_above_the_threshold_become_moments(scores, expected):
    found = find_moments(np.array(scores, 'f4'), 1.0, 0.5)

    assert [(r.start_sec, r.end_sec, r.peak_sec, round(r.score, 6)) for r in found] == expected
    assert all(run.found for run in found)


@pytest.mark.parametrize(
    ('peak_sec', 'frames'),
    [(0, [0, 1]), (7, [6, 7]), (9, [6, 7]), (3, [0, 1])],  # in a span, or nearest to it
)
def test_the_span_that_is_looked_at_is_the_one_at_the_peak(peak_sec, frames):
    """Two spans of a window, at 0..2 s and 6..8 s: too far apart to be one."""
    scores = np.array([0.8, 0.8, 0, 0, 0, 0, 0.6, 0.6, 0, 0], 'f4')
    times = SimpleNamespace(times_sec=np.arange(10.0))
    video = SimpleNamespace(features=times, facts=SimpleNamespace(duration_sec=10))

    found, span = _frames_of(scores, video, 0.5, peak_sec)

    assert found.tolist() == frames
    assert (span.start_sec, span.end_sec) == (frames[0], frames[0] + 2)


def test_where_nothing_reaches_the_threshold_the_best_frame_is_looked_at():
    times = SimpleNamespace(times_sec=np.arange(4) / 2)
    video = SimpleNamespace(features=times, facts=SimpleNamespace(duration_sec=2))

    found, span = _frames_of(np.array([0.1, 0.3, 0.2, 0.1]), video, 0.5, 0.0)

    assert (found.tolist(), span.start_sec, span.end_sec) == ([1], 0.5, 1.0)


def test_times_follow_the_rate():
    (run,) = find_moments(np.array([0.0, 0.9, 0.8, 0.0]), 4.0, 0.5)

    assert run == FrameRun(0.25, 0.75, 0.25, 0.9, True)


def test_peaks_below_the_threshold_keep_their_distance():
    scores = np.zeros(20)
    scores[[2, 4, 9, 15]] = [0.3, 0.4, 0.2, 0.9]  # 9 is five away from 4; 2 is too near

    found = find_moments(scores, 1.0, 0.5, everything=True)

    assert [(run.peak_sec, run.found) for run in found[:3]] == [(15, True), (4, False), (9, False)]
    times = [run.peak_sec for run in found]
    assert min(abs(a - b) for i, a in enumerate(times) for b in times[:i]) >= 5
    assert not any(run.found for run in found[1:])
