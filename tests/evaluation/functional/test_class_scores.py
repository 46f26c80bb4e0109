import math

import numpy as np
import pytest

from stgr.evaluation.functional import (
    add_counts,
    count_classes,
    count_frames,
    score_each_class,
    score_iou_point,
)


def test_scores_of_each_class_by_hand(make_facts):
    # a: G 3, P 2, both 2, pointed 1; b: G 1, P 2, both 1; c: never; d: predicted once only
    facts = make_facts('aaab---', 'aa-bb-d', pool='abcd', hit=[1, 0, 1, 1, 1, 1, 1])
    a, b, d = score_each_class([facts])
    assert (a.name, a.num_frames, a.num_predicted) == ('a', 3, 2)
    assert (a.recall, a.precision, a.iou) == pytest.approx((2 / 3, 1, 2 / 3))
    assert a.iou_point == pytest.approx(1 / 3)
    assert (b.recall, b.precision, b.iou_point) == pytest.approx((1, 1 / 2, 1 / 2))
    assert (d.name, d.precision) == ('d', 0)
    assert math.isnan(d.recall)
    assert math.isnan(d.iou)


def test_the_mean_over_classes_is_the_score_of_the_data_set(make_facts):
    generator = np.random.default_rng(3)
    videos = [
        make_facts(
            generator.choice(list('abc-'), 40),
            generator.choice(list('abc-'), 40),
            hit=generator.integers(0, 2, 40),
            pool=pool,
            video_id=pool,
        )
        for pool in ('abc', 'cab')
    ]
    mean = np.mean([one.iou_point for one in score_each_class(videos)])
    scores = score_iou_point(videos)
    assert mean == pytest.approx(scores['iou_point_dataset_class'])


def test_all_frames_are_counted_background_too(make_facts):
    assert count_frames(make_facts('aab--', 'ab--a', pool='ab')) == {
        'frames': 5,
        'right_frames': 2,
        'background_frames': 2,
        'right_background': 1,
    }


def test_without_places_only_the_point_is_undefined(make_facts):
    (only,) = score_each_class([make_facts('a', 'a', pred_places=None)])
    assert only.iou == 1
    assert math.isnan(only.iou_point)
    assert score_each_class([]) == []


def test_a_class_predicted_where_it_is_not_costs_precision_only(make_facts):
    # a: right in the first video, called twice in the second, which has b alone
    videos = [make_facts('aa', 'aa', video_id='v'), make_facts('bb', 'aa', video_id='w')]

    a, b = score_each_class(videos)

    assert (a.num_predicted, a.precision, a.recall, a.iou) == (4, 0.5, 1, 1)
    assert (b.recall, b.iou) == (0, 0)
    assert score_iou_point(videos)['iou_point_dataset_class'] == (a.iou_point + b.iou_point) / 2
    assert add_counts([count_classes(video) for video in videos])['a']['videos'] == 1
