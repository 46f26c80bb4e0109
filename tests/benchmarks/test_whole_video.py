"""The benchmark of whole videos, on seconds of video."""

import csv

import numpy as np
import pytest


def test_extraction_and_inference_are_measured_with_equal_answers(script, tmp_path):
    out = tmp_path / 'video.csv'

    script('whole_video').main(
        ['--minutes', '0.1', '--queries', '2', '--rounds', '1', '--out', str(out)]
    )

    rows = list(csv.DictReader(out.open()))
    assert [(row['measured'], row['way']) for row in rows] == [
        (measured, way) for measured in ('extraction', 'inference') for way in ('library', 'plain')
    ]
    for row in rows:
        # 6 s of video in so many seconds: both speeds say the same.
        assert float(row['video_hours_per_hour']) * float(row['seconds']) == pytest.approx(6, 0.01)
        assert float(row['real_time_factor']) * 6 == pytest.approx(float(row['seconds']), 0.01)


def test_other_maps_are_not_timed(script, tmp_path):
    module, plain = script('whole_video'), script('_plain_inference')
    module.make_video(tmp_path / 'v.mp4', 6)
    grounder = module.Grounder(device='cpu', min_duration_sec=0, max_gap_sec=0)
    queries = module.make_queries(8)
    with grounder.encode(tmp_path / 'v.mp4') as video:
        result = grounder.ground(video, queries=queries)
    encoded = plain.encode(grounder.inferencer.model, tmp_path / 'v.mp4', 2.0)
    threshold = float(grounder.inferencer.model.query_threshold)
    answers = plain.ground(grounder.inferencer.model, encoded, queries, threshold)
    count = sum(len(answer.maps) for answer in answers)

    assert module.check_same(result, answers) == count > 2
    moved = [answer._replace(maps=np.roll(answer.maps, 1, axis=1)) for answer in answers]
    with pytest.raises(RuntimeError, match=f'{count} of {count} maps differ'):
        module.check_same(result, moved)


def test_plain_boxes_are_those_of_the_library(script):
    from stgr.localizers import HeatMapSpatialLocalizer

    maps = np.random.default_rng(0).random((20, 7, 7), np.float32)

    boxes = [script('_plain_inference').box_of(one, (64, 48)) for one in maps]

    answer = HeatMapSpatialLocalizer()(maps, width_px=64, height_px=48)
    assert np.abs(answer.boxes_px - np.array(boxes)).max() <= 1  # roundings at the threshold
