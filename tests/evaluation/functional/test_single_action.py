import numpy as np
import pytest

from stgr.evaluation.functional import BoxPlaces, TubeSettings, reduce_clip, score_single_action


def test_a_clip_by_hand(make_facts):
    # frames 0..9; step a in 4..6 (L = 2): window 2..8; frame 5 is not boxed
    facts = make_facts('---aa-a-aa', 'aaa-aaa-aa', hit=[1, 1, 1, 1, 0, 1, 1, 1, 1, 1])
    clip = reduce_clip(facts, 4, 6, 'a')
    # P: 2 4 5 6 8; G: 4 6 (3, 8 and 9 have the label, but outside the step); hits: 6
    assert (clip.num_hits, clip.num_union) == (1, 5)
    assert clip.overlap == pytest.approx(2 / 5)
    assert clip.score == 1.0


def test_the_window_is_closed_at_both_ends_and_cut_to_the_video(make_facts):
    facts = make_facts('-aaa-', 'aaaaa')
    assert reduce_clip(facts, 1, 3, 'a').num_union == 5  # -1..5 cut to 0..4
    facts = make_facts('---aa---', 'aaaaaaaa')
    assert reduce_clip(facts, 3, 4, 'a').num_union == 4  # 2..5: both ends


def test_the_score_is_the_mean_over_predicted_frames_of_the_window(make_facts):
    facts = make_facts('--aa--', 'aaa-a-', scores=[9, 1, 2, 9, 6, 9])
    assert reduce_clip(facts, 2, 3, 'a').score == pytest.approx((1 + 2 + 6) / 3)


def test_a_silent_clip_scores_zero_and_makes_no_detection(make_facts):
    got = score_single_action([reduce_clip(make_facts('-aa-', '-bb-'), 1, 2, 'a')])
    assert (got['iou_point'], got['mAP@0.1'], got['num_det'], got['num_clips']) == (0, 0, 0, 1)


def test_clips_without_a_box_of_their_own_are_left_out_and_counted(make_facts):
    facts = make_facts('-bb-', '-aa-')
    assert reduce_clip(facts, 1, 2, 'a') is None
    assert reduce_clip(facts, 1, 2, 'no such step') is None
    got = score_single_action([None, reduce_clip(facts, 1, 2, 'b')])
    assert (got['num_clips'], got['num_unboxed_clips']) == (1, 1)


def test_clips_of_one_string_are_ranked_together_by_hand(make_facts):
    right = make_facts('-aa-', '-aa-', scores=[0, 1, 1, 0])
    wrong = make_facts('-aa-', 'a--a', scores=[2, 0, 0, 2], video_id='w')
    other = make_facts('-bb-', '-bb-', video_id='x')
    clips = [
        reduce_clip(right, 1, 2, 'a'),
        reduce_clip(wrong, 1, 2, 'a'),
        reduce_clip(other, 1, 2, 'b'),
    ]
    got = score_single_action(clips)
    # a: the wrong clip ranks first, so precision 1/2 at recall 1/2; b: 1
    assert got['mAP@0.5'] == pytest.approx((1 / 4 + 1) / 2)
    assert got['hit_class@0.5'] == pytest.approx((1 / 2 + 1) / 2)
    assert got['hit_micro@0.5'] == pytest.approx(2 / 3)
    assert got['iou_point'] == pytest.approx(2 / 3)
    assert got['iou_point_micro'] == pytest.approx(4 / 8)  # unions: 2, 4 (0 1 2 3), 2
    assert (got['num_classes'], got['num_det'], got['num_clips']) == (2, 3, 3)


def test_an_overlap_at_the_threshold_is_a_miss_unless_asked(make_facts):
    half = np.tile([10.0, 10.0, 15.0, 20.0], (4, 1))
    facts = make_facts('-aa-', '-aa-', pred_places=BoxPlaces(half[:, :2], half))
    clip = reduce_clip(facts, 1, 2, 'a')
    assert score_single_action([clip])['hit_micro@0.5'] == 0
    assert score_single_action([clip], TubeSettings(strict=False))['hit_micro@0.5'] == 1


def test_wide_clips_are_split_by_the_mean_area_of_their_own_boxes(make_facts):
    boxes = np.tile([0.0, 0.0, 10.0, 10.0], (6, 1))
    boxes[2] = [0, 0, 60, 60]  # mean of 2 and 3: 1850 of 10000; frame 0 is outside the step
    boxes[0] = [0, 0, 0, 0]
    clip = reduce_clip(make_facts('a-aa--', '--aa--', gt_boxes_px=boxes), 2, 3, 'a')
    assert clip.wide
    boxes[2] = [0, 0, 55, 55]  # 1562.5 of 1627.6
    assert not reduce_clip(make_facts('a-aa--', '--aa--', gt_boxes_px=boxes), 2, 3, 'a').wide


def test_a_clip_that_ends_before_it_starts_is_an_error(make_facts):
    with pytest.raises(ValueError, match=r"'v'.*3\.\.2"):
        reduce_clip(make_facts('aaaa', 'aaaa'), 3, 2, 'a')


def test_no_clips_give_nan():
    got = score_single_action([])
    assert np.isnan(got['iou_point'])
    assert np.isnan(got['mAP@0.1:0.5'])
    assert got['num_clips'] == 0
