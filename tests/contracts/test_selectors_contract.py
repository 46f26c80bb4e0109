"""What holds for every registered selector, also for one that is added tomorrow."""

import inspect

import pytest
import torch
from selection_clips import features
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


def _settings(kind):
    return [{}, *SETTINGS.get(kind.__name__, [])]


# Settings of a selector that are selectors of their own.
SETTINGS = {
    'TopKSelector': [
        {'text': 'words'},
        {'video': 'patches'},
        {'video': 'patches', 'text': 'words'},
        {'video': 'both', 'text': 'words'},
    ],
    'SinkhornSelector': [
        {'video': 'patches'},
        {'video': 'both'},
        {'ranking': 'word'},
        {'ranking': 'mass'},
        {'plan': 'batch', 'text': 'sentence'},
        {'plan': 'batch', 'text': 'sentence', 'video': 'patches'},
    ],
}
VARIANTS = [(kind.__name__, extra) for kind in SELECTORS for extra in _settings(kind)]


def build(name, extra):
    takes_count = 'count' in inspect.signature(MODELS.get(name)).parameters
    count = {'count': COUNT} if takes_count else {}
    return MODELS.build({'type': name} | count | extra)


def batch_of(masks, words=3, width=5):
    generator = torch.Generator().manual_seed(len(masks[0]))
    frame_mask = torch.tensor([[digit == '1' for digit in mask] for mask in masks])
    size, frames = frame_mask.shape
    return {
        'frame_embeds': torch.randn(size, frames, width, generator=generator),
        'patch_embeds': torch.randn(size, frames, 6, width, generator=generator),
        'word_embeds': torch.randn(size, words, width, generator=generator),
        'sentence_embeds': torch.randn(size, width, generator=generator),
        'frame_mask': frame_mask,
        'word_mask': torch.arange(words) < torch.tensor([[words], [1]])[:size],
    }


@pytest.fixture(params=VARIANTS, ids=str)
def selector(request):
    return build(*request.param)


@pytest.fixture(params=MASKS.values(), ids=MASKS.keys())
def clips(request):
    return batch_of(request.param)


def frames_of(selection):
    pairs = zip(selection.indices, selection.mask, strict=True)
    return [indices[mask].tolist() for indices, mask in pairs]


def test_every_selector_of_the_folder_is_registered():
    public = [getattr(selectors_folder, name) for name in selectors_folder.__all__]
    classes = [item for item in public if inspect.isclass(item) and item is not BaseSelector]
    kinds = [kind for kind in classes if issubclass(kind, BaseSelector)]
    assert set(kinds) <= set(SELECTORS)
    assert len(kinds) >= 5


@pytest.mark.parametrize('training', [True, False])
def test_kept_frames_are_real_unique_and_ascending(selector, clips, training):
    selection = selector.train(training)(*features(clips))
    slots = clips['frame_mask'].shape[1] if selector.count is None else COUNT
    assert selection.indices.shape == (2, slots)
    for kept, real in zip(frames_of(selection), clips['frame_mask'], strict=True):
        assert kept == sorted(set(kept))
        assert real[kept].all()
        assert len(kept) == min(slots, int(real.sum()))


def test_slots_without_a_frame_point_to_a_kept_frame_and_weigh_nothing(selector, clips):
    selection = selector.eval()(*features(clips))
    assert (selection.weights[~selection.mask] == 0).all()
    assert selection.weights.isfinite().all()
    for indices, kept in zip(selection.indices.tolist(), frames_of(selection), strict=True):
        assert set(indices) == set(kept or [0])


def test_evaluation_is_deterministic(selector, clips):
    torch.manual_seed(0)
    first = selector.eval()(*features(clips))
    second = selector.eval()(*features(clips))
    assert torch.equal(first.indices, second.indices)
    assert torch.equal(first.weights, second.weights)


def test_a_batch_of_two_equals_two_batches_of_one(selector, clips):
    if getattr(selector, 'plan', 'clip') == 'batch':
        pytest.skip('one plan for the batch')
    together = selector.eval()(*features(clips))
    for clip in range(2):
        alone = selector(*features({k: values[clip : clip + 1] for k, values in clips.items()}))
        assert torch.equal(together.indices[clip : clip + 1], alone.indices)
        torch.testing.assert_close(together.weights[clip : clip + 1], alone.weights)


def test_more_padding_frames_do_not_change_the_kept_ones(selector, clips):
    padded = clips | {
        'frame_embeds': F.pad(clips['frame_embeds'], (0, 0, 0, 3), value=9.0),
        'patch_embeds': F.pad(clips['patch_embeds'], (0, 0, 0, 0, 0, 3), value=9.0),
        'frame_mask': F.pad(clips['frame_mask'], (0, 3)),
    }
    assert frames_of(selector.eval()(*features(padded))) == frames_of(
        selector.eval()(*features(clips))
    )


def test_what_stands_in_padding_is_never_read(selector, clips):
    dirty = clips | {
        'frame_embeds': clips['frame_embeds'].masked_fill(~clips['frame_mask'][..., None], 1e4),
        'patch_embeds': clips['patch_embeds'].masked_fill(
            ~clips['frame_mask'][..., None, None], 1e4
        ),
        'word_embeds': clips['word_embeds'].masked_fill(~clips['word_mask'][..., None], 1e4),
    }
    expected, found = selector.eval()(*features(clips)), selector.eval()(*features(dirty))
    assert frames_of(found) == frames_of(expected)
    torch.testing.assert_close(found.weights, expected.weights, atol=1e-5, rtol=0)


def test_nothing_requires_a_gradient(selector, clips):
    clips['frame_embeds'].requires_grad_()
    assert not selector.train()(*features(clips)).weights.requires_grad


def test_shapes_that_disagree_are_named(selector):
    clips = batch_of(MASKS['all real'])
    narrow = {'sentence_embeds': torch.zeros(2, 4), 'word_embeds': torch.zeros(2, 3, 4)}
    if selector.needs_text:
        with pytest.raises(ValueError, match=r'\(2, 5\), but got sentences \(2, 4\)'):
            selector(*features(clips | narrow))
    else:
        assert bool(selector(*features(clips | narrow)).mask.any())
    with pytest.raises(ValueError, match=r'B, U >= 1, but got \(2, 0, 5\)'):
        selector(*features(batch_of(['', ''])))
