"""Cosines of sets of vectors, alone and in batches."""

import pytest
import torch

from stgr.ops.cosine import cosine_matrix


def test_cosines_by_hand_and_zero_for_a_vector_of_zeros():
    rows = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    columns = torch.tensor([[2.0, 0.0], [0.0, 9.0], [-6.0, -8.0]])

    torch.testing.assert_close(
        cosine_matrix(rows, columns), torch.tensor([[0.6, 0.8, -1.0], [0.0, 0.0, 0.0]])
    )


def test_a_batch_is_its_problems_one_by_one():
    rows, columns = torch.randn(2, 3, 5, 8), torch.randn(2, 3, 4, 8)

    cosines = cosine_matrix(rows, columns)

    assert cosines.shape == (2, 3, 5, 4)
    for i, j in ((0, 0), (1, 2)):
        torch.testing.assert_close(cosines[i, j], cosine_matrix(rows[i, j], columns[i, j]))


def test_one_set_of_columns_serves_a_batch_of_rows():
    rows, columns = torch.randn(2, 5, 8), torch.randn(4, 8)

    assert cosine_matrix(rows, columns).shape == (2, 5, 4)


@pytest.mark.parametrize(
    ('given', 'expected'),
    [(torch.bfloat16, torch.float32), (torch.float32, torch.float32), (torch.double, torch.double)],
)
def test_cosines_are_at_least_float32_also_under_autocast(given, expected):
    rows, columns = torch.randn(1, 5, 8).to(given), torch.randn(1, 4, 8).to(given)

    with torch.autocast('cpu', dtype=torch.bfloat16):
        cosines = cosine_matrix(rows, columns)

    assert cosines.dtype == expected
    torch.testing.assert_close(cosines, cosine_matrix(rows.to(expected), columns.to(expected)))
