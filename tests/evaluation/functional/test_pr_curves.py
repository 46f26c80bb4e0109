import math

import numpy as np
import pytest

from stgr.evaluation.functional import (
    precision_recall_per_class,
    precision_recall_pooled,
    score_video_map,
)


def test_curve_of_each_class_by_hand(make_facts):
    # class a: truth in v and w, found in v (score .9) and falsely in x (.5): ranks right, wrong
    v = make_facts('aab', 'aa-', scores=[0.9, 0.9, 0], video_id='v')
    w = make_facts('aab', '---', video_id='w')
    x = make_facts('--', 'ac', scores=[0.5, 0.4], video_id='x')
    a, b = precision_recall_per_class([v, w, x])
    assert (a.name, a.num_truths) == ('a', 2)
    assert a.recall.tolist() == [0.5, 0.5]
    assert a.precision.tolist() == [1, 0.5]
    assert a.average_precision == 0.5
    assert (b.name, len(b.recall), b.average_precision) == ('b', 0, 0)
    pooled = precision_recall_pooled([v, w, x])
    assert pooled.recall == pytest.approx([1 / 4] * 3)  # of two tubes of a and two of b
    assert pooled.precision == pytest.approx([1, 1 / 2, 1 / 3])  # c, without truth, counts


def test_the_mean_over_classes_is_the_map(make_facts):
    generator = np.random.default_rng(1)
    videos = [
        make_facts(
            generator.choice(list('abc-'), 12),
            generator.choice(list('abc-'), 12),
            scores=generator.random(12),
            video_id=str(i),
        )
        for i in range(9)
    ]
    aps = [one.average_precision for one in precision_recall_per_class(videos, threshold=0.2)]
    assert np.mean(aps) == pytest.approx(score_video_map(videos)['mAP@0.2'])
    assert 0 < np.mean(aps) < 1


def test_no_action_has_no_curve(make_facts):
    silent = [make_facts('--', 'a-')]
    assert precision_recall_per_class(silent) == []
    pooled = precision_recall_pooled(silent)
    assert (pooled.num_truths, pooled.precision.tolist()) == (0, [0])
    assert math.isnan(pooled.average_precision)
    assert len(precision_recall_pooled([]).recall) == 0
