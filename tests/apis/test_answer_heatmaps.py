"""Maps of many queries at once equal those of one query, one window at a time."""

import copy

import numpy as np
import pytest
import torch

from stgr.apis.answer_heatmaps import Window, _batches, answer_heatmaps
from stgr.apis.inferencer import GroundingInferencer
from stgr.structures.features import TextFeatures

QUERIES = ['crack an egg', 'melt the butter in a pan', 'slice the bread', 'fry the pancake']
# Alone in its batches, in common ones, without a frame, with gaps.
FRAMES = [np.arange(12), np.array([3, 4, 9]), np.array([], np.int64), np.array([0, 1, 2, 6, 7])]


@pytest.fixture(scope='module')
def encoded(door, tiny_video):
    inferencer = GroundingInferencer(door.inferencer.model, door.facts, rate_fps=4)
    with inferencer.encode(tiny_video) as video:
        yield video


def with_window(door, size):
    model = copy.copy(door.inferencer.model)
    model.heat_window = size
    return model


def in_double(model, text):
    """A model whose local head computes in float64, and features of text for it.

    In float32 a head that looks sharply turns the rounding of sums in another order into up to
    1e-5 of a map, more or less with its random weights; in float64 only a mistake is left.
    """
    model = copy.deepcopy(model)
    model.local_head.double()
    heatmaps = model.heatmaps
    model.heatmaps = lambda patches, text: heatmaps(patches.double(), text)
    return model, TextFeatures(text.sentence.double(), text.words.double(), text.mask)


def slow_oracle(model, features, text, query, frames):
    """The maps of one query, window by window, each cut by hand at gaps."""
    length = int(text.mask[query].sum())
    text = TextFeatures(
        text.sentence[query][None],
        text.words[query, :length][None],
        text.mask[query, :length][None],
    )
    with torch.no_grad():
        maps, window = [], []
        for i, frame in enumerate(frames.tolist()):
            window.append(frame)
            last = i + 1 == len(frames) or frames[i + 1] != frame + 1
            if last or len(window) == model.heat_window:
                patches = features.read_patches(window).float()
                maps.append(model.heatmaps(patches[None], text)[0])
                window = []
    return torch.cat(maps).reshape(-1, 4, 4).numpy() if maps else np.zeros((0, 4, 4))


@pytest.mark.parametrize('size', [1, 2, 5, 16])
def test_together_they_are_as_one_by_one(door, encoded, size, monkeypatch):
    model = with_window(door, size)
    monkeypatch.setattr('stgr.apis.answer_heatmaps.FRAMES_PER_BATCH', 7)
    model, text = in_double(model, model.encode_text(QUERIES))

    maps = answer_heatmaps(model, encoded.features, text, FRAMES)

    for query, (frames, values) in enumerate(zip(FRAMES, maps, strict=True)):
        expected = slow_oracle(model, encoded.features, text, query, frames)
        np.testing.assert_allclose(values, expected, rtol=0, atol=1e-7)
    assert abs(maps[0][3] - maps[1][0]).max() > 1e-3, 'two queries differ on one frame'


def test_what_lies_behind_a_missing_part_of_a_query_is_not_cut_off(door, encoded):
    model, frames = with_window(door, 1), np.arange(3)
    text = model.encode_text(QUERIES[:1])
    text.mask[0, 0] = False

    (maps,) = answer_heatmaps(model, encoded.features, text, [frames])

    with torch.no_grad():
        expected = model.heatmaps(encoded.features.read_patches(frames)[:, None].float(), text)
    np.testing.assert_allclose(maps, expected.reshape(3, 4, 4), atol=1e-5)


def test_windows_of_heat_never_span_a_gap(door, encoded):
    model = with_window(door, 2)

    (maps,) = answer_heatmaps(
        model, encoded.features, model.encode_text(QUERIES[:1]), [np.array([0, 1, 2, 6, 7])]
    )

    sums = maps.sum(axis=(1, 2))
    np.testing.assert_allclose([sums[:2].sum(), sums[2], sums[3:].sum()], 1.0, atol=1e-5)


def test_a_query_of_many_windows_goes_alone_and_the_others_together():
    windows = [Window(query, frame, 1) for query in range(3) for frame in range(9 if query else 2)]
    windows += [Window(5, 0, 1), Window(5, 4, 2)]

    queries = [sorted({window.query for window in batch}) for batch in _batches(windows, 256)]

    assert queries == [[1], [2], [0, 5], [5]]
