"""The selectors that do not look at the narration: uniform, random and all frames."""

import pytest
import torch

from stgr.models.selectors import AllFrames, RandomSelector, UniformSelector
from stgr.structures.features import TextFeatures, VideoFeatures


def select(selector, frame_mask, generator=None):
    frame_mask = torch.tensor(frame_mask, dtype=torch.bool)
    batch, frames = frame_mask.shape
    word_mask = torch.ones(batch, 2, dtype=torch.bool)
    video = VideoFeatures(torch.zeros(batch, frames, 3), None, frame_mask, (1, 1))
    text = TextFeatures(torch.zeros(batch, 3), torch.zeros(batch, 2, 3), word_mask)
    return selector(video, text, generator)


@pytest.mark.parametrize(
    ('mask', 'count', 'expected'),
    [
        ([1] * 8, 2, [2, 6]),
        ([1] * 9, 3, [1, 4, 7]),
        ([1] * 5, 5, [0, 1, 2, 3, 4]),
        ([1] * 5, 4, [0, 1, 3, 4]),
        ([0, 0, 1, 1, 1, 1, 0, 0], 2, [3, 5]),
        ([1, 0, 1, 0, 1, 0, 1, 0], 2, [2, 6]),
        ([1] * 7, 1, [3]),
    ],
    ids=['halves', 'thirds', 'all', 'uneven', 'padded at both ends', 'holes', 'middle'],
)
def test_uniform_frames_are_the_middles_of_equal_parts(mask, count, expected):
    assert select(UniformSelector(count), [mask]).indices.tolist() == [expected]


def test_random_frames_differ_between_draws_and_repeat_with_a_seed():
    selector = RandomSelector(4).train()
    draws = [
        select(selector, [[1] * 40], torch.Generator().manual_seed(seed)).indices.tolist()
        for seed in (0, 0, 1)
    ]
    assert draws[0] == draws[1] != draws[2]


def test_every_real_frame_is_drawn_equally_often():
    mask = [[1, 1, 0, 1, 1, 1]] * 4000
    kept = select(RandomSelector(2).train(), mask, torch.Generator().manual_seed(0))
    share = torch.bincount(kept.indices.flatten(), minlength=6) / 4000
    torch.testing.assert_close(share, torch.tensor([0.4, 0.4, 0, 0.4, 0.4, 0.4]), atol=0.03, rtol=0)


def test_random_without_a_generator_follows_the_global_seed():
    selector = RandomSelector(4).train()
    torch.manual_seed(5)
    first = select(selector, [[1] * 40]).indices
    torch.manual_seed(5)
    assert torch.equal(select(selector, [[1] * 40]).indices, first)


def test_random_selection_in_evaluation_is_the_uniform_one():
    mask = [[1] * 10, [1] * 7 + [0] * 3]
    random, uniform = (select(kind(3).eval(), mask) for kind in (RandomSelector, UniformSelector))
    assert torch.equal(random.indices, uniform.indices)


def test_all_frames_keeps_every_real_frame():
    kept = select(AllFrames(), [[1, 1, 1, 1], [0, 1, 0, 1]])
    assert kept.indices.tolist() == [[0, 1, 2, 3], [1, 3, 3, 3]]
    assert kept.mask.tolist() == [[True] * 4, [True, True, False, False]]


@pytest.mark.parametrize('kind', [UniformSelector, RandomSelector])
def test_a_count_below_one_is_refused(kind):
    with pytest.raises(ValueError, match='count must be >= 1, but got 0'):
        kind(0)
