"""Heat maps of a text on the regions of a video, by attention rollout in O(L R)."""

import torch
from torch import Tensor

from stgr.ops.attention_stack import AttentionStack, prepare


def roll_out(
    video: Tensor,
    words: Tensor,
    *,
    region_mask: Tensor | None,
    word_mask: Tensor | None,
    stack: AttentionStack,
) -> Tensor:
    """Return how much the stack looks at each region for the sake of each text.

    The released form (GroundingYouTube, ``s3dg_clip.py``, evaluation branch) multiplies the maps
    region -> word of the second cross-attention, word -> word of the self-attention and
    word -> region of the first cross-attention, and takes the mean over the first axis of the
    (R, R) result. The mean may be taken first, which leaves a vector over words times the last
    map: no (R, R) matrix. Abnar and Zuidema (2020) also add the identity to a map with a residual:
    a choice of the stack. Padded words have no part in it. Computed in float32 (float64 for float64
    inputs), also under autocast.

    Args:
        video: Projected regions of each window, (I, R, D).
        words: Projected words, (1, J, L, D) to look for the same J texts in each window, or
            (I, J, L, D).
        region_mask: True where a region is real, (I, R) bool. None: all are.
        word_mask: True where a word is real, (1 or I, J, L) bool. None: all are.
        stack: Weights and switches.

    Returns:
        Heat, (I, J, R), >= 0; sums to 1 over the real regions of each window and is 0 elsewhere. A
        text without a real word gives all real regions the same heat in a stack that crosses
        first; a window without a real region has none.
    """
    with torch.autocast(video.device.type, enabled=False):
        video, texts, region_mask, stack = prepare(video, words, region_mask, word_mask, stack)
        heat = stack.heat(video, region_mask, texts)
    return heat if region_mask is None else heat * region_mask[:, None]
