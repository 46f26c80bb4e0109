"""Evenly spaced frames, whatever the narration says."""

import torch
from torch import Tensor

from stgr.models.selectors.base import BaseSelector
from stgr.registry import MODELS
from stgr.structures.features import TextFeatures, VideoFeatures


@MODELS.register_module()
class UniformSelector(BaseSelector):
    """Keeps the middle frames of ``count`` equal parts of the real frames.

    Args:
        count: Frames to keep per clip, T.
    """

    needs_text = False

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count: int

    def score(
        self, video: VideoFeatures, text: TextFeatures, generator: torch.Generator | None
    ) -> Tensor:
        """Return 1 for the chosen frames and 0 for the others, (B, U)."""
        return self.choose(video.mask, generator).float()

    def choose(self, frame_mask: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return which frames to keep, (B, U) bool; the arguments are those of ``score``."""
        return evenly_spaced(frame_mask, self.count)


def evenly_spaced(frame_mask: Tensor, count: int) -> Tensor:
    """Return which real frames lie in the middle of ``count`` equal parts of them.

    Args:
        frame_mask: True where a frame is real, (B, U) bool, in any pattern.
        count: Number of parts, T >= 1.

    Returns:
        True at ``min(count, real frames)`` frames of each clip, (B, U) bool.
    """
    real = frame_mask.sum(dim=1, keepdim=True)  # (B, 1)
    parts = torch.arange(count, device=frame_mask.device)
    middles = (2 * parts + 1) * real // (2 * count)  # (B, T), whole numbers below ``real``
    position = frame_mask.cumsum(dim=1) - 1  # (B, U), of each frame among the real ones
    chosen = (position[:, :, None] == middles[:, None, :]).any(dim=2)
    return frame_mask & (chosen | (real <= count))
