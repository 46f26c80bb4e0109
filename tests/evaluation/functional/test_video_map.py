from itertools import pairwise

import numpy as np
import pytest

from stgr.evaluation.functional import (
    BoxPlaces,
    TubeSettings,
    score_frame_map,
    score_video_map,
    tube_outcomes,
    tube_overlap,
)
from stgr.evaluation.functional.tubes import predicted_tubes, true_tubes


def _boxes_of_width(widths):
    """Boxes inside the 10x10 truth at (10, 10): IoU of a frame = width / 10."""
    boxes = np.array([[10, 10, 10 + w, 20] for w in widths], float)
    return BoxPlaces(boxes[:, :2], boxes)


def test_the_truth_as_prediction_scores_exactly_one(make_facts):
    got = score_video_map([make_facts('aa-bb-a', 'aa-bb-a')])
    assert [got[f'mAP@{t}'] for t in (0.1, 0.2, 0.3, 0.4, 0.5)] == [1.0] * 5
    assert got['mAP@0.1:0.5'] == 1.0
    assert (got['num_det'], got['num_gt'], got['num_classes']) == (2, 2, 2)


def test_an_overlap_exactly_at_the_threshold_is_a_miss_unless_asked(make_facts):
    facts = make_facts('aa', 'aa', pred_places=_boxes_of_width([3, 3]))
    assert score_video_map([facts])['mAP@0.3'] == 0
    assert score_video_map([facts])['mAP@0.2'] == 1
    assert score_video_map([facts], TubeSettings(strict=False))['mAP@0.3'] == 1
    assert score_video_map([facts])['hit_micro@0.3'] == 0


def test_a_false_positive_of_a_pool_label_costs_only_where_the_class_has_truth(make_facts):
    one = make_facts('a-', 'ac', scores=[1, 9])
    got = score_video_map([one])
    assert (got['mAP@0.5'], got['num_det'], got['num_classes']) == (1.0, 2, 1)
    other = make_facts('c', 'c', scores=[1], video_id='w')
    got = score_video_map([one, other])  # now c has truth, and the false tube ranks first
    assert got['mAP@0.5'] == pytest.approx((1 + 1 / 2) / 2)


def test_a_class_never_predicted_counts_as_zero(make_facts):
    assert score_video_map([make_facts('ab', 'a-')])['mAP@0.1'] == 0.5


def test_equal_scores_keep_the_order_of_videos(make_facts):
    wrong = make_facts('-b', 'a-', video_id='w')
    right = make_facts('a', 'a')
    found = score_video_map([right, wrong])['mAP@0.5']
    assert found == pytest.approx((1 + 0) / 2)
    assert score_video_map([wrong, right])['mAP@0.5'] == pytest.approx((1 / 2 + 0) / 2)


def test_the_score_of_a_tube_is_the_mean_over_its_frames(make_facts):
    right = make_facts('aa', 'aa', scores=[0.9, 0.5])  # mean 0.7, peak 0.9
    wrong = make_facts('--', 'aa', scores=[0.75, 0.75], video_id='w')
    assert score_video_map([right, wrong])['mAP@0.5'] == 0.5


def test_two_predictions_and_two_truths_of_one_class_by_hand(make_facts):
    # truths: frames 0-5 and 9; predictions: 0-2 (score 9), 4-6 (score 5), 9 (score 1)
    facts = make_facts('aaaaaa---a', 'aaa-aaa--a', scores=[9, 9, 9, 0, 5, 5, 5, 0, 0, 1])
    got = score_video_map([facts], TubeSettings('instance'))
    # at 0.1 the second finds its truth taken: true, false, true, in this order
    assert got['mAP@0.1'] == pytest.approx((1 + 2 / 3) / 2)
    # its overlap is 2/7 = 0.286; the first's is 3/6, which 0.4 passes and 0.5 does not
    assert got['mAP@0.4'] == pytest.approx((1 + 2 / 3) / 2)
    assert got['mAP@0.5'] == pytest.approx((1 / 3) / 2)
    assert got['hit_micro@0.4'] == 1
    assert got['hit_micro@0.5'] == 0.5


@pytest.mark.parametrize(('match', 'wanted'), [('best_gt', 1 / 2), ('best_free', 1.0)])
def test_free_matching_takes_the_second_best_truth(make_facts, match, wanted):
    # one joined prediction covers both truths best at the first; two predictions, two truths
    facts = make_facts(
        'aaaabbaa',
        'aaaabbaa',
        gt_instances=np.array([0, 0, 1, 1, 2, 2, 0, 1]),
        scores=[3, 3, 3, 3, 1, 1, 2, 2],
    )
    # predictions: 0-3 and 6-7; truths {0, 1, 6} and {2, 3, 7}: both overlap the first best (ties)
    got = score_video_map([facts], TubeSettings('instance', match=match))
    assert got['mAP@0.2'] == pytest.approx((wanted + 1) / 2)


def test_two_gap_joined_runs_are_one_detection(make_facts):
    facts = make_facts('aaa', 'a-a')
    assert score_video_map([facts], TubeSettings('instance', gap=0))['num_det'] == 2
    joined = score_video_map([facts], TubeSettings('instance', gap=1))
    assert joined['num_det'] == 1
    assert joined['mAP@0.5'] == 1  # overlap 2/3


def test_wide_tubes_are_split_by_the_mean_area_of_their_boxes(make_facts):
    boxes = np.array([[0, 0, 30, 100], [0, 0, 10, 10], [0, 0, 10, 10]], float)  # mean 1550 of 1628
    assert score_video_map([make_facts('aab', '---', gt_boxes_px=boxes)])['num_wide'] == 0
    boxes[1, 2] = 40  # mean 1700
    got = score_video_map([make_facts('aab', '---', gt_boxes_px=boxes)])
    assert got['num_wide'] == 1
    assert got['hit_wide@0.1'] == 0


def _slow_map(labels, pred, widths, scores, threshold):
    """Class tubes of one video, boxes of IoU width/10, straight from the definition."""
    aps = []
    for name in sorted(set(labels) - {'-'}):
        truth = [t for t, label in enumerate(labels) if label == name]
        found = [t for t, label in enumerate(pred) if label == name]
        if not found:
            aps.append(0.0)
            continue
        inter = sum(10 * widths[t] for t in found if t in truth)
        union = sum(10 * widths[t] for t in found) + 100 * len(truth) - inter
        aps.append(float(inter / union > threshold))
    return np.mean(aps)


@pytest.mark.parametrize('seed', range(5))
def test_class_tubes_of_one_video_equal_the_plain_definition(make_facts, seed):
    generator = np.random.default_rng(seed)
    labels, pred = (''.join(generator.choice(list('ab-'), 30)) for _ in range(2))
    widths, scores = generator.integers(1, 11, 30), generator.random(30)
    facts = make_facts(labels, pred, scores=scores, pred_places=_boxes_of_width(widths))
    got = score_video_map([facts])
    for threshold in (0.1, 0.2, 0.3):
        wanted = _slow_map(labels, pred, widths, scores, threshold)
        assert got[f'mAP@{threshold}'] == pytest.approx(wanted)


def _slow_matches(video, settings, threshold):
    """Scores of predicted tubes and whether each finds a true one, one by one."""
    predicted = predicted_tubes(video.pred_labels, kind=settings.tube)
    truths = true_tubes(video.gt_labels, video.gt_instances, kind=settings.tube)
    frames = [
        [np.flatnonzero(t.of_frame == k) for k in range(len(t.labels))] for t in (predicted, truths)
    ]
    scores = [float(np.mean(video.pred_scores[one])) for one in frames[0]]
    found, taken = {}, set()
    for i in sorted(range(len(scores)), key=lambda i: -scores[i]):
        overlaps = {
            j: tube_overlap(frames[0][i], frames[1][j], video.pred)
            for j in range(len(truths.labels))
            if truths.labels[j] == predicted.labels[i]
            and not (settings.match == 'best_free' and j in taken)
        }
        best = max(overlaps, key=overlaps.get, default=None)
        hit = best is not None and best not in taken and overlaps[best] > threshold
        taken |= {best} if hit else set()
        found.setdefault(video.pool[predicted.labels[i]], []).append((scores[i], hit))
    return found


@pytest.mark.parametrize('match', ['best_gt', 'best_free'])
def test_matching_equals_a_loop_over_predictions_and_truths(make_facts, match):
    generator = np.random.default_rng(5)
    settings = TubeSettings('instance', match=match, thresholds=(0.1, 0.3))
    seen = 0
    for _ in range(20):
        labels, pred = (''.join(generator.choice(list('aab-'), 40)) for _ in range(2))
        facts = make_facts(
            labels,
            pred,
            gt_instances=_instances_of(labels, generator.integers(0, 3, 40)),
            scores=generator.integers(0, 4, 40) / 4,
            pred_places=_boxes_of_width(generator.integers(3, 11, 40)),
        )
        outcomes = tube_outcomes(facts, settings)
        for column, threshold in enumerate(settings.thresholds):
            for name, rows in _slow_matches(facts, settings, threshold).items():
                got = zip(outcomes[name].scores, outcomes[name].positive[:, column], strict=True)
                assert [(s, bool(hit)) for s, hit in got] == rows
                seen += sum(hit for _, hit in rows)
    assert seen > 50


def _instances_of(labels, numbers):
    """Three instances of each label, spread over its frames."""
    names = np.array(list(labels))
    return np.where(names == '-', -1, numbers + 3 * (names == 'b'))


def test_tubes_of_videos_with_other_pools_and_sizes_equal_those_one_by_one(make_facts):
    small = make_facts('ab-', 'ab-', pool='ab', video_id='v')
    large = make_facts('ba-', 'ba-', pool='ba', video_id='w', frame_size=(1000, 1000))
    alone = [score_video_map([one]) for one in (small, large)]
    both = score_video_map([small, large])
    for key in ('num_gt', 'num_det', 'num_wide'):
        assert both[key] == sum(one[key] for one in alone)
    assert both['mAP@0.5'] == 1


def test_scores_fall_with_the_threshold(make_facts):
    generator = np.random.default_rng(7)
    facts = [
        make_facts(
            ''.join(generator.choice(list('abc-'), 40)),
            ''.join(generator.choice(list('abc-'), 40)),
            scores=generator.random(40),
            pred_places=_boxes_of_width(generator.integers(1, 11, 40)),
            video_id=str(i),
        )
        for i in range(4)
    ]
    for scores in (score_video_map(facts), score_video_map(facts, TubeSettings('instance'))):
        for key in ('mAP', 'hit_class', 'hit_micro'):
            values = [scores[f'{key}@{t}'] for t in (0.1, 0.2, 0.3, 0.4, 0.5)]
            assert all(first >= second for first, second in pairwise(values))


def test_frame_map_counts_every_predicted_frame(make_facts):
    # ranks: wrong label (4), right IoU 0.9 (3), right label IoU 0.1 (2); one frame never found
    facts = make_facts(
        'aaa-', 'aa-a', scores=[3, 2, 0, 4], pred_places=_boxes_of_width([9, 1, 9, 9])
    )
    got = score_frame_map([facts])
    assert got['frame_mAP@0.3'] == pytest.approx((1 / 2) / 3)
    assert got['frame_hit_micro@0.1'] == pytest.approx(1 / 3)  # 0.1 > 0.1 is false
    assert (got['num_det'], got['num_gt']) == (3, 3)


def test_a_good_box_under_the_wrong_label_is_no_frame_hit(make_facts):
    got = score_frame_map([make_facts('ab', 'ba')])
    assert got['frame_mAP@0.1'] == 0
    assert got['frame_hit_micro@0.1'] == 0


def test_nothing_to_find_is_nan_and_places_are_required(make_facts):
    assert np.isnan(score_video_map([make_facts('--', 'a-')])['mAP@0.1'])
    assert np.isnan(score_video_map([])['mAP@0.1:0.5'])
    assert np.isnan(score_frame_map([])['frame_mAP@0.1'])
    silent = make_facts('a-', '--', pred_places=None)
    assert score_video_map([silent])['mAP@0.1'] == 0
    with pytest.raises(ValueError, match='heatmaps'):
        score_video_map([make_facts('a', 'a', pred_places=None)])


def test_unknown_settings_are_errors():
    with pytest.raises(ValueError, match='best_free'):
        TubeSettings(match='hungarian')
    with pytest.raises(ValueError, match='thresholds'):
        TubeSettings(thresholds=())
