"""A scale and a bias are those of the greatest likelihood, and never turn the order around."""

import math

import numpy as np
import pytest

from stgr.calibration import LogisticMap, fit_logistic

ODDS_3 = math.log(3)


def loss(features, right, parameters):
    """Mean negative log likelihood of Platt's targets, row by row."""
    yes, no = int(right.sum()), int((~right).sum())
    total = 0.0
    for row, came_true in zip(features, right, strict=True):
        target = (yes + 1) / (yes + 2) if came_true else 1 / (no + 2)
        p = 1 / (1 + math.exp(-(float(row @ parameters[:-1]) + parameters[-1])))
        total -= target * math.log(p) + (1 - target) * math.log(1 - p)
    return total / len(right)


def search(function, low, high, steps=60):
    """Return the lowest place of a convex function, by thirds."""
    for _ in range(steps):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        low, high = (low, right) if function(left) < function(right) else (left, high)
    return (low + high) / 2


def test_two_levels_have_the_mean_of_their_targets():
    # Four right, four wrong: targets 5/6 and 1/6. One of four right at 0: 1/3; three at 1: 2/3.
    scores = np.asarray([0, 0, 0, 0, 1, 1, 1, 1.0])[:, None]
    found = fit_logistic(scores, np.asarray([1, 0, 0, 0, 1, 1, 1, 0], bool))

    assert found.bias == pytest.approx(-math.log(2))
    assert found.weights == pytest.approx((2 * math.log(2),))
    assert found(np.asarray([[0.0], [1.0]])) == pytest.approx([1 / 3, 2 / 3])


def test_outcomes_count_as_much_as_they_weigh():
    # Two right, two wrong: targets 3/4 and 1/4. At 0 (2 x 3/4 + 1/4) / 3, at 1 (9/4 + 1/4) / 4.
    scores, right = np.asarray([[0.0], [0], [1], [1]]), np.asarray([1, 0, 1, 0], bool)
    weights = np.asarray([2, 1, 3, 1.0])

    found = fit_logistic(scores, right, sample_weights=weights)

    assert found(scores[1:3]) == pytest.approx([7 / 12, 5 / 8])
    again = fit_logistic(scores, right, sample_weights=10 * weights)
    assert again.weights == pytest.approx(found.weights)


def test_logits_that_are_right_already_get_temperature_one_and_no_bias():
    logits = np.repeat([-ODDS_3, 0, ODDS_3], 40_000)[:, None]
    shares = [1 / 4, 1 / 2, 3 / 4]
    right = np.concatenate([np.arange(40_000) < share * 40_000 for share in shares])

    found = fit_logistic(logits, right)

    assert found.temperature == pytest.approx(1, abs=1e-3)
    assert found.bias == pytest.approx(0, abs=1e-3)
    halved = fit_logistic(2 * logits, right)  # twice too sure
    assert halved.temperature == pytest.approx(2, abs=2e-3)


@pytest.mark.parametrize('seed', [0, 1])
def test_fit_is_what_a_slow_search_finds(seed):
    generator = np.random.default_rng(seed)
    scores = generator.normal(0.5, 0.1, (24, 1))
    right = generator.random(24) < 1 / (1 + np.exp(-12 * (scores[:, 0] - 0.5)))

    found = fit_logistic(scores, right)

    def best_bias(weight):
        return search(lambda bias: loss(scores, right, np.asarray([weight, bias])), -40, 40)

    weight = search(lambda w: loss(scores, right, np.asarray([w, best_bias(w)])), -60, 60, steps=50)
    assert found.weights[0] == pytest.approx(weight, abs=1e-4)
    assert found.bias == pytest.approx(best_bias(weight), abs=1e-4)


def test_scores_that_say_the_opposite_are_not_listened_to():
    scores = np.asarray([[0.0], [0], [1], [1]])

    found = fit_logistic(scores, np.asarray([1, 1, 0, 1], bool))

    assert found.weights == (0.0,)
    assert found.temperature == math.inf
    # Three right, one wrong: targets 4/5 and 1/3.
    assert found(scores) == pytest.approx([(3 * 4 / 5 + 1 / 3) / 4] * 4)


def test_only_the_feature_that_says_the_opposite_is_left_out():
    generator = np.random.default_rng(0)
    good = generator.normal(size=200)
    right = generator.random(200) < 1 / (1 + np.exp(-good))
    bad = -good + generator.normal(size=200)  # negative weight even beside the good one
    bad -= 2 * right

    both = fit_logistic(np.column_stack([good, bad]), right)
    alone = fit_logistic(good[:, None], right)

    assert both.weights == pytest.approx((alone.weights[0], 0.0))
    assert both.bias == pytest.approx(alone.bias)


def test_higher_scores_never_become_lower_probabilities():
    generator = np.random.default_rng(3)
    scores = np.sort(generator.uniform(-1, 1, 50))[:, None]

    found = fit_logistic(scores, generator.random(50) < 0.3 + 0.4 * (scores[:, 0] > 0))

    assert found.weights[0] > 0
    assert (np.diff(found(scores)) > 0).all()


def test_separated_outcomes_do_not_make_certainties():
    scores = np.asarray([[0.1], [0.2], [0.8], [0.9]])

    found = fit_logistic(scores, np.asarray([0, 0, 1, 1], bool))

    assert np.isfinite(found.weights[0])
    assert (found(scores) > 0.1).all()  # two outcomes of a kind: targets 1/4 and 3/4
    assert (found(scores) < 0.9).all()


def test_probabilities_of_huge_logits_are_zero_and_one_without_overflow():
    with np.errstate(all='raise', under='ignore'):
        assert LogisticMap((1.0,), 0.0)(np.asarray([[-1e4], [1e4]])).tolist() == [0, 1]


def test_constant_feature_gives_the_share():
    found = fit_logistic(np.full((4, 1), 0.7), np.asarray([1, 0, 0, 0], bool))

    assert found(np.asarray([[0.7]])) == pytest.approx([(2 / 3 + 3 * 1 / 5) / 4])


@pytest.mark.parametrize(
    ('scores', 'right', 'message'),
    [
        ([[0.0], [1.0]], [True, True], 'all 2 are right'),
        ([[0.0], [1.0]], [False, False], 'all 2 are wrong'),
        ([[0.0], [np.nan]], [True, False], 'finite'),
        ([[0.0]], [True, False], r'\(1, 1\), \(2,\)'),
    ],
)
def test_what_cannot_be_fitted_is_refused(scores, right, message):
    with pytest.raises(ValueError, match=message):
        fit_logistic(np.asarray(scores), np.asarray(right))


@pytest.mark.parametrize('weights', [(), (-1.0,), (math.inf,)])
def test_map_refuses_weights_that_are_none(weights):
    with pytest.raises(ValueError, match='expected finite weights >= 0'):
        LogisticMap(weights, 0.0)
