import pytest
import torch
from selection_clips import features
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
    kept = SinkhornSelector(3)(*features(planted_clip({1: (0, 0.9), 4: (1, 0.8), 8: (0, 0.7)})))
    assert kept.indices.tolist() == [[1, 4, 8]]


def test_the_weight_is_the_mean_cosine_under_the_plan():
    clip = clips(1)
    kept = SinkhornSelector(12)(*features(clip))
    similarity = cosine_matrix(clip['frame_embeds'], clip['word_embeds'])
    plan = sinkhorn(similarity.double() / 0.1, epsilon=0.05, iterations=3).plan
    expected = (plan * similarity).sum(dim=2) / plan.sum(dim=2)
    torch.testing.assert_close(kept.weights, expected.float(), atol=1e-5, rtol=0)


def test_the_ranking_is_that_of_transport_weighted_similarity():
    clip = clips(2, frames=30)
    similarity = cosine_matrix(clip['frame_embeds'], clip['word_embeds']) / 0.1
    plan = sinkhorn(similarity, epsilon=0.05, iterations=3).plan
    expected = (plan * similarity).sum(dim=2).topk(5).indices.sort().values
    assert SinkhornSelector(5)(*features(clip)).indices.tolist() == expected.tolist()


def test_a_converged_plan_keeps_the_frames_of_a_rare_word():
    """Eight frames show word 0 better than any shows word 1, yet half the mass is word 1's."""
    axes = torch.eye(6)
    clip = clips(3, batch=1, frames=10, words=2)
    clip['word_embeds'] = axes[None, :2]
    strong = (axes[0] + 0.8 * axes[2]).repeat(8, 1)  # cosine 0.78 with word 0
    rare = (axes[1] + axes[3]).repeat(2, 1)  # cosine 0.71 with word 1
    clip['frame_embeds'] = torch.cat([strong, rare])[None]
    clip['sentence_embeds'] = axes[None, :2].sum(dim=1)
    assert TopKSelector(4)(*features(clip)).indices.max() < 8
    kept = SinkhornSelector(4, iterations=500)(*features(clip))
    assert kept.indices.tolist() == [[0, 1, 8, 9]]
    # The strong frames must give 3 of their 8 shares to word 1, which they do not show.
    expected = torch.tensor([5 / 8 / 1.64**0.5] * 2 + [0.5**0.5] * 2)
    torch.testing.assert_close(kept.weights[0], expected, atol=1e-3, rtol=0)


def test_a_single_word_has_a_constant_plan_but_still_ranks_by_its_cosine():
    clip = clips(4, words=1)
    clip['sentence_embeds'] = clip['word_embeds'][:, 0]
    plan = sinkhorn(cosine_matrix(clip['frame_embeds'], clip['word_embeds']) / 0.1).plan
    torch.testing.assert_close(plan, torch.full_like(plan, 1 / 12))
    by_word = TopKSelector(4)(*features(clip))
    kept = SinkhornSelector(4)(*features(clip))
    assert kept.indices.tolist() == by_word.indices.tolist()
    torch.testing.assert_close(kept.weights, by_word.weights, atol=1e-5, rtol=0)


def test_padding_words_change_nothing():
    clip = clips(5, words=3)
    padded = clip | {
        'word_embeds': F.pad(clip['word_embeds'], (0, 0, 0, 2), value=100.0),
        'word_mask': F.pad(clip['word_mask'], (0, 2)),
    }
    alone, with_padding = (
        SinkhornSelector(5)(*features(clip)),
        SinkhornSelector(5)(*features(padded)),
    )
    assert alone.indices.tolist() == with_padding.indices.tolist()
    torch.testing.assert_close(alone.weights, with_padding.weights)


def test_no_real_word_keeps_the_first_real_frames():
    clip = clips(6, batch=1)
    clip['word_mask'][:] = False
    clip['frame_mask'][0, 0] = False
    assert SinkhornSelector(3)(*features(clip)).indices.tolist() == [[1, 2, 3]]


def test_fifty_iterations_select_what_the_converged_plan_selects():
    clip = clips(7, batch=32, frames=80, words=20, width=64)
    few, many = (SinkhornSelector(16, iterations=count)(*features(clip)) for count in (50, 500))
    pairs = zip(few.indices.tolist(), many.indices.tolist(), strict=True)
    common = sum(len(set(first) & set(second)) for first, second in pairs)
    assert common >= 0.97 * 32 * 16


def test_selection_in_autocast_equals_selection_in_float32():
    clip = clips(8, batch=4, frames=40)
    expected = SinkhornSelector(8)(*features(clip))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        kept = SinkhornSelector(8)(*features(clip))
    assert kept.indices.tolist() == expected.indices.tolist()
    torch.testing.assert_close(kept.weights, expected.weights, atol=0, rtol=0)


def test_no_gradient_flows_into_the_selection():
    clip = clips(9)
    clip['frame_embeds'].requires_grad_()
    assert not SinkhornSelector(3)(*features(clip)).weights.requires_grad


def test_best_frames_of_words_come_first_and_transport_fills_up():
    """Word 0 is shown best by frame 6, word 1 by frame 2; of the rest frame 8 shows most."""
    clip = planted_clip({2: (1, 0.3), 6: (0, 0.4), 8: (0, 0.39), 9: (0, 0.38)})
    kept = [
        SinkhornSelector(count, ranking='word')(*features(clip)).indices.tolist()
        for count in (1, 2, 3)
    ]
    assert kept == [[[6]], [[2, 6]], [[2, 6, 8]]]


@pytest.mark.parametrize('shift', [0.0, 0.5])
def test_best_frames_of_words_stay_the_same_if_all_cosines_are_lower(monkeypatch, shift):
    cosines = torch.tensor([[[0.4, 0.1], [0.1, 0.4], [0.2, 0.2]]]) - shift
    selector = SinkhornSelector(2, ranking='word')
    real = torch.ones(1, 2, dtype=torch.bool)
    monkeypatch.setattr(selector, 'similarity', lambda video, text: (cosines, real))

    kept = selector(*features(clips(0, batch=1, frames=3, words=2)))

    assert kept.indices.tolist() == [[0, 1]]


def test_a_batch_plan_prefers_what_its_own_sentence_was_given_to_what_it_was_not():
    """The frame at right angles is given to the sentence, the opposite one to the other clip's."""
    axes = torch.eye(4)
    frames = [[-0.1 * axes[0] + 0.99**0.5 * axes[2], -axes[0]], [axes[1], axes[1]]]
    clip = {
        'frame_embeds': torch.stack([torch.stack(rows) for rows in frames]),
        'word_embeds': torch.zeros(2, 1, 4),
        'sentence_embeds': axes[:2],
        'frame_mask': torch.ones(2, 2, dtype=torch.bool),
        'word_mask': torch.ones(2, 1, dtype=torch.bool),
    }
    kept = SinkhornSelector(1, text='sentence', plan='batch', iterations=50)(*features(clip))
    assert kept.indices[0].tolist() == [0]


def test_a_clip_of_which_its_own_sentence_gets_nothing_is_ranked_by_the_cosine():
    """Its frames, of cosines -0.9 and -0.6, all go to the other clip's sentence."""
    axes = torch.eye(4)
    frames = [-0.9 * axes[0] + 0.4 * axes[1], -0.6 * axes[0] + 0.4 * axes[1]]
    frames = [frame + (1 - frame.square().sum()) ** 0.5 * axes[2] for frame in frames]
    clip = {
        'frame_embeds': torch.stack([torch.stack(frames), torch.stack([axes[0]] * 2)]),
        'word_embeds': torch.zeros(2, 1, 4),
        'sentence_embeds': axes[:2],
        'frame_mask': torch.ones(2, 2, dtype=torch.bool),
        'word_mask': torch.ones(2, 1, dtype=torch.bool),
    }
    kept = SinkhornSelector(1, text='sentence', plan='batch')(*features(clip))
    assert kept.indices[0].tolist() == [1]


def test_padding_frames_are_no_words_best():
    clip = planted_clip({2: (1, 0.3), 6: (0, 0.4), 8: (0, 0.39)})
    clip['frame_mask'][0, 6] = False
    kept = SinkhornSelector(2, ranking='word')(*features(clip))
    assert kept.indices.tolist() == [[2, 8]]


def test_mass_is_the_row_sum_of_a_plan_that_ends_on_the_words():
    clip = clips(10, frames=12)
    similarity = cosine_matrix(clip['frame_embeds'], clip['word_embeds']) / 0.1
    kernel = (similarity.double() / 0.05).exp()
    for _ in range(3):
        kernel = kernel / kernel.sum(dim=2, keepdim=True) / 12
        kernel = kernel / kernel.sum(dim=1, keepdim=True) / 4

    kept = SinkhornSelector(12, ranking='mass')(*features(clip))

    expected = 12 * kernel.sum(dim=2)
    torch.testing.assert_close(kept.weights, expected.float(), atol=1e-4, rtol=1e-4)
    assert expected.std() > 0.05


def test_a_batch_plan_shares_all_frames_among_the_sentences():
    """Both sentences like clip 0's frame 0 best, and each clip's frames are compared under it."""
    clip = clips(11, batch=3, frames=7)
    clip['frame_mask'][2, 5:] = False
    frames, sentences = clip['frame_embeds'], clip['sentence_embeds']
    similarity = F.cosine_similarity(frames[:, :, None], sentences[None, None], dim=-1)
    real = clip['frame_mask'].flatten()
    kernel = (similarity.flatten(0, 1).double() / 0.005).exp() * real[:, None]
    for _ in range(3):
        kernel = kernel / kernel.sum(dim=0, keepdim=True) / 3
        kernel = kernel / kernel.sum(dim=1, keepdim=True).clamp(min=1e-300) / real.sum()
    plan = kernel.view(3, 7, 3)
    own = torch.arange(3)
    above = similarity[own, :, own] + 1
    expected = 3 * plan[own, :, own] * above * torch.tensor([[7], [7], [5]])
    selector = SinkhornSelector(7, text='sentence', plan='batch')

    kept = selector(*features(clip))

    expected = expected.masked_fill(~clip['frame_mask'], 0).float()
    torch.testing.assert_close(kept.weights[:2], expected[:2], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(kept.weights[2, :5], expected[2, :5], atol=1e-5, rtol=1e-4)


def test_a_batch_plan_of_one_clip_ranks_by_the_cosine():
    clip = clips(12, batch=1)
    by_plan = SinkhornSelector(4, text='sentence', plan='batch')(*features(clip))
    by_cosine = TopKSelector(4)(*features(clip))
    assert by_plan.indices.tolist() == by_cosine.indices.tolist()


def test_a_plan_of_one_sentence_per_clip_is_refused_with_the_reason():
    with pytest.raises(ValueError, match="constant plan, which selects nothing: use plan='batch'"):
        SinkhornSelector(4, text='sentence')


@pytest.mark.parametrize(
    'setting', [{'plan': 'video'}, {'ranking': 'sum'}, {'video': 'cell'}, {'text': 'verb'}]
)
def test_unknown_names_are_refused_with_the_known_ones(setting):
    with pytest.raises(ValueError, match=f'{next(iter(setting))} must be one of'):
        SinkhornSelector(4, **setting)


@pytest.mark.parametrize('setting', [{'temperature': 0}, {'epsilon': -1}, {'iterations': 0}])
def test_settings_out_of_range_are_refused(setting):
    with pytest.raises(ValueError, match='must be > 0 and iterations >= 1'):
        SinkhornSelector(4, **setting)
