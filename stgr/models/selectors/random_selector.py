"""Random frames, the control that any other selector has to beat."""

import torch
from torch import Tensor

from stgr.models.selectors.base import BaseSelector
from stgr.models.selectors.uniform_selector import evenly_spaced
from stgr.registry import MODELS


@MODELS.register_module()
class RandomSelector(BaseSelector):
    """Keeps random frames in training and evenly spaced ones in evaluation.

    Args:
        count: Frames to keep per clip, T.
    """

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count: int

    def score(
        self,
        frame_embeds: Tensor,
        word_embeds: Tensor,
        sentence_embeds: Tensor,
        frame_mask: Tensor,
        word_mask: Tensor,
        generator: torch.Generator | None,
    ) -> Tensor:
        """Return 1 for the drawn frames and 0 for the others, (B, U)."""
        if self.training:
            chosen = _draw(frame_mask, self.count, generator)
        else:
            chosen = evenly_spaced(frame_mask, self.count)
        return chosen.float()


def _draw(frame_mask: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    device = frame_mask.device if generator is None else generator.device
    keys = torch.rand(frame_mask.shape, generator=generator, device=device).to(frame_mask.device)
    keys = keys.masked_fill(~frame_mask, 2.0)  # behind every drawn number
    rank = keys.argsort(dim=1, stable=True).argsort(dim=1, stable=True)
    return frame_mask & (rank < count)
