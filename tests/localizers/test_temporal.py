import numpy as np
import pytest

from stgr.localizers import ThresholdTemporalLocalizer, label_frames
from stgr.registry import LOCALIZERS


def localize(similarity, *, times=None, duration=None, exclusive=False, **settings):
    similarity = np.array(similarity, dtype=np.float32)
    times = np.arange(similarity.shape[1], dtype=float) if times is None else np.array(times)
    duration = similarity.shape[1] if duration is None else duration
    localizer = ThresholdTemporalLocalizer(**settings)
    return localizer(similarity, times, duration, exclusive=exclusive)


def seconds(answer):
    return [(span.start_sec, span.end_sec) for span in answer.spans]


# scores, spans: each query alone at 1 fps in a video of as many seconds, threshold 0.5
SPAN_CASES = [
    ([0.1, 0.6, 0.7, 0.2], [(1, 3)], 'a span ends where the next frame begins'),
    ([0.1, 0.2], [], 'all background'),
    ([0.5, 0.1], [(0, 1)], 'equal to the threshold counts'),
    ([0.9, 0.9], [(0, 2)], 'all active'),
    ([0.9, 0.1, 0.9], [(0, 1), (2, 3)], 'a gap of one frame parts two spans'),
    ([0.9], [(0, 1)], 'a single frame lasts to the end of the video'),
    ([-0.9], [], 'a single background frame'),
]


@pytest.mark.parametrize(('scores', 'expected', 'reason'), SPAN_CASES)
def test_spans_of_one_query_are_those_worked_by_hand(scores, expected, reason):
    (answer,) = localize([scores])

    assert seconds(answer) == expected, reason
    inside = [any(a <= t < b for a, b in expected) for t in range(len(scores))]
    assert answer.active.tolist() == inside


def test_exclusive_gives_a_frame_to_the_best_query_and_alone_to_each():
    similarity = [[0.6, 0.9, 0.4], [0.8, 0.7, 0.4]]

    pool = localize(similarity, exclusive=True)
    alone = localize(similarity, exclusive=False)

    assert [seconds(answer) for answer in pool] == [[(1, 2)], [(0, 1)]]
    assert [seconds(answer) for answer in alone] == [[(0, 2)], [(0, 2)]]


def test_a_tie_goes_to_the_first_query_and_below_the_threshold_is_background():
    similarity = np.array([[0.5, 0.7, 0.1], [0.5, 0.8, 0.49]])

    assert label_frames(similarity, 0.5).tolist() == [0, 1, -1]


def test_the_score_is_the_mean_similarity_of_the_frames_inside():
    (answer,) = localize([[0.1, 0.5, 1.0, 0.1]])

    assert answer.spans[0].score == pytest.approx(0.75)


def test_the_last_span_ends_one_step_after_its_frame_but_not_after_the_video():
    (long_video,) = localize([[0, 0, 1]], times=[0.0, 0.5, 1.0], duration=9.0)
    (short_video,) = localize([[0, 0, 1]], times=[0.0, 0.5, 1.0], duration=1.2)

    assert seconds(long_video) == [(1.0, 1.5)]
    assert seconds(short_video) == [(1.0, 1.2)]


def test_uneven_frame_times_are_kept():
    (answer,) = localize([[0, 1, 1, 0]], times=[0.0, 0.4, 1.1, 2.5], duration=4.0)

    assert seconds(answer) == [(0.4, 2.5)]


def test_a_gap_is_closed_up_to_its_maximum_and_its_frames_become_active():
    scores = [[1, 0, 1, 0, 0, 1]]

    (answer,) = localize(scores, max_gap_sec=1.0)

    assert seconds(answer) == [(0, 3), (5, 6)]
    assert answer.active.tolist() == [True, True, True, False, False, True]
    assert answer.spans[0].score == pytest.approx(2 / 3)


def test_a_gap_that_shows_another_action_of_the_pool_stays_open():
    similarity = [[1, 0, 1], [0, 1, 0]]

    pool = localize(similarity, exclusive=True, max_gap_sec=5)
    alone = localize(similarity, exclusive=False, max_gap_sec=5)

    assert seconds(pool[0]) == [(0, 1), (2, 3)]
    assert seconds(alone[0]) == [(0, 3)]


def test_short_spans_are_dropped_after_gaps_are_closed():
    scores = [[1, 0, 1, 0, 0, 1]]

    (answer,) = localize(scores, max_gap_sec=1.0, min_duration_sec=2.0)

    assert seconds(answer) == [(0, 3)]
    assert answer.active.tolist() == [True, True, True, False, False, False]


def test_a_span_of_exactly_the_minimal_duration_is_kept_despite_rounding():
    times = np.arange(10) * 0.2  # 1.0 - 0.8 is a little less than 0.2
    scores = [[0, 0, 0, 0, 1, 0, 0, 0, 0, 0]]

    (answer,) = localize(scores, times=times, duration=2.0, min_duration_sec=0.2)

    assert len(answer.spans) == 1


@pytest.mark.parametrize('exclusive', [True, False])
def test_without_frames_nothing_is_found_and_without_queries_nothing_returned(exclusive):
    (answer,) = localize(np.zeros((1, 0)), duration=1.0, exclusive=exclusive)

    assert answer.spans == ()
    assert answer.active.shape == (0,)
    assert localize(np.zeros((0, 3)), exclusive=exclusive) == ()


def test_spans_cover_exactly_the_active_frames_on_random_scores():
    rng = np.random.default_rng(0)
    for _ in range(50):
        similarity, times = rng.random((4, 30)), np.cumsum(rng.uniform(0.1, 1, 30))
        answers = localize(
            similarity, times=times, duration=times[-1] + 1, exclusive=True, max_gap_sec=1
        )
        covered = np.array(
            [[any(s.start_sec <= t < s.end_sec for s in a.spans) for t in times] for a in answers]
        )
        assert np.array_equal(covered, [a.active for a in answers])
        assert covered.sum(axis=0).max() <= 1, 'a frame of a pool shows one action'


BAD_INPUTS = [
    ({'similarity': [[np.nan]]}, 'finite'),
    ({'similarity': [[1, 1]], 'times': [0.0]}, r'\(Q, F\)'),
    ({'similarity': [[1, 1]], 'times': [1.0, 1.0], 'duration': 3}, 'ascending'),
    ({'similarity': [[1, 1]], 'duration': 1}, 'after the last frame'),
    ({'similarity': [[1]], 'threshold': float('nan')}, 'threshold'),
    ({'similarity': [[1]], 'max_gap_sec': -1}, 'max_gap_sec'),
]


@pytest.mark.parametrize(('call', 'message'), BAD_INPUTS)
def test_bad_input_is_refused_with_what_was_expected(call, message):
    with pytest.raises(ValueError, match=message):
        localize(call.pop('similarity'), **call)


def test_a_config_builds_the_localizer():
    localizer = LOCALIZERS.build({'type': 'ThresholdTemporalLocalizer', 'threshold': 0.3})

    assert localizer.threshold == 0.3
