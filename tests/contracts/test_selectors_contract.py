"""What holds for every registered selector, also for one that is added tomorrow."""

import inspect

import pytest
import torch
from torch.nn import functional as F

import stgr.models.selectors as selectors_folder
from stgr.models.selectors import BaseSelector
from stgr.registry import MODELS

COUNT = 4
SELECTORS = sorted(
    (kind for kind in MODELS.module_dict.values() if issubclass(kind, BaseSelector)),
    key=lambda kind: kind.__name__,
)
# Case: real frames of each clip as a string, for U candidates.
MASKS = {
    'all real': ['1111111111', '1111111111'],
    'padded at both ends': ['0011111100', '1111110000'],
    'with holes': ['1010101011', '0110110110'],
    'fewer real frames than slots': ['0001100000', '1000000000'],
    'fewer candidates than slots': ['11', '01'],
    'one clip without frames': ['1111111111', '0000000000'],
}


def build(kind):
    takes_count = 'count' in inspect.signature(kind).parameters
    return MODELS.build({'type': kind.__name__} | ({'count': COUNT} if takes_count else {}))


def batch_of(masks, words=3, width=5):
    generator = torch.Generator().manual_seed(len(masks[0]))
    frame_mask = torch.tensor([[digit == '1' for digit in mask] for mask in masks])
    size, frames = frame_mask.shape
    return {
        'frame_embeds': torch.randn(size, frames, width, generator=generator),
        'word_embeds': torch.randn(size, words, width, generator=generator),
        'sentence_embeds': torch.randn(size, width, generator=generator),
        'frame_mask': frame_mask,
        'word_mask': torch.arange(words) < torch.tensor([[words], [1]])[:size],
    }


@pytest.fixture(params=SELECTORS, ids=lambda kind: kind.__name__)
def selector(request):
    return build(request.param)


@pytest.fixture(params=MASKS.values(), ids=MASKS.keys())
def clips(request):
    return batch_of(request.param)


def frames_of(selection):
    pairs = zip(selection.indices, selection.mask, strict=True)
    return [indices[mask].tolist() for indices, mask in pairs]


def test_every_selector_of_the_folder_is_registered():
    public = [getattr(selectors_folder, name) for name in selectors_folder.__all__]
    kinds = [kind for kind in public if inspect.isclass(kind) and kind is not BaseSelector]
    assert set(kinds) <= set(SELECTORS)
    assert len(kinds) >= 5


@pytest.mark.parametrize('training', [True, False])
def test_kept_frames_are_real_unique_and_ascending(selector, clips, training):
    selection = selector.train(training)(**clips)
    slots = clips['frame_mask'].shape[1] if selector.count is None else COUNT
    assert selection.indices.shape == (2, slots)
    for kept, real in zip(frames_of(selection), clips['frame_mask'], strict=True):
        assert kept == sorted(set(kept))
        assert real[kept].all()
        assert len(kept) == min(slots, int(real.sum()))


def test_slots_without_a_frame_point_to_a_kept_frame_and_weigh_nothing(selector, clips):
    selection = selector.eval()(**clips)
    assert (selection.weights[~selection.mask] == 0).all()
    assert selection.weights.isfinite().all()
    for indices, kept in zip(selection.indices.tolist(), frames_of(selection), strict=True):
        assert set(indices) == set(kept or [0])


def test_evaluation_is_deterministic(selector, clips):
    torch.manual_seed(0)
    first = selector.eval()(**clips)
    second = selector.eval()(**clips)
    assert torch.equal(first.indices, second.indices)
    assert torch.equal(first.weights, second.weights)


def test_a_batch_of_two_equals_two_batches_of_one(selector, clips):
    together = selector.eval()(**clips)
    for clip in range(2):
        alone = selector(**{name: values[clip : clip + 1] for name, values in clips.items()})
        assert torch.equal(together.indices[clip : clip + 1], alone.indices)
        torch.testing.assert_close(together.weights[clip : clip + 1], alone.weights)


def test_more_padding_frames_do_not_change_the_kept_ones(selector, clips):
    padded = clips | {
        'frame_embeds': F.pad(clips['frame_embeds'], (0, 0, 0, 3), value=9.0),
        'frame_mask': F.pad(clips['frame_mask'], (0, 3)),
    }
    assert frames_of(selector.eval()(**padded)) == frames_of(selector.eval()(**clips))


def test_what_stands_in_padding_is_never_read(selector, clips):
    dirty = clips | {
        'frame_embeds': clips['frame_embeds'].masked_fill(~clips['frame_mask'][..., None], 1e4),
        'word_embeds': clips['word_embeds'].masked_fill(~clips['word_mask'][..., None], 1e4),
    }
    expected, found = selector.eval()(**clips), selector.eval()(**dirty)
    assert frames_of(found) == frames_of(expected)
    torch.testing.assert_close(found.weights, expected.weights, atol=1e-5, rtol=0)


def test_nothing_requires_a_gradient(selector, clips):
    clips['frame_embeds'].requires_grad_()
    assert not selector.train()(**clips).weights.requires_grad


def test_shapes_that_disagree_are_named(selector):
    clips = batch_of(MASKS['all real'])
    with pytest.raises(ValueError, match=r'word_mask must be of shape|word_embeds must be of'):
        selector(**clips | {'word_mask': torch.ones(2, 9, dtype=torch.bool)})
    with pytest.raises(ValueError, match=r'sentence_embeds must be of shape \(2, 5\)'):
        selector(**clips | {'sentence_embeds': torch.zeros(2, 4)})
