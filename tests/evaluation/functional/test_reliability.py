import math

import numpy as np
import pytest

from stgr.evaluation.functional import bin_reliability, score_reliability


def test_bins_and_error_by_hand():
    scores = np.array([0.0, 0.2, 0.5, 0.9, 1.0, 1.0])
    right = np.array([0, 1, 0, 1, 1, 0], bool)
    found = bin_reliability(scores, right, num_bins=2)
    assert found.counts.tolist() == [2, 4]  # 0.5 opens the second bin, 1.0 closes it
    assert found.scores == pytest.approx([0.1, 0.85])
    assert found.accuracy == pytest.approx([0.5, 0.5])
    assert found.error == pytest.approx((2 * 0.4 + 4 * 0.35) / 6)


def test_a_predictor_that_is_as_right_as_it_says_has_no_error():
    right = np.array([1] * 3 + [0] + [1] + [0] * 3, bool)
    found = bin_reliability(np.repeat([0.75, 0.25], 4), right, num_bins=4)
    assert found.error == pytest.approx(0)


def test_scores_that_are_no_probabilities_have_bins_but_no_error():
    found = bin_reliability(np.array([-1.0, 1.0, 3.0]), np.array([0, 1, 1], bool), num_bins=2)
    assert found.edges.tolist() == [-1, 1, 3]
    assert found.counts.tolist() == [1, 2]
    assert math.isnan(found.error)


@pytest.mark.parametrize('scores', [[], [2.0, 2.0]], ids=['nothing', 'one score'])
def test_degenerate_scores_are_defined(scores):
    found = bin_reliability(np.array(scores), np.ones(len(scores), bool), num_bins=3)
    assert found.counts.sum() == len(scores)
    assert math.isnan(found.error)


def test_undefined_scores_are_left_out_and_counted():
    found = bin_reliability(np.array([np.nan, 0.5, np.inf]), np.array([1, 1, 1], bool))
    assert (found.num_undefined, found.counts.sum()) == (2, 1)


def test_wrong_shapes_are_an_error():
    with pytest.raises(ValueError, match='num_bins'):
        bin_reliability(np.zeros(3), np.zeros(2, bool))


def test_only_fired_frames_count_and_the_point_can_be_asked_for(make_facts):
    facts = make_facts('aab-', 'a-aa', hit=[0, 1, 1, 1], scores=[0.9, 0.1, 0.9, 0.9])
    label = score_reliability([facts])
    assert (label.counts[9], label.counts.sum()) == (3, 3)
    assert label.accuracy[9] == pytest.approx(1 / 3)
    assert score_reliability([facts], with_point=True).accuracy[9] == 0
