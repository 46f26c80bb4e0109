"""Smoothing over time is a weighted mean of the neighbours that are there."""

import math

import pytest
import torch

from stgr.ops.smoothing import smooth_over_time


def test_two_frames_a_second_apart_by_hand():
    weight = math.exp(-0.5)

    smooth = smooth_over_time(torch.tensor([[1.0, 0.0]]), torch.tensor([0.0, 1.0]), 1.0)

    expected = torch.tensor([[1 / (1 + weight), weight / (1 + weight)]])
    torch.testing.assert_close(smooth, expected)


def test_uneven_times_are_those_of_the_slow_formula():
    generator = torch.Generator().manual_seed(0)
    times = torch.rand(40, generator=generator, dtype=torch.float64).mul(30).sort().values
    scores = torch.randn(3, 40, generator=generator, dtype=torch.float64)

    smooth = smooth_over_time(scores, times, 0.8)

    between = times[:, None] - times[None]
    weights = torch.exp(-0.5 * (between / 0.8) ** 2) * (between.abs() <= 2.4)
    expected = scores @ weights.T / weights.sum(dim=1)
    torch.testing.assert_close(smooth, expected)


@pytest.mark.parametrize(('frames', 'sigma'), [(5, 0.0), (1, 2.0), (0, 2.0)])
def test_nothing_to_smooth_stays_as_it_is(frames, sigma):
    scores = torch.randn(2, frames)

    assert smooth_over_time(scores, torch.arange(float(frames)), sigma).equal(scores)


def test_constant_stays_itself_across_a_gap():
    scores = torch.full((1, 6), 0.25)

    smooth = smooth_over_time(scores, torch.tensor([0.0, 1, 2, 50, 51, 52]), 2.0)

    torch.testing.assert_close(smooth, scores)


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match=r'\(Q, F\)'):
        smooth_over_time(torch.zeros(2, 3), torch.zeros(4), 1.0)
    with pytest.raises(ValueError, match='sigma_sec'):
        smooth_over_time(torch.zeros(2, 3), torch.arange(3.0), -1.0)
