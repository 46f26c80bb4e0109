import pytest
import torch

from stgr.structures.frame_selection import FrameSelection


def selection(indices, mask):
    mask = torch.tensor(mask)
    return FrameSelection(torch.tensor(indices), mask, mask.float())


def test_take_returns_the_values_of_the_kept_frames_with_gradient():
    values = torch.arange(12.0).view(2, 3, 2).requires_grad_()
    taken = selection([[0, 2], [1, 1]], [[True, True], [True, False]]).take(values)
    assert taken.tolist() == [[[0, 1], [4, 5]], [[8, 9], [8, 9]]]
    taken.sum().backward()
    assert values.grad[:, :, 0].tolist() == [[1, 0, 1], [0, 2, 0]]


@pytest.mark.parametrize(
    ('indices', 'mask'),
    [
        ([[2, 1]], [[True, True]]),
        ([[1, 1]], [[True, True]]),
        ([[0, 1]], [[False, True]]),
        ([[3, 4]], [[True, False]]),
        ([[-1, 0]], [[True, True]]),
    ],
    ids=['descending', 'twice the same', 'padding first', 'padding elsewhere', 'negative'],
)
def test_a_wrong_order_is_refused(indices, mask):
    with pytest.raises(ValueError, match='ascend strictly'):
        selection(indices, mask)


def test_no_real_frame_is_a_selection_without_frames():
    assert not selection([[0, 0]], [[False, False]]).mask.any()


def test_wrong_shapes_and_dtypes_are_named():
    indices, mask = torch.zeros(1, 2, dtype=torch.int64), torch.zeros(1, 2, dtype=torch.bool)
    with pytest.raises(ValueError, match=r'must all be \(B, T\), but got .*\(1, 3\)'):
        FrameSelection(indices, mask, torch.zeros(1, 3))
    with pytest.raises(ValueError, match='must be int64 and mask bool, but got'):
        FrameSelection(indices.int(), mask, torch.zeros(1, 2))
