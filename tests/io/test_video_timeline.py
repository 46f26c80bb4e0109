from fractions import Fraction

import numpy as np
import pytest

from stgr.io import VideoTimeline, resize_frame, sample_times


def timeline_of(pts: list[int], base: Fraction = Fraction(1, 10)) -> VideoTimeline:
    return VideoTimeline(
        np.array(pts), base, end_sec=float((pts[-1] + 5) * base), width=4, height=2,
        has_audio=False, container='mp4', codec='h264',
    )  # fmt: skip


@pytest.mark.parametrize(
    ('time_sec', 'frame', 'reason'),
    [
        (0.0, 0, 'nothing is shown yet: the first frame'),
        (3.0, 0, 'exactly at the first frame'),
        (3.49, 0, 'just before the second'),
        (3.5, 1, 'a frame begins at its timestamp'),
        (3.9, 1, 'the last that has begun, not the nearest'),
        (4.0, 2, 'the third'),
        (99.0, 2, 'the last frame stays'),
    ],
)
def test_the_shown_frame_is_the_last_that_has_begun(time_sec, frame, reason):
    timeline = timeline_of([30, 35, 40])

    assert timeline.shown_frames(np.array([time_sec])).tolist() == [frame], reason


def test_a_time_one_rounding_below_a_timestamp_still_means_that_frame():
    timeline = timeline_of([7, 8])

    assert 0.7 + 0.1 < 0.8  # floating point
    assert timeline.shown_frames(np.array([0.7 + 0.1])).tolist() == [1]


def test_the_average_rate_counts_from_the_first_frame_to_the_end():
    assert timeline_of([30, 35, 40]).fps == 3 / 1.5


@pytest.mark.parametrize(
    ('start_sec', 'end_sec', 'fps', 'expected', 'reason'),
    [
        (0, 3, 1, [0, 1, 2], 'the end is not included'),
        (0, 3.01, 1, [0, 1, 2, 3], 'a little more is'),
        (10, 11, 5, [10, 10.2, 10.4, 10.6, 10.8], 'from the start on'),
        (0, 0.5, 1, [0], 'at least the start'),
        (2, 2, 5, [], 'an empty span has no times'),
        (3, 2, 5, [], 'nor has a reversed one'),
        (-1, 1, 1, [-1, 0], 'spans may begin before the video'),
    ],
)
def test_sample_times_are_multiples_below_the_end(start_sec, end_sec, fps, expected, reason):
    np.testing.assert_allclose(sample_times(start_sec, end_sec, fps), expected, err_msg=reason)


def test_sample_times_do_not_drift_over_an_hour():
    times_sec = sample_times(0, 3600, 29.97)

    assert times_sec[100_000] == 100_000 / 29.97


@pytest.mark.parametrize('bad', [(0, 1, 0), (0, 1, -5), (0, float('nan'), 1), (0, 1, float('inf'))])
def test_sample_times_refuse_what_has_no_end(bad):
    with pytest.raises(ValueError, match='fps > 0'):
        sample_times(*bad)


def test_shrinking_averages_over_areas():
    frame = np.zeros((2, 4, 3), np.uint8)
    frame[:, 1::2] = 100  # columns 0 100 0 100: picking one of them would give 0 or 100

    assert np.unique(resize_frame(frame, (2, 1))).tolist() == [50]
