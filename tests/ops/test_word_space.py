"""Pooled pairs in word space: values by hand, pairing, chunks and empty inputs.

Equality with the plain form on all masks is tested with the head, in ``tests/models/heads``.
"""

from dataclasses import replace

import pytest
import torch

from stgr.ops.attention_stack import AttentionWeights
from stgr.ops.cross_attention import CrossSelfCross
from stgr.ops.word_space import pool_pairs


def make_attention(dim, *, seed=None):
    """Return random weights, or weights that add nothing for ``seed=None``."""
    shapes = (3 * dim, dim), (3 * dim,), (dim, dim), (dim,)
    if seed is None:
        return AttentionWeights(*(torch.zeros(shape, dtype=torch.float64) for shape in shapes))
    stream = torch.Generator().manual_seed(seed)
    return AttentionWeights(
        *(torch.randn(shape, generator=stream, dtype=torch.float64) * 0.5 for shape in shapes)
    )


def make_stack(dim, *, random=False, scale=1.0, residual=True):
    video, text = (make_attention(dim, seed=seed if random else None) for seed in (1, 2))
    return CrossSelfCross(video, text, scale=scale, residual=residual)


def column(*values):
    return torch.tensor(values, dtype=torch.float64)[None, :, None]


def pool(video, words, stack, **options):
    options = {'region_mask': None, 'word_mask': None} | options
    return pool_pairs(video, words, stack=stack, **options)


@pytest.mark.parametrize(
    ('residual', 'video', 'text'),
    [
        (True, 5, 5),  # both streams end as region + word
        (False, 2, 3),  # exchanged twice: each is itself again
    ],
)
def test_one_region_and_one_word_exchange_content(residual, video, text):
    stack = make_stack(1, residual=residual)

    pooled = pool(column(2), column(3)[None], stack)

    assert [float(stream) for stream in pooled] == [video, text]


def test_self_attention_adds_its_output_to_the_exchanged_content():
    # One token each: attention is 1, so it adds (x * 2 + 1) * 3 + 4 to the video stream (x = word).
    weights = ([0, 0, 2], [0, 0, 1], [3], [4])
    video_attention = AttentionWeights(
        *(torch.tensor(rows, dtype=torch.float64) for rows in weights)
    )
    video_attention = video_attention._replace(
        in_weight=video_attention.in_weight[:, None], out_weight=video_attention.out_weight[:, None]
    )
    stack = replace(make_stack(1, residual=False), video_attention=video_attention)

    video, text = pool(column(2), column(3)[None], stack)

    assert float(video) == 2  # the word stream, which nothing was added to
    assert float(text) == 3 + (3 * 2 + 1) * 3 + 4


def test_cross_attention_without_self_attention_is_two_softmaxes():
    # Regions 0 and 1, words 0 and 1, scores v * w: only region 1 tells the words apart.
    e = torch.e
    prefers = e / (1 + e)
    regions, words = column(0, 1), column(0, 1)[None]
    first_video = torch.tensor([0.5, prefers])  # each region as a mean of words
    first_text = torch.tensor([0.5, prefers])  # each word as a mean of regions
    to_words = (first_video[:, None] * first_text[None, :]).softmax(1)
    to_regions = (first_video[:, None] * first_text[None, :]).softmax(0)

    video, text = pool(regions, words, make_stack(1, residual=False))

    assert float(video) == pytest.approx(float((to_words @ first_text).mean()), abs=1e-6)
    assert float(text) == pytest.approx(float((to_regions.T @ first_video).mean()), abs=1e-6)


def make_batch():
    stream = torch.Generator().manual_seed(0)
    video = torch.randn(3, 6, 4, generator=stream, dtype=torch.float64)
    words = torch.randn(3, 5, 4, generator=stream, dtype=torch.float64)
    region_mask = torch.arange(6) < torch.tensor([6, 3, 4])[:, None]
    word_mask = torch.arange(5) < torch.tensor([2, 4, 1])[:, None]
    return video, words, region_mask, word_mask


@pytest.mark.parametrize('chunk', [None, 1, 2, 5])
def test_matched_pairs_are_the_diagonal_of_all_pairs(chunk):
    video, words, region_mask, word_mask = make_batch()
    stack = make_stack(4, random=True)

    everything = pool(video, words[None], stack, region_mask=region_mask, word_mask=word_mask[None])
    matched = pool(
        video,
        words[:, None],
        stack,
        region_mask=region_mask,
        word_mask=word_mask[:, None],
        chunk=chunk,
    )

    for all_pairs, pairs in zip(everything, matched, strict=True):
        torch.testing.assert_close(pairs[:, 0], all_pairs.diagonal().T)


def test_chunks_are_computed_again_for_the_gradient(monkeypatch):
    video, words, *_ = make_batch()
    stack, calls = make_stack(4, random=True), []
    original = torch.nn.functional.scaled_dot_product_attention
    monkeypatch.setattr(
        'stgr.ops.cross_attention.F.scaled_dot_product_attention',
        lambda *args, **options: calls.append(len(args[0])) or original(*args, **options),
    )

    pooled, _ = pool(video.requires_grad_(), words[None], stack, chunk=2)
    pooled.sum().backward()

    assert calls == [2, 1, 1, 2]


def test_no_videos_give_no_pairs():
    video, words, region_mask, _ = make_batch()

    pooled = pool(video[:0], words[None], make_stack(4), region_mask=region_mask[:0])

    assert [tuple(stream.shape) for stream in pooled] == [(0, 3, 4), (0, 3, 4)]


def test_large_scores_stay_finite():
    video, words, *_ = make_batch()

    pooled = pool(video.float() * 100, words[None].float() * 100, make_stack(4, random=True))

    assert all(stream.isfinite().all() and stream.dtype == torch.float32 for stream in pooled)


def test_pooled_pairs_are_float32_also_under_autocast():
    video, words, *_ = make_batch()
    video, words = video.bfloat16(), words.bfloat16()[None]
    expected = pool(video.float(), words.float(), make_stack(4, random=True))

    with torch.autocast('cpu', dtype=torch.bfloat16):
        pooled = pool(video, words, make_stack(4, random=True))

    for stream, exact in zip(pooled, expected, strict=True):
        assert stream.dtype == torch.float32
        torch.testing.assert_close(stream, exact)
