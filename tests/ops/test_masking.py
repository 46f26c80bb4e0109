"""Padding gets no weight, and rows of nothing but padding are defined."""

import torch

from stgr.ops.masking import at_least_float32, fill_empty, masked_softmax, mean_weights

MASK = torch.tensor([[True, True, False], [False, False, False], [False, True, False]])


def test_mean_weights_are_even_over_real_items_and_zero_without_any():
    expected = [[0.5, 0.5, 0], [0, 0, 0], [0, 1, 0]]

    torch.testing.assert_close(mean_weights(MASK, torch.float32), torch.tensor(expected))


def test_only_empty_rows_are_filled():
    expected = [[True, True, False], [True, True, True], [False, True, False]]

    assert fill_empty(MASK).tolist() == expected


def test_masked_softmax_gives_padding_exactly_zero():
    scores = torch.tensor([[0.0, 0.0, 50.0], [1.0, 1.0, 1.0], [-3.0, -9.0, 4.0]])

    weights = masked_softmax(scores, fill_empty(MASK), dim=-1)

    third = 1 / 3
    expected = torch.tensor([[0.5, 0.5, 0], [third, third, third], [0, 1, 0]])
    torch.testing.assert_close(weights, expected)
    assert weights[0, 2] == 0


def test_half_precision_is_raised_and_double_precision_kept():
    kept = [
        at_least_float32(torch.zeros(1, dtype=dtype)).dtype
        for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64)
    ]

    assert kept == [torch.float32, torch.float32, torch.float32, torch.float64]
