"""Two thresholds: a run above the low one counts if it reaches the high one."""

import numpy as np
import pytest

from stgr.localizers import HysteresisTemporalLocalizer, ThresholdTemporalLocalizer


def localizer(**more):
    return HysteresisTemporalLocalizer(0.5, margin=0.2, **more)


def spans(rows, *, exclusive, **more):
    scores = np.array(rows)
    times = np.arange(scores.shape[1], dtype=np.float64)
    answers = localizer(**more)(scores, times, float(scores.shape[1]), exclusive=exclusive)
    return [[(span.start_sec, span.end_sec) for span in answer.spans] for answer in answers]


@pytest.mark.parametrize(
    ('row', 'expected'),
    [
        ([0.1, 0.6, 0.1], [(1, 2)]),  # one frame above the high threshold
        ([0.4, 0.4, 0.4], []),  # many weak ones
        ([0.4, 0.6, 0.35, 0.2], [(0, 3)]),  # weak ones beside a strong one
        ([0.6, 0.4, 0.7, 0.1, 0.4], [(0, 3)]),  # a dip, and a weak run of its own
        ([0.1, 0.1], []),
        ([0.5, 0.3], [(0, 2)]),  # equal counts, for both
    ],
)
def test_a_query_alone(row, expected):
    assert spans([row], exclusive=False) == [expected]


def test_in_a_pool_a_run_has_one_label():
    # Frame 1 is weak and the second query's, whose other frames are strong; frame 3 the first's.
    rows = [[0.6, 0.3, 0.1, 0.4], [0.1, 0.4, 0.9, 0.1]]

    assert spans(rows, exclusive=True) == [[(0, 1)], [(1, 3)]]


def test_without_margin_it_is_one_threshold():
    scores = np.random.default_rng(0).random((3, 30))
    times = np.arange(30.0)
    for exclusive in (True, False):
        both = [
            kind(0.6, min_duration_sec=2, max_gap_sec=1)(scores, times, 30.0, exclusive=exclusive)
            for kind in (HysteresisTemporalLocalizer, ThresholdTemporalLocalizer)
        ]
        assert [a.spans for a in both[0]] == [a.spans for a in both[1]]


@pytest.mark.parametrize('margin', [-0.1, float('nan'), float('inf')])
def test_wrong_margin_is_refused(margin):
    with pytest.raises(ValueError, match='margin must be'):
        HysteresisTemporalLocalizer(margin=margin)
