"""Scores of every video with every text, from the cross-self-cross stack in word space."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from stgr.ops.cross_attention import (
    AttentionWeights,
    CrossSelfCross,
    PairMaps,
    TextSide,
    attend_pairs,
    mean_of_regions,
    prepare,
    softmax_regions,
)
from stgr.ops.masking import masked_softmax


def pool_pairs(
    video: Tensor,
    words: Tensor,
    *,
    region_mask: Tensor | None,
    word_mask: Tensor | None,
    stack: CrossSelfCross,
    chunk: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the pooled video and the pooled text of each pair after the stack.

    Computed in float32 (float64 for float64 inputs), also under autocast. A text without a real
    word has an all-zero pooled text, a video without a real region an all-zero pooled video, so
    that their scores and the gradients of these are 0.

    Args:
        video: Projected regions, (I, R, D).
        words: Projected words, (1, J, L, D) to pair each video with the same J texts, or
            (I, J, L, D).
        region_mask: True where a region is real, (I, R) bool. None: all are.
        word_mask: True where a word is real, (1 or I, J, L) bool. None: all are.
        stack: Weights and switches.
        chunk: Videos at a time. With less than all of them, what a chunk needs for its gradient
            is computed again in the backward pass. None: all at once.

    Returns:
        Pooled video and pooled text, (I, J, D) each.
    """
    chunk = len(video) if chunk is None else chunk
    starts = range(0, max(len(video), 1), max(chunk, 1))  # one empty chunk for no video
    recompute = len(starts) > 1 and torch.is_grad_enabled()
    with torch.autocast(video.device.type, enabled=False):
        video, text, region_mask, stack = prepare(video, words, region_mask, word_mask, stack)
        pooled = []
        for start in starts:
            rows = slice(start, start + chunk)
            mask = None if region_mask is None else region_mask[rows]
            inputs = video[rows], mask, text.rows(rows), stack
            if recompute:
                pooled.append(
                    checkpoint(_pool, *inputs, use_reentrant=False, preserve_rng_state=False)
                )
            else:
                pooled.append(_pool(*inputs))
    videos, texts = zip(*pooled, strict=True)
    return torch.cat(videos), torch.cat(texts)


def _pool(
    video: Tensor, region_mask: Tensor | None, text: TextSide, stack: CrossSelfCross
) -> tuple[Tensor, Tensor]:
    """Return the pooled video and text of each pair, (I, J, D) each."""
    maps = attend_pairs(video, region_mask, text, stack)
    region_pool = mean_of_regions(video, region_mask)  # (I, 1, 1, R)
    over_words = masked_softmax(maps.scores, text.mask[..., None, :], dim=-1)
    pooled_video = _sum_words(region_pool @ over_words, maps, stack.text_attention)
    over_regions = softmax_regions(maps.scores, region_mask) @ text.pool[..., None]
    pooled_text = _sum_regions(over_regions.transpose(-1, -2), maps, text)
    if stack.residual:
        pooled_video = pooled_video + _sum_regions(region_pool, maps, text)
        word_pool = text.pool[..., None, :]
        pooled_text = pooled_text + _sum_words(word_pool, maps, stack.text_attention)
    return pooled_video.squeeze(-2), pooled_text.squeeze(-2)


def _sum_regions(weights: Tensor, maps: PairMaps, text: TextSide) -> Tensor:
    """Return a weighted sum of the regions after their self-attention, (I, J, 1, D).

    Args:
        weights: One per region, (I, 1 or J, 1, R).
        maps: Attention of the pairs.
        text: The texts, whose words the regions are made of.
    """
    coefficients = [weights @ maps.mixed, weights @ maps.words_of_region]
    return torch.cat(coefficients, dim=-1) @ text.values


def _sum_words(weights: Tensor, maps: PairMaps, attention: AttentionWeights) -> Tensor:
    """Return a weighted sum of the words after their self-attention, (I, J, 1, D).

    Args:
        weights: One per word, (1 or I, J, 1, L), summing to 1 or 0.
        maps: Attention of the pairs.
        attention: Self-attention of the words.
    """
    value, value_bias = attention.in_weight.chunk(3)[2], attention.in_bias.chunk(3)[2]
    total = weights.sum(dim=-1, keepdim=True)
    values = F.linear(weights @ maps.text @ maps.seen, value) + total * value_bias
    outputs = F.linear(values, attention.out_weight) + total * attention.out_bias
    return weights @ maps.seen + outputs
