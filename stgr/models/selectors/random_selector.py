"""Random frames, the control that any other selector has to beat."""

import torch
from torch import Tensor

from stgr.models.selectors.uniform_selector import UniformSelector
from stgr.registry import MODELS


@MODELS.register_module()
class RandomSelector(UniformSelector):
    """Keeps random frames in training and evenly spaced ones in evaluation.

    Args:
        count: Frames to keep per clip, T.
    """

    def choose(self, frame_mask: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return the drawn frames, (B, U) bool; in evaluation the evenly spaced ones."""
        if self.training:
            return _draw(frame_mask, self.count, generator)
        return super().choose(frame_mask, generator)


def _draw(frame_mask: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    device = frame_mask.device if generator is None else generator.device
    keys = torch.rand(frame_mask.shape, generator=generator, device=device).to(frame_mask.device)
    keys = keys.masked_fill(~frame_mask, 2.0)  # behind every drawn number
    rank = keys.argsort(dim=1, stable=True).argsort(dim=1, stable=True)
    return frame_mask & (rank < count)
