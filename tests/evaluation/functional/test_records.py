import numpy as np
import pytest

from stgr.evaluation.functional import (
    BoxPlaces,
    HeatPlaces,
    PlaceSettings,
    record_from_mapping,
    reduce_record,
)


def _sample(**changes):
    sample = {
        'video_id': 'v',
        'pool': ['a', 'b'],
        'times': [0, 1, 2],
        'gt_labels': np.array([0, 1, -1]),
        'gt_boxes_px': np.tile([10, 10, 20, 20], (3, 1)),
        'frame_size': (100, 100),
        'pred_labels': np.array([0, -1, 1]),
        'pred_scores': np.zeros(3),
        'heatmaps': np.ones((3, 2, 2)),
        'gt_heatmaps': np.ones((3, 2, 2)),
    }
    return sample | changes


def test_the_contract_record_is_read():
    record = record_from_mapping(_sample(extra='ignored'))
    assert isinstance(record.pred_places, HeatPlaces)
    assert record.num_frames == 3
    assert record.pool == ('a', 'b')


def test_boxes_may_stand_for_heat_maps():
    sample = _sample(pred_points_px=np.zeros((3, 2)), pred_boxes_px=np.zeros((3, 4)))
    del sample['heatmaps']
    assert isinstance(record_from_mapping(sample).pred_places, BoxPlaces)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'pred_scores': np.array([0, np.nan, 1])}, "'v'.*pred_scores.*1 values"),
        ({'gt_boxes_px': np.full((3, 4), np.inf)}, 'gt_boxes_px'),
        ({'pred_labels': np.array([0, 2, 0])}, r'-1\.\.1'),
        ({'gt_labels': np.array([-2, 0, 0])}, r'-1\.\.1'),
        ({'pred_labels': np.array([0, 0])}, r'pred_labels must be \(3,\)'),
        ({'pred_labels': np.array([0.0, 0.0, 0.0])}, 'integers'),
        ({'heatmaps': np.ones((2, 2, 2))}, 'cover 3 frames'),
        ({'heatmaps': np.ones((3, 4))}, r'\(T, h, w\)'),
        ({'heatmaps': np.full((3, 2, 2), np.nan)}, 'finite'),
        ({'times': [0, 2, 1]}, 'ascending'),
        ({'pool': ['a', 'a']}, 'more than once'),
        ({'pool': ['a', 'background']}, 'must not contain'),
        ({'frame_size': (0, 100)}, 'frame_size'),
    ],
)
def test_a_wrong_value_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        record_from_mapping(_sample(**changes))


def test_missing_keys_are_listed():
    sample = _sample()
    del sample['times'], sample['pred_scores']
    with pytest.raises(KeyError, match="'times', 'pred_scores'"):
        record_from_mapping(sample)


def test_true_actions_that_were_not_asked_for_join_the_pool_and_cannot_be_predicted():
    sample = _sample(unasked=['c'], gt_labels=np.array([0, 2, -1]))
    record = record_from_mapping(sample)
    assert (record.pool, record.num_asked) == (('a', 'b', 'c'), 2)
    assert record.gt_labels.tolist() == [0, 2, -1]
    for key in ('pred_labels', 'pred_best_labels'):
        with pytest.raises(ValueError, match=rf"'v'.*{key} must lie in -1\.\.1, names that were"):
            record_from_mapping(sample | {key: np.array([0, 2, 0])})
    with pytest.raises(ValueError, match=r'gt_labels must lie in -1\.\.2'):
        record_from_mapping(sample | {'gt_labels': np.array([0, 3, -1])})


def test_points_without_boxes_are_an_error():
    sample = _sample(heatmaps=None, pred_points_px=np.zeros((3, 2)))
    with pytest.raises(KeyError, match='come together'):
        record_from_mapping(sample)


def test_facts_ignore_maps_of_background_and_boxes_of_unlabelled_frames():
    facts = reduce_record(record_from_mapping(_sample()), PlaceSettings(0.5))
    assert facts.pred.place_px.tolist() == [10_000, 0, 10_000]
    assert facts.pred.box_px.tolist() == [100, 100, 0]
    assert facts.pred.common_px.tolist() == [100, 0, 0]
    assert facts.query.common_px.tolist() == [100, 100, 0]
    assert facts.box_area_px.tolist() == [100, 100, 0]
    assert facts.gt_instances.tolist() == [0, 1, -1]


def test_a_normalisation_decides_what_the_threshold_means():
    heat = np.tile([[0.2, 0.1], [0.1, 0.0]], (3, 1, 1))
    record = record_from_mapping(_sample(heatmaps=heat))
    raw = reduce_record(record, PlaceSettings(0.5, 'none')).pred
    scaled = reduce_record(record, PlaceSettings(0.5, 'max')).pred
    assert raw.place_px[0] == 0 < scaled.place_px[0] < 10_000
    assert scaled.peak[0] == 0.2  # ranking uses the raw map
