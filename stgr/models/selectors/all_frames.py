"""No selection."""

import torch
from torch import Tensor

from stgr.models.selectors.base import BaseSelector
from stgr.registry import MODELS
from stgr.structures.features import TextFeatures, VideoFeatures


@MODELS.register_module()
class AllFrames(BaseSelector):
    """Keeps every real candidate frame, so T = U.

    With candidates sampled inside the narration's span this is the row "None" of the paper's
    Table 5; the released weights were most probably trained this way.
    """

    needs_text = False

    def __init__(self) -> None:
        super().__init__(count=None)

    def score(
        self, video: VideoFeatures, text: TextFeatures, generator: torch.Generator | None
    ) -> Tensor:
        """Return 1 for every frame, (B, U)."""
        return video.frames.new_ones(video.mask.shape)
