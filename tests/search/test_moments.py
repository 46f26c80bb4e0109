"""Frames to moments, by hand."""

import numpy as np
import pytest

from stgr.search.moments import FrameRun, find_moments


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
