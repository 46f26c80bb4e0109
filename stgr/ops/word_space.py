"""Every video with every text through a stack of attention, in chunks."""

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from stgr.ops.attention_stack import AttentionStack, prepare


def pool_pairs(
    video: Tensor,
    words: Tensor,
    *,
    region_mask: Tensor | None,
    word_mask: Tensor | None,
    stack: AttentionStack,
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
        video, texts, region_mask, stack = prepare(video, words, region_mask, word_mask, stack)
        pooled = []
        for start in starts:
            rows = slice(start, start + chunk)
            mask = None if region_mask is None else region_mask[rows]
            inputs = video[rows], mask, texts.rows(rows)
            if recompute:
                pooled.append(
                    checkpoint(stack.pool, *inputs, use_reentrant=False, preserve_rng_state=False)
                )
            else:
                pooled.append(stack.pool(*inputs))
    of_videos, of_texts = zip(*pooled, strict=True)
    return torch.cat(of_videos), torch.cat(of_texts)
