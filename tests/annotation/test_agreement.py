import math
from itertools import combinations

import numpy as np
import pytest

from stgr.annotation import click_distances, click_spreads, fleiss_kappa

NONE = (np.nan, np.nan)


def test_distance_is_the_mean_over_pairs_of_those_who_clicked():
    clicks = np.array([
        [(0, 0), (3, 4), (3, 0)],  # 5, 3 and 4
        [(0, 0), NONE, (0, 10)],  # 10
        [(7, 7), NONE, NONE],
    ])  # fmt: skip

    assert click_distances(clicks).tolist() == pytest.approx([4, 10, np.nan], nan_ok=True)


def test_distance_equals_a_loop():
    clicks = np.random.default_rng(0).uniform(0, 100, (4, 5, 2))

    expected = [np.mean([math.dist(a, b) for a, b in combinations(frame, 2)]) for frame in clicks]
    assert click_distances(clicks).tolist() == pytest.approx(expected)


def test_spread_is_the_mean_distance_to_the_mean_click():
    mean, spread = click_spreads(
        np.array([[(0, 0), (6, 8), NONE], [(1, 2), NONE, NONE], [NONE] * 3])
    )

    assert mean[:2].tolist() == [[3, 4], [1, 2]]
    assert spread[:2].tolist() == [5, 0]
    assert np.isnan(mean[2]).all()
    assert np.isnan(spread[2])


def test_kappa_by_hand():
    # Three annotators, four frames: 3, 2, 1 and 0 of them clicked. Pairs that agree: 1, 1/3, 1/3
    # and 1, mean 2/3. Half of all answers are clicks: chance 1/4 + 1/4. (2/3 - 1/2) / (1/2) = 1/3.
    votes = np.array([[1, 1, 1], [1, 1, 0], [0, 1, 0], [0, 0, 0]])

    assert fleiss_kappa(votes) == pytest.approx(1 / 3)
    assert fleiss_kappa(votes.astype(bool)) == pytest.approx(1 / 3)


def test_kappa_with_three_answers_by_hand():
    # Two annotators, three frames: 00, 11, 02. Agreement 2/3; shares 3/6, 2/6, 1/6: chance 14/36.
    assert fleiss_kappa(np.array([[0, 0], [1, 1], [0, 2]])) == pytest.approx(
        (2 / 3 - 14 / 36) / (22 / 36)
    )


def test_kappa_of_full_agreement_is_one_and_of_a_single_answer_undefined():
    assert fleiss_kappa(np.array([[0, 0], [1, 1]])) == 1
    assert math.isnan(fleiss_kappa(np.ones((3, 5), int)))


def test_kappa_of_votes_at_random_is_about_zero():
    votes = np.random.default_rng(0).integers(0, 2, (20_000, 5))

    assert abs(fleiss_kappa(votes)) < 0.01


@pytest.mark.parametrize(
    'votes', [np.zeros((0, 5), int), np.zeros((3, 1), int), np.full((2, 2), -1)]
)
def test_votes_that_cannot_agree_are_refused(votes):
    with pytest.raises(ValueError, match='votes'):
        fleiss_kappa(votes)
