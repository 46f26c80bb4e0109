"""Frames most similar to the whole narration."""

import torch
from torch import Tensor

from stgr.models.selectors.base import BaseSelector
from stgr.models.selectors.similarity import FrameTextSimilarity, TextSide, VideoSide
from stgr.ops.masking import mean_weights
from stgr.registry import MODELS
from stgr.structures.features import TextFeatures, VideoFeatures


@MODELS.register_module()
class TopKSelector(BaseSelector):
    """Keeps the frames whose cosine with the narration is highest.

    The paper's selection without transport (Table 5). Nothing keeps it from taking ``count`` almost
    equal frames of one moment. With words, a frame scores its mean cosine with the real ones; a
    narration without a real word then keeps the first frames.

    Args:
        count: Frames to keep per clip, T.
        video: What stands for a frame, see ``FrameTextSimilarity``.
        text: What stands for a narration, likewise.

    Raises:
        ValueError: If a setting is out of range.
    """

    def __init__(
        self, count: int, *, video: VideoSide = 'frame', text: TextSide = 'sentence'
    ) -> None:
        super().__init__(count)
        self.similarity = FrameTextSimilarity(video, text)
        self.needs_patches = self.similarity.needs_patches

    def score(
        self, video: VideoFeatures, text: TextFeatures, generator: torch.Generator | None
    ) -> Tensor:
        """Return the mean cosine of each frame with its text, (B, U)."""
        cosines, mask = self.similarity(video, text)
        return (cosines * mean_weights(mask, cosines.dtype)[:, None]).sum(dim=2)

    def extra_repr(self) -> str:
        """Show the settings in printed models."""
        return f'{super().extra_repr()}, {self.similarity!r}'
