"""Offsets of columns: none where nothing is asked, Sinkhorn's where all is."""

import math

import pytest
import torch

from stgr.ops.relaxed_transport import column_offsets
from stgr.ops.sinkhorn import sinkhorn

SHARES = torch.tensor([0.2, 0.3, 0.5])


def plan_of(gain, offsets, epsilon):
    return ((gain + offsets) / epsilon).softmax(dim=1) / len(gain)


def test_without_strength_frames_choose_for_themselves():
    offsets = column_offsets(torch.randn(7, 3), SHARES, epsilon=0.1, strength=0.0)

    assert offsets.tolist() == [0, 0, 0]


@pytest.mark.parametrize('iterations', [1, 3, 30])
def test_full_strength_is_the_plan_of_sinkhorn(iterations):
    gain = torch.randn(9, 3, dtype=torch.float64)

    offsets = column_offsets(gain, SHARES, epsilon=0.5, strength=1.0, iterations=iterations)

    marginal = SHARES[None]
    expected = sinkhorn(gain[None], column_marginal=marginal, epsilon=0.5, iterations=iterations)
    torch.testing.assert_close(plan_of(gain, offsets, 0.5), expected.plan[0])


def test_one_round_of_half_strength_by_hand():
    # Two frames that like the first column by 0 and the second by log 3: kernel sums 2 and 6.
    gain = torch.tensor([[0.0, math.log(3)]] * 2, dtype=torch.float64)

    offsets = column_offsets(
        gain, torch.tensor([0.5, 0.5]), epsilon=1.0, strength=0.5, iterations=1
    )

    expected = [0.5 * math.log(0.5 / 2), 0.5 * math.log(0.5 / 6)]
    torch.testing.assert_close(offsets, torch.tensor(expected, dtype=torch.float64))


def test_more_strength_brings_shares_nearer():
    gain = torch.randn(50, 3, dtype=torch.float64) + torch.tensor([1.0, 0.0, 0.0])

    def distance(strength):
        offsets = column_offsets(gain, SHARES, epsilon=0.2, strength=strength, iterations=200)
        return float((plan_of(gain, offsets, 0.2).sum(dim=0) - SHARES).abs().sum())

    distances = [distance(strength) for strength in (0.0, 0.3, 0.7, 1.0)]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 1e-6


def test_no_frame_asks_for_no_offset():
    assert column_offsets(torch.zeros(0, 3), SHARES, epsilon=0.1, strength=0.5).tolist() == [0] * 3


@pytest.mark.parametrize(
    'wrong', [{'epsilon': 0}, {'strength': 1.1}, {'iterations': 0}, {'shares': torch.ones(2)}]
)
def test_wrong_input_is_refused(wrong):
    given = {'shares': SHARES, 'epsilon': 0.1, 'strength': 0.5} | wrong
    with pytest.raises(ValueError, match='must be'):
        column_offsets(torch.zeros(4, 3), **given)


def test_a_share_of_nothing_is_refused():
    with pytest.raises(ValueError, match='shares must be > 0'):
        column_offsets(torch.zeros(4, 2), torch.tensor([1.0, 0.0]), epsilon=0.1, strength=0.5)
