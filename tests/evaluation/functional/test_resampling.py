"""Scores of weighted videos against the scores themselves, on repeated videos."""

import numpy as np
import pytest

from stgr.evaluation.functional import (
    BoxPlaces,
    bootstrap_weighted,
    fit_constant_place,
    reduce_record,
    score_video_map,
    tube_outcomes,
    tube_overlap,
)
from stgr.evaluation.functional.resampling import (
    mean_ap_statistic,
    mean_statistic,
    ratio_statistic,
)
from stgr.evaluation.functional.tubes import overlap_tubes, predicted_tubes, true_tubes


@pytest.fixture
def videos(make_record):
    """Six random videos of three classes whose predictions hit by halves."""
    rng = np.random.default_rng(3)
    found = []
    for number in range(6):
        gt, pred = (rng.choice(list('abc-'), 12) for _ in range(2))
        pred = np.where(rng.random(12) < 0.6, gt, pred)
        boxes = np.tile([10.0, 10.0, 20.0, 20.0], (12, 1))
        boxes[:, 2] += rng.integers(-6, 12, 12)
        places = BoxPlaces(boxes[:, :2], boxes)
        scores = rng.integers(0, 4, 12) / 4
        record = make_record(gt, pred, scores=scores, pred_places=places, video_id=f'v{number}')
        found.append(reduce_record(record))
    return found


def test_weighted_video_map_is_that_of_repeated_videos(videos):
    outcomes = [tube_outcomes(video) for video in videos]
    statistic = mean_ap_statistic(outcomes, range(5))
    rng = np.random.default_rng(0)

    for _ in range(20):
        chosen = np.sort(rng.integers(0, 6, 6))
        weights = np.bincount(chosen, minlength=6)[None].astype(float)
        expected = score_video_map([videos[i] for i in chosen])['mAP@0.1:0.5']
        assert statistic(weights)[0] == pytest.approx(expected, abs=1e-12)


def test_weighted_ratios_and_means_by_hand():
    above, below = np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([[2.0, 0.0], [1.0, 4.0]])
    weights = np.array([[1.0, 1.0], [2.0, 0.0]])

    assert ratio_statistic(above, below, over='all')(weights).tolist() == [3 / 7, 0.5]
    by_class = ratio_statistic(above, below, over='class')(weights)
    assert by_class.tolist() == [(2 / 3 + 1 / 4) / 2, 0.5]  # no class 2 in the second resample
    assert mean_statistic(np.array([1.0, np.nan]))(weights).tolist() == [1.0, 1.0]


def test_interval_of_one_of_two_videos_is_all_or_nothing():
    found = bootstrap_weighted(mean_statistic(np.array([0.0, 1.0])), 2)

    assert (found.estimate, found.low, found.high) == (0.5, 0.0, 1.0)


@pytest.mark.parametrize('kind', ['class', 'instance'])
@pytest.mark.parametrize('overlap', ['volume', 'mean_union', 'tiou_siou'])
def test_overlaps_at_once_are_those_one_by_one(videos, kind, overlap):
    for video in videos:
        predicted = predicted_tubes(video.pred_labels, kind=kind)
        truths = true_tubes(video.gt_labels, video.gt_instances, kind=kind)
        expected = {
            (i, j): tube_overlap(ours, theirs, video.pred, overlap=overlap)
            for i, ours in enumerate(_frames_of(predicted))
            for j, theirs in enumerate(_frames_of(truths))
            if predicted.labels[i] == truths.labels[j] and np.isin(ours, theirs).any()
        }

        found = overlap_tubes(predicted, truths, video.pred, overlap=overlap)

        pairs = zip(found.predicted.tolist(), found.truth.tolist(), strict=True)
        assert dict(zip(pairs, found.overlaps, strict=True)) == pytest.approx(expected)


def _frames_of(tubes):
    return [np.flatnonzero(tubes.of_frame == number) for number in range(len(tubes.labels))]


def test_best_constant_place_is_where_most_boxes_are(make_record):
    boxes = np.array([[10.0, 10, 50, 50], [20, 20, 60, 60], [22, 22, 62, 62], [80, 80, 99, 99]])
    record = make_record('aaaa', 'aaaa', gt_boxes_px=boxes)

    found = fit_constant_place([record], iou_threshold=0.3)

    assert 0.22 <= found.point[0] <= 0.50
    assert 0.22 <= found.point[1] <= 0.50  # in the first three boxes
    overlaps = [_iou(np.asarray(found.box) * 100, box) for box in boxes]
    assert sum(overlap > 0.3 for overlap in overlaps) == 3


def _iou(one, other):
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    common = max(width, 0) * max(height, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return common / (sum(areas) - common)
