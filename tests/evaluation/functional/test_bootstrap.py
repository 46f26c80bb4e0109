import numpy as np
import pytest

from stgr.evaluation.functional import bootstrap_mean, bootstrap_statistic, paired_bootstrap


def test_a_constant_difference_has_no_spread():
    values = np.random.default_rng(0).random(20)
    got = paired_bootstrap(values + 0.25, values)
    assert (got.estimate, got.low, got.high) == pytest.approx((0.25, 0.25, 0.25))
    assert (got.num_videos, got.num_dropped) == (20, 0)


def test_pairing_narrows_the_interval():
    generator = np.random.default_rng(1)
    hardness = generator.random(60)
    first = hardness + 0.05 + generator.normal(0, 0.01, 60)
    paired = paired_bootstrap(first, hardness)
    assert 0.03 < paired.low < paired.estimate < paired.high < 0.07
    alone = bootstrap_mean(first)
    assert alone.high - alone.low > 5 * (paired.high - paired.low)


def test_the_interval_of_a_mean_is_that_of_the_normal_law():
    values = np.random.default_rng(2).normal(0, 1, 400)
    got = bootstrap_mean(values)
    width = 2 * 1.96 * values.std() / 20
    assert got.high - got.low == pytest.approx(width, rel=0.08)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    generator = np.random.default_rng(3)
    inside = 0
    for seed in range(60):
        got = bootstrap_mean(generator.normal(0, 1, 50), num_resamples=200, seed=seed)
        inside += got.low <= 0 <= got.high
    assert 50 <= inside <= 60


def test_undefined_videos_are_left_out_in_pairs_and_counted():
    got = paired_bootstrap(np.array([1.0, np.nan, 3.0]), np.array([0.0, 1.0, np.nan]))
    assert (got.estimate, got.num_videos, got.num_dropped) == (1.0, 1, 2)


def test_seeds_repeat_and_differ():
    values = np.random.default_rng(4).random(10)
    assert bootstrap_mean(values, seed=1) == bootstrap_mean(values, seed=1)
    assert bootstrap_mean(values, seed=1) != bootstrap_mean(values, seed=2)


def test_any_statistic_of_chosen_videos_can_be_resampled():
    values = np.arange(101.0)
    got = bootstrap_statistic(lambda chosen: float(np.median(values[chosen])), 101)
    assert got.estimate == 50
    assert 30 < got.low < 45 < 55 < got.high < 70


def test_bad_input_is_named():
    with pytest.raises(ValueError, match='at least one video'):
        bootstrap_mean(np.array([np.nan]))
    with pytest.raises(ValueError, match='one shape'):
        paired_bootstrap(np.zeros(3), np.zeros(4))
    with pytest.raises(ValueError, match='level'):
        bootstrap_mean(np.zeros(3), level=95)
