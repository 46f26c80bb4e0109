import math

import numpy as np
import pytest

from stgr.evaluation.functional import (
    HeatPlaces,
    PlaceSettings,
    mask_areas,
    reduce_best,
    reduce_record,
    score_iou_point,
    score_labels,
    score_spatial,
    sweep_iou,
    sweep_spatial,
    sweep_temporal,
)


def heat_record(make_record, seed=0, num=24, **changes):
    generator = np.random.default_rng(seed)
    maps = HeatPlaces(generator.random((num, 3, 4)))
    corners = generator.integers(0, 40, (num, 2))
    boxes = np.concatenate([corners, corners + generator.integers(40, 60, (num, 2))], axis=1)
    values = {
        'gt_boxes_px': boxes.astype(float),
        'pred_places': maps,
        'query_places': maps,
        'frame_size': (100, 99),
        'scores': generator.random(num),
    }
    truth, predicted = ('aab-' * num)[:num], ('aabc' * num)[:num]
    return make_record(truth, predicted, **(values | changes))


def test_labels_and_points_at_each_threshold_by_hand(make_record):
    best = np.array([0, 0, 1, 0])
    record = make_record(
        'aab-', 'a---', scores=[0.9, 0.6, 0.4, 0.2], hit=[1, 0, 1, 1], pred_best_labels=best
    )
    found = sweep_temporal([reduce_best(record)], np.array([0.95, 0.6, 0.3, 0.0]))
    assert found.thresholds.tolist() == [0, 0.3, 0.6, 0.95]
    # at 0.6: a is G {0,1}, P {0,1}, pointed {0}; b never. At 0: a has a false frame more
    assert found.iou_point == pytest.approx([(1 / 3 + 1) / 2, (1 / 2 + 1) / 2, 1 / 4, 0])
    assert found.temporal_iou == pytest.approx([(2 / 3 + 1) / 2, 1, 1 / 2, 0])
    assert found.label_acc == pytest.approx([3 / 4, 1, 3 / 4, 1 / 4])
    assert found.label_acc_action == pytest.approx([1, 1, 2 / 3, 0])
    assert found.label_acc_background == pytest.approx([0, 1, 1, 1])


def test_the_sweep_passes_through_the_scores_of_the_system(make_record):
    record = heat_record(make_record)
    best = np.where(record.pred_labels < 0, 2, record.pred_labels)
    cut = np.where(record.pred_scores >= 0.5, best, -1)
    record = heat_record(make_record, pred_labels=cut, pred_best_labels=best)
    facts = [reduce_record(record)]
    found = sweep_temporal([reduce_best(record)], np.array([0.5]))
    assert found.iou_point[0] == score_iou_point(facts)['iou_point_video_class'] > 0
    assert found.label_acc[0] == score_labels(facts)['label_acc']


def test_without_places_only_the_labels_are_swept(make_record):
    record = make_record('a-', 'a-', pred_places=None)
    found = sweep_temporal([reduce_best(record)], np.array([0.0]))
    assert found.label_acc.tolist() == [1]
    assert math.isnan(found.iou_point[0])
    assert sweep_temporal([], np.zeros(0)).label_acc.shape == (0,)


@pytest.mark.parametrize('normalisation', ['none', 'minmax'])
def test_every_mask_threshold_gives_the_spatial_scores(make_record, normalisation):
    records = [heat_record(make_record, seed) for seed in (0, 1)]
    thresholds = np.array([0.2, 0.5, 0.8])
    found = sweep_spatial(
        records, thresholds, normalisation=normalisation, iou_threshold=0.4, row_step=1
    )
    for i, threshold in enumerate(thresholds):
        settings = PlaceSettings(threshold, normalisation)
        exact = score_spatial([reduce_record(r, settings) for r in records], iou_threshold=0.4)
        assert found.hit_micro[i] == pytest.approx(exact['iou_hit_micro'])
        assert found.hit_class[i] == pytest.approx(exact['iou_hit_class'])
        assert found.mean_iou[i] == pytest.approx(exact['mean_iou'])
    assert len(set(found.mean_iou)) == 3


def test_strips_of_rows_are_close_to_every_row(make_record):
    records = [heat_record(make_record)]
    exact, quick = (
        sweep_spatial(records, np.array([0.3, 0.6]), row_step=step).mean_iou for step in (1, 9)
    )
    assert quick == pytest.approx(exact, abs=5e-3)
    assert quick.tolist() != exact.tolist()


def test_a_full_mask_is_exact_at_any_step_and_an_even_step_an_error():
    maps, boxes = np.ones((2, 2, 2)), np.array([[1, 2, 7, 9], [5, 5, 5, 9]], float)
    for step in (1, 3, 99):
        mask_px, common_px = mask_areas(maps, boxes, (10, 11), threshold=0.5, row_step=step)
        assert (mask_px.tolist(), common_px.tolist()) == ([110, 110], [42, 0])
    with pytest.raises(ValueError, match='odd'):
        mask_areas(maps, boxes, (10, 11), threshold=0.5, row_step=2)


def test_boxes_and_silence_have_no_mask_threshold(make_record):
    for records in ([], [make_record('a', 'a')], [make_record('-', 'a')]):
        assert sweep_spatial(records, np.array([0.5])) is None


def test_hit_rate_by_overlap(make_facts):
    facts = make_facts('aa-', 'aa-')  # box equals truth: IoU 1, never above 1
    assert sweep_iou([facts], np.array([0.5, 1.0])).tolist() == [1, 0]
    assert np.isnan(sweep_iou([make_facts('--', '--')], np.array([0.5]))).all()
