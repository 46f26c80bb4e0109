"""Rollout heat maps: values by hand and what padding must not do.

Equality with the plain (R, R) rollout is tested with the head, in ``tests/models/heads``.
"""

import torch

from stgr.ops.attention_stack import AttentionWeights
from stgr.ops.cross_attention import CrossSelfCross
from stgr.ops.heatmap import roll_out


def make_stack(dim, *, scale=1.0):
    stream = torch.Generator().manual_seed(3)
    shapes = (3 * dim, dim), (3 * dim,), (dim, dim), (dim,)
    weights = [
        AttentionWeights(*(torch.randn(shape, generator=stream) for shape in shapes))
        for _ in range(2)
    ]
    return CrossSelfCross(*weights, scale=scale, residual=True)


def heat_of(video, words, *, region_mask=None, word_mask=None, scale=1.0):
    stack = make_stack(video.shape[-1], scale=scale)
    return roll_out(video, words, region_mask=region_mask, word_mask=word_mask, stack=stack)


def test_one_word_sees_regions_by_the_softmax_of_its_scores():
    # Whatever the self-attentions do, all word weights are 1.
    video = torch.tensor([[[0.0], [1.0], [2.0]]])

    heat = heat_of(video, torch.tensor([[[[2.0]]]]), scale=0.5)

    torch.testing.assert_close(heat[0, 0], torch.tensor([0.0, 1.0, 2.0]).softmax(0))


def test_word_without_preference_spreads_evenly_over_real_regions():
    video = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0))
    region_mask = torch.tensor([[True, True, True, True], [True, False, True, False]])

    heat = heat_of(video, torch.zeros(1, 1, 2, 3), region_mask=region_mask)

    torch.testing.assert_close(heat[0, 0], torch.full((4,), 0.25))
    torch.testing.assert_close(heat[1, 0], torch.tensor([0.5, 0, 0.5, 0]))


def test_heat_is_a_distribution_over_the_real_regions_of_each_window():
    stream = torch.Generator().manual_seed(0)
    video, words = torch.randn(3, 6, 4, generator=stream), torch.randn(1, 2, 5, 4, generator=stream)
    region_mask = torch.arange(6) < torch.tensor([6, 1, 0])[:, None]
    word_mask = torch.tensor([[[True] * 5, [True, False, False, True, False]]])

    heat = heat_of(video, words, region_mask=region_mask, word_mask=word_mask)

    assert (heat >= 0).all()
    expected = torch.tensor([[1.0, 1], [1, 1], [0, 0]])  # the last window has no real region
    torch.testing.assert_close(heat.sum(-1), expected)
    assert (heat.masked_select(~region_mask[:, None]) == 0).all()


def test_padded_words_do_not_move_the_heat():
    stream = torch.Generator().manual_seed(0)
    video, words = torch.randn(1, 6, 4, generator=stream), torch.randn(1, 1, 5, 4, generator=stream)
    word_mask = torch.tensor([[[True, True, False, False, True]]])

    padded = heat_of(video, words, word_mask=word_mask)

    kept = words[:, :, [0, 1, 4]]
    torch.testing.assert_close(padded, heat_of(video, kept))


def test_heat_is_float32_also_under_autocast():
    stream = torch.Generator().manual_seed(0)
    video, words = torch.randn(1, 6, 4, generator=stream), torch.randn(1, 1, 5, 4, generator=stream)
    expected = heat_of(video.bfloat16().float(), words.bfloat16().float())

    with torch.autocast('cpu', dtype=torch.bfloat16):
        heat = heat_of(video.bfloat16(), words.bfloat16())

    assert heat.dtype == torch.float32
    torch.testing.assert_close(heat, expected)
