import pytest
import torch

from stgr.models.selectors import select_top


@pytest.mark.parametrize(
    ('scores', 'mask', 'count', 'indices', 'real'),
    [
        ([0.1, 0.9, 0.5, 0.8], [1, 1, 1, 1], 2, [1, 3], [1, 1]),
        ([0.8, 0.9, 0.5, 0.7], [1, 1, 1, 1], 3, [0, 1, 3], [1, 1, 1]),
        ([0.1, 0.9, 0.5, 0.8], [1, 0, 1, 1], 2, [2, 3], [1, 1]),
        ([0.5, 0.5, 0.5, 0.5], [1, 1, 1, 1], 2, [0, 1], [1, 1]),
        ([0.1, 0.9, 0.5, 0.8], [0, 1, 0, 0], 3, [1, 1, 1], [1, 0, 0]),
        ([-3.0, -1.0], [1, 1], 4, [0, 1, 1, 1], [1, 1, 0, 0]),
        ([-3.0, 7.0], [1, 0], 1, [0], [1]),
        ([0.2, 0.4], [0, 0], 2, [0, 0], [0, 0]),
    ],
    ids=[
        'best two',
        'in time, not by score',
        'best one is padding',
        'ties: earlier first',
        'fewer real than slots',
        'fewer candidates than slots',
        'padding scores higher',
        'no real frame',
    ],
)
def test_the_best_real_frames_are_kept_in_time(scores, mask, count, indices, real):
    kept = select_top(torch.tensor([scores]), torch.tensor([mask]).bool(), count)
    assert kept.indices.tolist() == [indices]
    assert kept.mask.int().tolist() == [real]
    expected = torch.tensor(scores)[indices] * torch.tensor(real)
    torch.testing.assert_close(kept.weights[0], expected)
