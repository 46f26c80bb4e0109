"""From a score per frame to the frames that stay."""

import torch
from torch import Tensor
from torch.nn import functional as F

from stgr.structures.frame_selection import FrameSelection


def select_top(scores: Tensor, frame_mask: Tensor, count: int) -> FrameSelection:
    """Return the ``count`` best-scoring real frames of each clip, in temporal order.

    Of equal scores the earlier frame wins. A clip with fewer real frames keeps all of them.

    Args:
        scores: Larger is better, (B, U), finite where ``frame_mask`` is True.
        frame_mask: True where a frame is real, (B, U) bool.
        count: Slots of the selection, T >= 1; it may exceed U.

    Returns:
        The kept frames with their scores as weights.
    """
    candidates = scores.shape[1]
    best_first = scores.masked_fill(~frame_mask, -torch.inf)
    kept = best_first.argsort(dim=1, descending=True, stable=True)[:, :count]  # (B, min(T, U))
    # Padding takes the index after the last frame, so that sorting in time moves it to the end.
    kept = kept.masked_fill(~frame_mask.gather(1, kept), candidates)
    kept = F.pad(kept, (0, count - kept.shape[1]), value=candidates).sort(dim=1).values  # (B, T)
    mask = kept < candidates
    last = kept.masked_fill(~mask, 0).amax(dim=1, keepdim=True)
    indices = torch.where(mask, kept, last)
    return FrameSelection(indices, mask, scores.gather(1, indices).masked_fill(~mask, 0))
