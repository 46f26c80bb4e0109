import pytest
import torch
from torch.nn import functional as F

from stgr.models.selectors import SinkhornSelector, TopKSelector
from stgr.ops.cosine import cosine_matrix
from stgr.ops.sinkhorn import sinkhorn


def clips(seed, batch=2, frames=12, words=4, width=6):
    generator = torch.Generator().manual_seed(seed)
    return {
        'frame_embeds': torch.randn(batch, frames, width, generator=generator),
        'word_embeds': torch.randn(batch, words, width, generator=generator),
        'sentence_embeds': torch.randn(batch, width, generator=generator),
        'frame_mask': torch.ones(batch, frames, dtype=torch.bool),
        'word_mask': torch.ones(batch, words, dtype=torch.bool),
    }


def planted_clip(similar_frames, width=8):
    """Frames at right angles to all words but the planted ones: {frame: (word, cosine)}."""
    clip = clips(0, batch=1, frames=10, words=2, width=width)
    axes = torch.eye(width)
    clip['word_embeds'] = axes[None, :2]
    clip['frame_embeds'] = axes[7].repeat(1, 10, 1)
    for frame, (word, cosine) in similar_frames.items():
        clip['frame_embeds'][0, frame] = cosine * axes[word] + (1 - cosine**2) ** 0.5 * axes[7]
    return clip


def test_frames_that_show_a_word_are_kept():
    kept = SinkhornSelector(3)(**planted_clip({1: (0, 0.9), 4: (1, 0.8), 8: (0, 0.7)}))
    assert kept.indices.tolist() == [[1, 4, 8]]


def test_the_weight_is_the_mean_cosine_under_the_plan():
    clip = clips(1)
    kept = SinkhornSelector(12)(**clip)
    similarity = cosine_matrix(clip['frame_embeds'], clip['word_embeds'])
    plan = sinkhorn(similarity.double() / 0.1, epsilon=0.05, iterations=3).plan
    expected = (plan * similarity).sum(dim=2) / plan.sum(dim=2)
    torch.testing.assert_close(kept.weights, expected.float(), atol=1e-5, rtol=0)


def test_the_ranking_is_that_of_transport_weighted_similarity():
    clip = clips(2, frames=30)
    similarity = cosine_matrix(clip['frame_embeds'], clip['word_embeds']) / 0.1
    plan = sinkhorn(similarity, epsilon=0.05, iterations=3).plan
    expected = (plan * similarity).sum(dim=2).topk(5).indices.sort().values
    assert SinkhornSelector(5)(**clip).indices.tolist() == expected.tolist()


def test_a_converged_plan_keeps_the_frames_of_a_rare_word():
    """Eight frames show word 0 better than any shows word 1, yet half the mass is word 1's."""
    axes = torch.eye(6)
    clip = clips(3, batch=1, frames=10, words=2)
    clip['word_embeds'] = axes[None, :2]
    strong = (axes[0] + 0.8 * axes[2]).repeat(8, 1)  # cosine 0.78 with word 0
    rare = (axes[1] + axes[3]).repeat(2, 1)  # cosine 0.71 with word 1
    clip['frame_embeds'] = torch.cat([strong, rare])[None]
    clip['sentence_embeds'] = axes[None, :2].sum(dim=1)
    assert TopKSelector(4)(**clip).indices.max() < 8
    kept = SinkhornSelector(4, iterations=500)(**clip)
    assert kept.indices.tolist() == [[0, 1, 8, 9]]
    # The strong frames must give 3 of their 8 shares to word 1, which they do not show.
    expected = torch.tensor([5 / 8 / 1.64**0.5] * 2 + [0.5**0.5] * 2)
    torch.testing.assert_close(kept.weights[0], expected, atol=1e-3, rtol=0)


def test_a_single_word_has_a_constant_plan_but_still_ranks_by_its_cosine():
    clip = clips(4, words=1)
    clip['sentence_embeds'] = clip['word_embeds'][:, 0]
    plan = sinkhorn(cosine_matrix(clip['frame_embeds'], clip['word_embeds']) / 0.1).plan
    torch.testing.assert_close(plan, torch.full_like(plan, 1 / 12))
    by_word = TopKSelector(4)(**clip)
    kept = SinkhornSelector(4)(**clip)
    assert kept.indices.tolist() == by_word.indices.tolist()
    torch.testing.assert_close(kept.weights, by_word.weights, atol=1e-5, rtol=0)


def test_padding_words_change_nothing():
    clip = clips(5, words=3)
    padded = clip | {
        'word_embeds': F.pad(clip['word_embeds'], (0, 0, 0, 2), value=100.0),
        'word_mask': F.pad(clip['word_mask'], (0, 2)),
    }
    alone, with_padding = SinkhornSelector(5)(**clip), SinkhornSelector(5)(**padded)
    assert alone.indices.tolist() == with_padding.indices.tolist()
    torch.testing.assert_close(alone.weights, with_padding.weights)


def test_no_real_word_keeps_the_first_real_frames():
    clip = clips(6, batch=1)
    clip['word_mask'][:] = False
    clip['frame_mask'][0, 0] = False
    assert SinkhornSelector(3)(**clip).indices.tolist() == [[1, 2, 3]]


def test_fifty_iterations_select_what_the_converged_plan_selects():
    clip = clips(7, batch=32, frames=80, words=20, width=64)
    few, many = (SinkhornSelector(16, iterations=count)(**clip) for count in (50, 500))
    pairs = zip(few.indices.tolist(), many.indices.tolist(), strict=True)
    common = sum(len(set(first) & set(second)) for first, second in pairs)
    assert common >= 0.97 * 32 * 16


def test_selection_in_autocast_equals_selection_in_float32():
    clip = clips(8, batch=4, frames=40)
    expected = SinkhornSelector(8)(**clip)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        kept = SinkhornSelector(8)(**clip)
    assert kept.indices.tolist() == expected.indices.tolist()
    torch.testing.assert_close(kept.weights, expected.weights, atol=0, rtol=0)


def test_no_gradient_flows_into_the_selection():
    clip = clips(9)
    clip['frame_embeds'].requires_grad_()
    assert not SinkhornSelector(3)(**clip).weights.requires_grad


@pytest.mark.parametrize('setting', [{'temperature': 0}, {'epsilon': -1}, {'iterations': 0}])
def test_settings_out_of_range_are_refused(setting):
    with pytest.raises(ValueError, match='must be > 0 and iterations >= 1'):
        SinkhornSelector(4, **setting)
