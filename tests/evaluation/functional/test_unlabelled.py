import numpy as np

from stgr.evaluation.functional import (
    HeatPlaces,
    ignore_unlabelled,
    reduce_record,
    score_iou_point,
    score_temporal,
)


def test_unboxed_seconds_of_a_step_are_background_or_left_out_by_hand(make_record):
    # step a lasts 1..6 s; 1 and 5 have no majority box, 6 lies outside (half-open), 0 is background
    record = make_record('--aaa---', 'aaaaaaa-')
    plain = score_temporal([reduce_record(record)], include_background=True)
    assert plain['mof'] == 4 / 8
    ignored = ignore_unlabelled(record, [(1, 6)])
    assert ignored.times_sec.tolist() == [0, 2, 3, 4, 6, 7]
    got = score_temporal([reduce_record(ignored)], include_background=True)
    assert got['mof'] == 4 / 6
    assert score_iou_point([reduce_record(record)])['iou_point_video_class'] == 3 / 7
    assert score_iou_point([reduce_record(ignored)])['iou_point_video_class'] == 3 / 5


def test_everything_said_about_a_frame_goes_with_it(make_record):
    maps = np.arange(4.0)[:, None, None] + np.zeros((4, 2, 2))
    record = make_record(
        'a-b-',
        'ab-a',
        query_places=HeatPlaces(maps),
        pred_best_labels=np.array([0, 1, 2, 0]),
        gt_instances=np.array([4, -1, 5, -1]),
    )
    got = ignore_unlabelled(record, [(0.5, 1.5), (9, 10)])
    assert got.query_places.maps[:, 0, 0].tolist() == [0, 2, 3]
    assert got.pred_best_labels.tolist() == [0, 2, 0]
    assert got.gt_instances.tolist() == [4, 5, -1]
    assert got.pred_places.points_px.shape == (3, 2)
    assert got.pred_labels.tolist() == [0, -1, 0]
