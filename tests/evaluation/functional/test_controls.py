import dataclasses

import numpy as np
import pytest

from stgr.evaluation.functional import (
    CONTROLS,
    Control,
    apply_control,
    reduce_record,
    score_iou_point,
    score_labels,
    score_pointing,
    score_video_map,
)
from stgr.evaluation.functional.controls import uniform_transcript


def _facts(record, name):
    return [reduce_record(apply_control(record, CONTROLS[name]))]


def test_the_oracle_reaches_every_ceiling(make_record):
    facts = _facts(make_record('aa-bb-c', '-------', hit=False), 'oracle')
    assert score_labels(facts)['label_acc'] == 1
    assert score_labels(facts)['action_auc'] == 1
    assert score_pointing(facts)['pointing_acc'] == 1
    assert score_iou_point(facts)['iou_point_video_class'] == 1
    assert score_video_map(facts)['mAP@0.1:0.5'] == 1


def test_all_background_finds_only_background(make_record):
    facts = _facts(make_record('aa-b', 'aaab'), 'all_background')
    assert score_labels(facts)['label_acc'] == 0.25
    assert score_iou_point(facts)['iou_point_video_class'] == 0


def test_the_centre_keeps_the_labels_and_points_at_the_middle(make_record):
    record = apply_control(make_record('aa-b', 'abab', scores=[4, 3, 2, 1]), CONTROLS['centre'])
    assert record.pred_labels.tolist() == [0, 1, 0, 1]
    assert record.pred_scores.tolist() == [4, 3, 2, 1]
    assert record.pred_places.points_px.tolist() == [[50, 50]] * 4
    np.testing.assert_allclose(record.query_places.boxes_px, [[25, 20, 75, 80]] * 4)


def test_chance_chooses_from_what_was_asked_for_only_and_the_oracle_from_the_truth(make_record):
    record = dataclasses.replace(make_record('abc' * 100, 'a' * 300), num_asked=2)
    chance = apply_control(record, CONTROLS['chance'])
    assert sorted(set(chance.pred_labels.tolist())) == [-1, 0, 1]
    assert score_labels(_facts(record, 'oracle'))['label_acc'] == 1


def test_the_most_frequent_label_ignores_background(make_record):
    record = apply_control(make_record('---abb', 'aaaaaa'), CONTROLS['most_frequent'])
    assert record.pred_labels.tolist() == [1] * 6
    silent = apply_control(make_record('---', 'aaa'), CONTROLS['most_frequent'])
    assert silent.pred_labels.tolist() == [-1] * 3


def test_chance_draws_pool_and_background_evenly_and_points_inside_the_frame(make_record):
    record = apply_control(make_record('a' * 8000, 'a' * 8000), CONTROLS['chance'])
    shares = np.bincount(record.pred_labels + 1) / 8000
    np.testing.assert_allclose(shares, [0.25] * 4, atol=0.02)
    points, boxes = record.pred_places.points_px, record.pred_places.boxes_px
    assert points.min() >= 0
    assert points.max() <= 100
    np.testing.assert_allclose(points.mean(axis=0), [50, 50], atol=2)
    assert boxes.min() >= 0
    assert boxes.max() <= 100


def test_chance_depends_on_seed_and_video_only(make_record):
    def draw(video_id, seed):
        record = make_record('a' * 50, 'a' * 50, video_id=video_id)
        return apply_control(record, CONTROLS['chance'], seed=seed).pred_labels.tolist()

    assert draw('v', 0) == draw('v', 0)
    assert draw('v', 0) != draw('v', 1)
    assert draw('v', 0) != draw('w', 0)


def test_a_uniform_transcript_keeps_the_order_and_spreads_it(make_record):
    labels = np.array([-1, -1, -1, -1, 0, 1, 1, -1])  # runs: - a b -
    assert uniform_transcript(labels).tolist() == [-1, -1, 0, 0, 1, 1, -1, -1]
    assert uniform_transcript(np.array([2])).tolist() == [2]
    assert uniform_transcript(np.zeros(0, np.int64)).tolist() == []


def test_own_places_cannot_go_with_other_labels():
    with pytest.raises(ValueError, match='choose others'):
        Control('truth', 'own')
    with pytest.raises(ValueError, match='most_frequent'):
        Control('majority', 'centre')


def test_controls_leave_the_truth_alone(make_record):
    record = make_record('aa-b', 'abab')
    for control in CONTROLS.values():
        changed = apply_control(record, control)
        assert changed.gt_labels is record.gt_labels
        assert changed.gt_boxes_px is record.gt_boxes_px
