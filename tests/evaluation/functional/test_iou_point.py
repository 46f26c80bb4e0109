import math

import numpy as np
import pytest

from stgr.evaluation.functional import score_iou_point


def test_iou_point_by_hand(make_facts):
    # a: G {0,1,2}, P {0,1}, hits {0}; b: G {3}, P {3,4}, hit {3}
    facts = make_facts('aaab--', 'aa-bb-', hit=[1, 0, 1, 1, 1, 1])
    got = score_iou_point([facts])
    assert got['iou_point_video_class'] == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert got['iod_point_video_class'] == pytest.approx((1 / 2 + 1 / 2) / 2)
    assert got['temporal_iou_video_class'] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert got['iou_point_micro'] == pytest.approx(2 / 5)
    assert (got['num_classes'], got['num_videos']) == (2, 1)


def test_background_as_a_class_needs_no_point(make_facts):
    facts = make_facts('a-', 'a-', hit=False)
    assert score_iou_point([facts])['iou_point_video_class'] == 0
    got = score_iou_point([facts], include_background=True)
    assert got['iou_point_video_class'] == pytest.approx((0 + 1) / 2)
    assert got['num_classes'] == 2


def test_a_false_positive_pool_label_counts_only_under_union(make_facts):
    facts = make_facts('aa--', 'aac-')  # c never happens
    assert score_iou_point([facts])['iou_point_video_class'] == 1
    union = score_iou_point([facts], classes='union')
    assert union['iou_point_video_class'] == pytest.approx((1 + 0) / 2)
    assert union['iou_point_micro'] == pytest.approx(2 / 3)
    assert union['num_classes'] == 2


def test_a_class_never_predicted_scores_zero_in_both_ratios(make_facts):
    got = score_iou_point([make_facts('ab', 'a-')])
    assert got['iou_point_video_class'] == 0.5
    assert got['iod_point_video_class'] == 0.5


def test_videos_count_equally_and_classes_of_the_data_set_by_frames(make_facts):
    one = make_facts('aaaa', 'a---')  # 1/4
    other = make_facts('b', 'b', pool='ba', video_id='w')  # 1
    third = make_facts('a', 'a', pool='ba', video_id='x')  # 1
    got = score_iou_point([one, other, third])
    assert got['iou_point_video_class'] == pytest.approx((1 / 4 + 1 + 1) / 3)
    assert got['iou_point_dataset_class'] == pytest.approx((2 / 5 + 1) / 2)
    assert got['iou_point_micro'] == pytest.approx(3 / 6)


@pytest.mark.parametrize('box', [[10, 10, 10, 20], [20, 10, 10, 20]], ids=['empty', 'inverted'])
def test_a_box_without_area_is_a_miss(make_facts, box):
    boxes = np.array([[10, 10, 20, 20], box], float)
    got = score_iou_point([make_facts('aa', 'aa', gt_boxes_px=boxes)])
    assert got['iou_point_video_class'] == 0.5


def test_scores_do_not_depend_on_the_order_of_pool_entries(make_facts):
    one = score_iou_point([make_facts('aabc-', 'abbc-', pool='abc')])
    assert score_iou_point([make_facts('aabc-', 'abbc-', pool='cab')]) == one


def test_predicting_actions_without_a_place_is_an_error(make_facts):
    facts = make_facts('a', 'a', pred_places=None)
    with pytest.raises(ValueError, match='heatmaps'):
        score_iou_point([facts])
    silent = make_facts('a-', '--', pred_places=None)  # nothing predicted: nothing to place
    assert score_iou_point([silent])['iou_point_video_class'] == 0


def test_no_action_anywhere_is_nan_and_an_unknown_rule_an_error(make_facts):
    got = score_iou_point([make_facts('--', 'a-')])
    assert math.isnan(got['iou_point_video_class'])
    assert math.isnan(got['iou_point_micro'])
    with pytest.raises(ValueError, match='union'):
        score_iou_point([], classes='all')
