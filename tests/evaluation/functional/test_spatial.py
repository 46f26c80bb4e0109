import numpy as np
import pytest

from stgr.evaluation.functional import BoxPlaces, HeatPlaces, score_pointing, score_spatial


def test_pointing_is_micro_and_class_mean_over_annotated_frames(make_facts):
    got = score_pointing([make_facts('aaab-', '-----', hit=[1, 1, 0, 0, 1])])
    assert got['pointing_acc'] == pytest.approx(2 / 4)
    assert got['pointing_acc_class'] == pytest.approx((2 / 3 + 0) / 2)
    assert (got['num_frames'], got['num_classes'], got['num_wide']) == (4, 2, 0)


def _boxes_of_width(widths):
    """Boxes inside the 10x10 truth at (10, 10), so IoU = width / 10."""
    boxes = np.array([[10, 10, 10 + w, 20] for w in widths], float)
    return BoxPlaces(boxes[:, :2], boxes, np.arange(len(widths), 0, -1.0))


def test_an_iou_exactly_at_the_threshold_is_no_hit_but_ranks_as_one(make_facts):
    facts = make_facts('aa', '--', query_places=_boxes_of_width([3, 4]))
    got = score_spatial([facts])
    assert got['iou_hit_micro'] == 0.5  # 0.3 > 0.3 is false
    assert got['ap_class_all'] == 1.0  # 0.3 >= 0.3 is true
    assert got['mean_iou'] == pytest.approx(0.35)


def test_ranked_ap_by_hand(make_facts):
    facts = make_facts('aaab', '----', query_places=_boxes_of_width([1, 9, 9, 0]))
    got = score_spatial([facts])
    assert got['ap_class_all'] == pytest.approx((2 / 3 * 2 / 3 + 0) / 2)  # precision 0 1/2 2/3
    assert got['iou_hit_class'] == pytest.approx((2 / 3 + 0) / 2)


def test_wide_and_saturated_frames_are_scored_apart(make_facts):
    boxes = np.array([[0, 0, 100, 100], [10, 10, 20, 20]], float)
    places = BoxPlaces(boxes[:, :2], np.tile(boxes[1], (2, 1)))
    got = score_spatial([make_facts('aa', '--', gt_boxes_px=boxes, query_places=places)])
    assert (got['mean_iou_wide'], got['mean_iou_saturated']) == (0.01, 1)
    assert (got['num_wide'], got['num_saturated']) == (1, 1)


def test_an_empty_or_inverted_box_stays_in_the_denominator(make_facts):
    boxes = np.array([[10, 10, 20, 20], [20, 10, 10, 20], [5, 5, 5, 9]], float)
    for places in (HeatPlaces(np.ones((3, 2, 2))), BoxPlaces(boxes[:, :2], boxes)):
        facts = make_facts('aaa', '---', gt_boxes_px=boxes, query_places=places)
        got = score_pointing([facts]) | score_spatial([facts], iou_threshold=0.001)
        assert got['num_frames'] == 3
        assert got['iou_hit_micro'] == pytest.approx(1 / 3)
        assert got['pointing_acc'] <= 1 / 3


def test_the_border_plateau_decides_a_box_edge_inside_the_border_cell(make_facts):
    heat = np.zeros((1, 4, 4))
    heat[0, 1, 0] = 1  # upsampled peak: x from 0 to 12, the centre of cell 0 of 25 px
    beyond = np.array([[5.0, 20, 60, 60]])  # begins between pixel 0 and that centre
    facts = make_facts('a', '-', gt_boxes_px=beyond, query_places=HeatPlaces(heat))
    assert score_pointing([facts])['pointing_acc'] == 0


def test_masks_and_equal_boxes_get_equal_scores(make_facts):
    heat = np.ones((2, 3, 3))
    full = np.tile([0.0, 0, 100, 100], (2, 1))
    by_mask = score_spatial([make_facts('ab', '--', query_places=HeatPlaces(heat))])
    places = BoxPlaces(full[:, :2], full, np.ones(2))
    by_box = score_spatial([make_facts('ab', '--', query_places=places)])
    assert by_box == pytest.approx(by_mask, nan_ok=True)


def test_missing_places_of_the_true_label_are_an_error_that_names_a_video(make_facts):
    with pytest.raises(ValueError, match=r"gt_heatmaps.*'v'"):
        score_pointing([make_facts('a', 'a', query_places=None)])


def test_no_annotated_frame_gives_nan_and_a_count_of_zero(make_facts):
    got = score_spatial([make_facts('--', '--')])
    assert np.isnan(got['iou_hit_class'])
    assert got['num_frames'] == 0
    assert np.isnan(score_pointing([])['pointing_acc'])
