"""No selection."""

import torch
from torch import Tensor

from stgr.models.selectors.base import BaseSelector
from stgr.registry import MODELS


@MODELS.register_module()
class AllFrames(BaseSelector):
    """Keeps every real candidate frame, so T = U.

    With candidates sampled inside the narration's span this is the row "None" of the paper's
    Table 5; the released weights were most probably trained this way.
    """

    def __init__(self) -> None:
        super().__init__(count=None)

    def score(
        self,
        frame_embeds: Tensor,
        word_embeds: Tensor,
        sentence_embeds: Tensor,
        frame_mask: Tensor,
        word_mask: Tensor,
        generator: torch.Generator | None,
    ) -> Tensor:
        """Return 1 for every frame, (B, U)."""
        return frame_embeds.new_ones(frame_mask.shape)
