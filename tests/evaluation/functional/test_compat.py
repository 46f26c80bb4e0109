import numpy as np
import pytest

from stgr.evaluation.functional import HeatPlaces, score_pointing, score_spatial
from stgr.evaluation.functional.compat import (
    ScriptSettings,
    clips_by_position,
    reduce_as_released,
    released_raster,
    score_grounding_script,
    youcook_script_size,
)


def test_the_released_raster_is_one_column_to_the_right_and_one_pixel_larger():
    frame = np.zeros((100, 100))
    x1, y1, x2, y2 = map(int, released_raster(np.array([[10.0, 20, 30, 40]]))[0])
    frame[y1:y2, x1:x2] = 1
    assert np.flatnonzero(frame.any(axis=0))[[0, -1]].tolist() == [11, 31]
    assert np.flatnonzero(frame.any(axis=1))[[0, -1]].tolist() == [20, 40]
    assert frame.sum() == 21 * 21


def test_areas_are_shifted_but_the_pointing_target_is_not(make_record):
    # boxes 10..20: 11 x 11 pixels
    heat = np.zeros((2, 1, 1))
    record = make_record('aa', '--', query_places=HeatPlaces(heat))
    facts = reduce_as_released(record)
    assert facts.box_area_px.tolist() == [121, 121]
    # a flat map points at pixel 0, 0 and its mask fills the frame: IoU = raster / frame
    boxes = np.array([[0.0, 0, 5, 5], [1, 0, 6, 6]])
    facts = reduce_as_released(
        make_record('aa', '--', gt_boxes_px=boxes, query_places=HeatPlaces(heat + 1))
    )
    assert facts.query.hit.tolist() == [True, False]
    assert score_spatial([facts])['mean_iou'] == pytest.approx((6 * 6 + 6 * 7) / 2 / 10_000)


def test_a_box_without_width_has_a_raster_and_an_inverted_one_has_none(make_record):
    boxes = np.array([[0.0, 0, 0, 5], [5, 0, 4, 5]])
    record = make_record('aa', '--', gt_boxes_px=boxes, query_places=HeatPlaces(np.ones((2, 1, 1))))
    facts = reduce_as_released(record)
    assert facts.box_area_px.tolist() == [6, 0]
    assert score_pointing([facts])['pointing_acc'] == 0.5


def _corner_maps(*corners):
    """2x2 maps with one hot cell: 0 upper left, 3 lower right; its quarter is the mask."""
    maps = np.zeros((len(corners), 4))
    maps[np.arange(len(corners)), corners] = 1
    return maps.reshape(-1, 2, 2)


def _script(make_record, clips, corners, *, gt='aaaa', **settings):
    """Boxes lie in the upper left quarter: corner 0 hits, others miss."""
    boxes = np.tile([0.0, 0.0, 49.0, 49.0], (len(gt), 1))
    record = make_record(
        gt, '-' * len(gt), gt_boxes_px=boxes, query_places=HeatPlaces(_corner_maps(*corners))
    )
    return score_grounding_script([(record, clips)], ScriptSettings(0.5, **settings))


def test_clips_are_closed_and_shared_seconds_count_twice(make_record):
    got = _script(make_record, [(0, 1), (1, 3), (2, 2), (3, 1)], [0, 0, 3, 3], gt='aa-a')
    assert got['num_valid'] == 4  # 0 1 | 1 3: second 2 has no box, empty clips are skipped
    assert got['localization_accuracy'] == 3 / 4
    assert got['meanAP'] == 3 / 4
    assert (got['num_wide'], got['num_sat']) == (0, 4)


def test_the_last_second_of_a_clip_is_black_when_its_map_is_known(make_record):
    black = _corner_maps(3)[0]
    assert _script(make_record, [(0, 3)], [0, 0, 0, 0])['localization_accuracy'] == 1
    got = _script(make_record, [(0, 3)], [0, 0, 0, 0], black_map=black)
    assert got['localization_accuracy'] == 3 / 4


def test_after_a_multiple_of_sixteen_seconds_the_last_map_is_held(make_record):
    black, corners = _corner_maps(3)[0], [3] * 15 + [0, 3]
    got = _script(make_record, [(0, 16)], corners, gt='a' * 17, black_map=black)
    assert got['localization_accuracy'] == pytest.approx(2 / 17)  # second 15, held in 16
    got = _script(make_record, [(1, 16)], corners, gt='a' * 17, black_map=black)
    assert got['localization_accuracy'] == pytest.approx(1 / 16)


def test_places_of_another_second_are_read_with_an_offset(make_record):
    got = _script(make_record, [(1, 2)], [0, 0, 3, 3], second_offset=-1)
    assert got['localization_accuracy'] == 1


def test_an_empty_raster_is_valid_a_miss_and_in_neither_group(make_record):
    boxes = np.array([[9.0, 0, 8, 5], [0, 0, 99, 99]])
    record = make_record('aa', '--', gt_boxes_px=boxes, query_places=HeatPlaces(np.ones((2, 1, 1))))
    got = score_grounding_script([(record, [(0, 1)])])
    assert (got['num_valid'], got['num_wide'], got['num_sat']) == (2, 0, 1)
    assert got['localization_accuracy'] == 0.5
    assert got['iou_total'] == pytest.approx(0.99 / 2)  # columns 1..99 of 0..99
    assert got['iou_total_sat'] == pytest.approx(0.99)


def test_ids_are_taken_as_positions():
    rows = [{'id': 1, 'segment': [0, 4]}, {'id': 0, 'segment': [5, 9]}]
    assert clips_by_position(rows) == [(5, 9), (0, 4)]
    with pytest.raises(ValueError, match='id 2 is no position'):
        clips_by_position([{'id': 2, 'segment': [0, 4]}])


@pytest.mark.parametrize(
    ('video', 'wanted'),
    [
        ((640, 360), (640, 360)),
        ((1280, 720), (640, 360)),
        ((640, 480), (640, 360)),  # squashed
        ((480, 360), (480, 360)),
        ((406, 720), (406, 360)),  # portrait: one side only
    ],
)
def test_the_youcook_script_limits_each_side_on_its_own(video, wanted):
    assert youcook_script_size(video) == wanted


def test_what_the_script_cannot_score_is_an_error(make_record):
    with pytest.raises(ValueError, match='gt_heatmaps'):
        score_grounding_script([(make_record('a', '-', query_places=None), [(0, 1)])])
    with pytest.raises(ValueError, match='seconds 0, 1, 2'):
        score_grounding_script([(make_record('a', '-', times_sec=np.array([0.5])), [(0, 1)])])
    settings = ScriptSettings(black_map=np.ones((1, 1)))
    with pytest.raises(ValueError, match='black map'):
        score_grounding_script([(make_record('aa', '--'), [(0, 1)])], settings)
