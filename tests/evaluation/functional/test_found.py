"""Found or not found, by hand and against a count of all pairs."""

import numpy as np
import pytest

from stgr.evaluation.functional import (
    balanced_weights,
    bin_equal_mass,
    choose_min_score,
    score_found,
)

P = np.asarray([0.9, 0.7, 0.7, 0.2])
HAPPENS = np.asarray([True, False, True, False])


def test_four_questions_by_hand():
    found = score_found(P, HAPPENS, num_bins=4)

    assert found['auroc'] == pytest.approx((2 + 1.5) / 4)  # 0.9 beats both, 0.7 beats 0.2, ties 0.7
    assert found['ap'] == pytest.approx((1 + 2 / 3) / 2)  # the tie is one step
    assert found['brier'] == pytest.approx((0.01 + 0.49 + 0.09 + 0.04) / 4)
    assert found['log_loss'] == pytest.approx(-np.log([0.9, 0.3, 0.7, 0.8]).mean())
    # Bins 0.2 | 0.7, 0.7 | 0.9: errors 0.2, 0.2 and 0.1, of one, two and one question.
    assert found['ece'] == pytest.approx((0.2 + 2 * 0.2 + 0.1) / 4)


def test_auroc_is_the_share_of_pairs_in_order():
    generator = np.random.default_rng(0)
    values, happens = generator.integers(0, 6, 40) / 5, generator.random(40) < 0.4
    weights = generator.integers(1, 4, 40).astype(float)

    right = total = 0.0
    for i in np.flatnonzero(happens):
        for j in np.flatnonzero(~happens):
            total += weights[i] * weights[j]
            right += (
                weights[i] * weights[j] * ((values[i] > values[j]) + (values[i] == values[j]) / 2)
            )

    found = score_found(values, happens, sample_weights=weights)
    assert found['auroc'] == pytest.approx(right / total)


def test_weight_two_is_the_question_asked_twice():
    weights = np.asarray([2.0, 1, 1, 3])
    repeated = np.repeat(np.arange(4), weights.astype(int))

    weighted = score_found(P, HAPPENS, sample_weights=weights, num_bins=3)

    assert weighted == pytest.approx(score_found(P[repeated], HAPPENS[repeated], num_bins=3))


def test_similarities_outside_zero_and_one_are_only_ranked():
    assert set(score_found(P - 1, HAPPENS)) == {'auroc', 'ap'}
    assert score_found(P - 1, HAPPENS)['auroc'] == score_found(P, HAPPENS)['auroc']


def test_scores_without_a_kind_of_question_are_undefined():
    assert np.isnan(list(score_found(P, np.ones(4, bool)).values())).all()


def test_same_answer_to_everything_is_chance_at_the_prior():
    weights = balanced_weights(np.asarray([True, False, False, False]))
    found = score_found(np.full(4, 0.5), np.asarray([1, 0, 0, 0], bool), sample_weights=weights)

    expected = {'auroc': 0.5, 'ap': 0.5, 'brier': 0.25, 'log_loss': np.log(2), 'ece': 0}
    assert found == pytest.approx(expected)


def test_halves_weigh_the_same_however_often_videos_are_drawn():
    happens = np.asarray([True, False, False, False])

    assert balanced_weights(happens).tolist() == [0.5, 1 / 6, 1 / 6, 1 / 6]
    assert balanced_weights(happens, np.asarray([3.0, 1, 0, 1])).tolist() == [0.5, 0.25, 0, 0.25]
    assert np.isnan(balanced_weights(happens, np.asarray([0.0, 1, 1, 1]))).all()


def test_bins_hold_equal_weight_and_keep_equal_probabilities_together():
    p = np.asarray([0.1, 0.2, 0.3, 0.3, 0.3, 0.9])

    found = bin_equal_mass(p, np.asarray([0, 1, 0, 1, 0, 1], bool), num_bins=3)

    assert found.counts.tolist() == [2, 3, 1]
    assert found.edges == pytest.approx([0, 0.25, 0.6, 1])
    assert found.scores == pytest.approx([0.15, 0.3, 0.9])
    assert found.accuracy == pytest.approx([0.5, 1 / 3, 1])
    assert found.error == pytest.approx((2 * 0.35 + 3 * (1 / 3 - 0.3) + 0.1) / 6)


def test_probabilities_that_come_true_as_often_as_they_say_have_no_error():
    p = np.repeat([0.25, 0.5, 0.75], 4)
    right = np.asarray([1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0], bool)

    assert bin_equal_mass(p, right, num_bins=3).error == pytest.approx(0)


@pytest.mark.parametrize(
    ('p', 'right', 'message'),
    [([], [], 'at least one'), ([1.2], [True], 'from 0 to 1'), ([0.5], [True, False], 'as many')],
)
def test_what_cannot_be_binned_is_refused(p, right, message):
    with pytest.raises(ValueError, match=message):
        bin_equal_mass(np.asarray(p), np.asarray(right, bool))


@pytest.mark.parametrize(
    ('p', 'happens', 'expected'),
    [
        ([0.1, 0.4, 0.6, 0.8], [0, 0, 1, 1], (0.5, 1.0)),  # half-way between the two kinds
        ([0.3, 0.7], [1, 1], (0.3, 1.0)),  # everything is found
        ([0.3, 0.7], [0, 0], (0.85, 1.0)),  # nothing is
        ([0.5, 0.5], [1, 0], (0.5, 0.5)),  # a tie cannot be cut; the lowest of equals
        ([0.2, 0.4, 0.6], [0, 1, 0], (0.3, 2 / 3)),
    ],
)
def test_min_score_is_the_one_most_often_right(p, happens, expected):
    assert choose_min_score(np.asarray(p), np.asarray(happens, bool)) == pytest.approx(expected)
