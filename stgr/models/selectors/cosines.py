"""Similarity of frames and texts inside each clip."""

import torch
from torch import Tensor
from torch.nn import functional as F


def cosines(frame_embeds: Tensor, text_embeds: Tensor) -> Tensor:
    """Return the cosine of every frame and every text of the same clip.

    In float32 also under autocast: the transport multiplies differences of cosines by 200, which
    bfloat16's steps of 0.004 do not survive.

    Args:
        frame_embeds: (B, U, D).
        text_embeds: Words or sentences, (B, L, D).

    Returns:
        Cosines, (B, U, L) float32 (float64 for float64 inputs); 0 for a vector of zeros.
    """
    with torch.autocast(frame_embeds.device.type, enabled=False):
        frames, texts = (
            F.normalize(embeds if embeds.dtype == torch.float64 else embeds.float(), dim=-1)
            for embeds in (frame_embeds, text_embeds)
        )
        return torch.einsum('bud,bld->bul', frames, texts)
