"""Thresholds by hand, and against every candidate tried in plain loops."""

import numpy as np
import pytest

from stgr.evaluation.functional.thresholds import choose_pool_threshold, choose_query_threshold


def iou_by_hand(truth, guess):
    both = sum(t and g for t, g in zip(truth, guess, strict=True))
    either = sum(t or g for t, g in zip(truth, guess, strict=True))
    return both / either if either else 1.0


def pool_quality(threshold, similarities, labels):
    """Temporal IoU per class of a video, averaged over its classes, then over videos."""
    videos = []
    for similarity, truth in zip(similarities, labels, strict=True):
        guesses = [
            int(np.argmax(frame)) if max(frame) >= threshold else -1 for frame in similarity.T
        ]
        classes = sorted({c for c in truth.tolist() if c >= 0})
        ious = [iou_by_hand(truth == c, [g == c for g in guesses]) for c in classes]
        videos += [sum(ious) / len(ious)] if ious else []
    return sum(videos) / len(videos)


@pytest.fixture
def random_videos():
    rng = np.random.default_rng(3)
    similarities = [rng.uniform(-1, 1, (3, 9)).astype(np.float32) for _ in range(4)]
    labels = [rng.integers(-1, 3, 9) for _ in range(4)]
    labels[3][:] = -1  # a video without actions
    return similarities, labels


def test_pool_threshold_separates_action_from_background():
    similarity = np.array([[0.2, 0.4, 0.6, 0.8]])

    threshold, iou = choose_pool_threshold([similarity], [np.array([-1, -1, 0, 0])])

    assert 0.4 < threshold <= 0.6
    assert iou == 1


def test_pool_threshold_is_the_best_of_all_scores_and_its_quality_is_right(random_videos):
    similarities, labels = random_videos

    threshold, iou = choose_pool_threshold(similarities, labels)

    assert iou == pytest.approx(pool_quality(threshold, similarities, labels))
    scores = np.concatenate([similarity.max(axis=0) for similarity in similarities])
    assert iou >= max(pool_quality(s, similarities, labels) for s in scores) - 1e-12


def test_wrong_label_does_not_count_as_found():
    similarity = np.array([[0.9, 0.1], [0.1, 0.9]])

    _, iou = choose_pool_threshold([similarity], [np.array([1, 1])])

    assert iou == 0.5  # the second frame alone


def test_of_equally_good_thresholds_the_lowest_is_taken():
    threshold, iou = choose_pool_threshold([np.array([[0.3, 0.5]])], [np.array([0, 0])])

    assert (threshold, iou) == (0.3, 1)


def test_pool_threshold_needs_an_action():
    with pytest.raises(ValueError, match='validation videos with actions, but there are none'):
        choose_pool_threshold([np.ones((1, 2))], [np.array([-1, -1])])


def test_query_threshold_must_reject_what_does_not_happen():
    similarity = np.array([[0.1, 0.9, 0.8], [0.5, 0.4, 0.3]])
    happens = np.array([[False, True, True], [False] * 3])

    threshold, score = choose_query_threshold([similarity], [happens])

    assert 0.5 < threshold <= 0.8
    assert score == 1


def test_present_and_absent_queries_weigh_the_same():
    # One query happens, two do not, and no threshold serves all: accepting the first costs both
    # rejections (1 + 0) / 2, rejecting everything else is worth (1/2 + 1) / 2.
    similarity = np.array([[0.6, 0.95], [0.9, 0.7], [0.8, 0.7]])
    happens = np.array([[True, True], [False] * 2, [False] * 2])

    threshold, score = choose_query_threshold([similarity], [happens])

    assert 0.9 < threshold <= 0.95
    assert score == 0.75


def test_absent_query_counts_as_found_at_exactly_the_threshold():
    similarity = np.array([[0.7, 0.7], [0.7, 0.1]])
    happens = np.array([[True, True], [False, False]])

    _, score = choose_query_threshold([similarity], [happens])

    assert score == 0.75  # one of two frames of the absent query is accepted


@pytest.mark.parametrize(
    ('happens', 'counts'), [([[True], [True]], '2 and 0'), ([[False], [False]], '0 and 2')]
)
def test_query_threshold_needs_queries_of_both_kinds(happens, counts):
    with pytest.raises(ValueError, match=f'got {counts}'):
        choose_query_threshold([np.array([[0.1], [0.2]])], [np.array(happens)])
