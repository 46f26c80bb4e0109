import math

import numpy as np
import pytest

from stgr.evaluation.functional import binary_auc, score_labels, score_temporal


def test_label_accuracies_by_hand(make_facts):
    scores = score_labels([make_facts('aab--', 'a-bb-')])
    assert scores['label_acc'] == pytest.approx(3 / 5)
    assert scores['label_acc_action'] == pytest.approx(2 / 3)
    assert scores['label_acc_background'] == pytest.approx(1 / 2)
    assert scores['label_acc_class'] == pytest.approx((1 / 2 + 1 + 1 / 2) / 3)
    assert (scores['num_frames'], scores['num_action_frames']) == (5, 3)
    assert 'label_acc_best' not in scores


def test_best_labels_ignore_the_background_threshold(make_facts):
    facts = make_facts('aab-', '----', pred_best_labels=np.array([0, 1, 1, 2]))
    assert score_labels([facts])['label_acc_best'] == pytest.approx(2 / 3)


def test_classes_of_two_videos_are_matched_by_name_not_by_index(make_facts):
    one = make_facts('aab', 'aab', pool='ab')
    other = make_facts('a', 'b', pool='ba', video_id='w')  # here a is index 1
    assert score_labels([one, other])['label_acc'] == 3 / 4
    assert score_labels([one, other])['label_acc_class'] == pytest.approx((2 / 3 + 1) / 2)


@pytest.mark.parametrize(
    ('above', 'below', 'wanted'),
    [
        ([3, 4], [1, 2], 1.0),
        ([1, 2], [3, 4], 0.0),
        ([1, 1], [1, 1, 1], 0.5),  # all equal: chance
        ([2, 5], [2, 3], (0.5 + 0 + 1 + 1) / 4),  # a tie counts half
    ],
)
def test_auc_counts_pairs_in_order_and_ties_half(above, below, wanted):
    scores = np.array([*above, *below], float)
    assert binary_auc(scores, np.arange(len(scores)) < len(above)) == pytest.approx(wanted)


def test_auc_is_undefined_without_one_side(make_facts):
    assert math.isnan(binary_auc(np.ones(3), np.ones(3, bool)))
    scores = score_labels([make_facts('aa', 'aa'), make_facts('a-', 'aa', scores=[2, 1])])
    assert scores['action_auc_video'] == 1.0
    assert scores['num_auc_videos'] == 1
    assert scores['action_auc'] == pytest.approx((0.5 + 0.5 + 1) / 3)


def test_temporal_iou_and_iod_by_hand(make_facts):
    # a: G 3, P 2, both 2; b: G 1, P 2, both 1; background: G 2, P 2, both 1
    facts = [make_facts('aaab--', 'aa-bb-')]
    got = score_temporal(facts)
    assert got['iou'] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert got['iod'] == pytest.approx((1 + 1 / 2) / 2)
    assert got['mof'] == pytest.approx(4 / 6)
    withbg = score_temporal(facts, include_background=True)
    assert withbg['iou'] == pytest.approx((2 / 3 + 1 / 2 + 1 / 3) / 3)


def test_a_video_without_actions_is_undefined_not_zero(make_facts):
    got = score_temporal([make_facts('--', 'a-'), make_facts('aa', 'aa', video_id='w')])
    assert (got['iou'], got['num_videos']) == (1.0, 1)


def test_no_videos_give_nan():
    assert math.isnan(score_labels([])['label_acc'])
    assert math.isnan(score_temporal([])['iou'])
