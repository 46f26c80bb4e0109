import numpy as np
import pytest

from stgr.evaluation.functional import average_precision
from stgr.evaluation.functional.ranking import average_precisions


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


@pytest.mark.parametrize('rule', ['all', '11pt', 'hico10'])
def test_all_classes_at_once_equal_one_class_after_another(rule):
    generator = np.random.default_rng(3)
    classes = generator.integers(0, 12, 300)
    classes[classes == 5] = 6  # a class without detections
    scores = generator.integers(0, 9, 300) / 8  # many equal scores
    positive = generator.random(300) < 0.3
    num_truths = np.bincount(classes[positive], minlength=12) + generator.integers(0, 4, 12)
    num_truths[[5, 7]] = 2, 0
    positive[classes == 7] = False
    got = average_precisions(classes, scores, positive, num_truths, rule=rule)
    for label in range(12):
        mine = classes == label
        if num_truths[label]:
            one = average_precision(scores[mine], positive[mine], num_truths[label], rule=rule)
            assert got[label] == pytest.approx(one, abs=1e-12)
    assert np.isnan(got[7])
    assert np.isnan(got).sum() == (num_truths == 0).sum()


def test_no_detections_at_all_score_zero():
    none = np.zeros(0)
    got = average_precisions(none.astype(int), none, none > 0, np.array([2, 0]))
    assert got[0] == 0
    assert np.isnan(got[1])
