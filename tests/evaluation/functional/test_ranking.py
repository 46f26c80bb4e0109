import numpy as np
import pytest

from stgr.evaluation.functional import average_precision


@pytest.mark.parametrize(
    ('positive', 'num_truths', 'wanted'),
    [
        ([1, 1], 2, 1.0),
        ([0, 1], 1, 1 / 2),
        ([1, 0, 1], 2, (1 + 2 / 3) / 2),
        ([0, 1, 1], 2, 2 / 3),  # the envelope lifts precision 1/2 at the first hit to 2/3
        ([1], 4, 1 / 4),  # three truths never found
        ([0, 0], 1, 0.0),
        ([], 3, 0.0),
    ],
)
def test_all_point_ap_is_the_area_under_the_envelope(positive, num_truths, wanted):
    scores = -np.arange(len(positive), dtype=float)
    assert average_precision(scores, np.array(positive, bool), num_truths) == pytest.approx(wanted)


def test_detections_are_ranked_and_equal_scores_keep_their_order():
    late = average_precision(np.array([1.0, 2.0]), np.array([True, False]), 1)
    assert late == 0.5
    assert average_precision(np.array([1.0, 1.0]), np.array([True, False]), 1) == 1.0
    assert average_precision(np.array([1.0, 1.0]), np.array([False, True]), 1) == 0.5


def test_many_equal_scores_keep_their_order_too():
    # two levels, or some sorts are stable by chance; the hits come first among the higher
    scores, hits = np.tile([0.0, 1.0], 300), np.arange(600) % 2 == 1
    hits[300:] = False
    assert average_precision(scores, hits, 150) == 1.0


def test_eleven_points_read_the_envelope_at_exact_tenths():
    # 10 truths, three found first: recalls 0, .1, .2, .3 are reached with precision 1
    got = average_precision(np.array([3.0, 2, 1]), np.ones(3, bool), 10, rule='11pt')
    assert got == pytest.approx(4 / 11)


def test_the_released_rule_gives_a_perfect_detector_ten_elevenths():
    scores, perfect = np.arange(7.0), np.ones(7, bool)
    assert average_precision(scores, perfect, 7, rule='hico10') == pytest.approx(10 / 11)
    assert average_precision(scores, perfect, 7, rule='11pt') == 1.0


def test_the_released_rule_compares_recall_with_raw_floats():
    # arange(0, 1, 0.1)[3] is 0.30000000000000004, which a recall of 3/10 does not reach
    got = average_precision(np.array([3.0, 2, 1]), np.ones(3, bool), 10, rule='hico10')
    assert got == pytest.approx(3 / 11)


def test_no_truth_and_unknown_rules_are_errors():
    with pytest.raises(ValueError, match='ground truth'):
        average_precision(np.ones(1), np.ones(1, bool), 0)
    with pytest.raises(ValueError, match='11pt'):
        average_precision(np.ones(1), np.ones(1, bool), 1, rule='coco')
