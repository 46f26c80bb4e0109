"""Frames most similar to the whole narration."""

import torch
from torch import Tensor

from stgr.models.selectors.base import BaseSelector
from stgr.ops.cosine import cosine_matrix
from stgr.registry import MODELS


@MODELS.register_module()
class TopKSelector(BaseSelector):
    """Keeps the frames whose cosine with the sentence is highest.

    The paper's selection with global text and global video, without transport (Table 5). Nothing
    keeps it from taking ``count`` almost equal frames of one moment.

    Args:
        count: Frames to keep per clip, T.
    """

    def __init__(self, count: int) -> None:
        super().__init__(count)

    def score(
        self,
        frame_embeds: Tensor,
        word_embeds: Tensor,
        sentence_embeds: Tensor,
        frame_mask: Tensor,
        word_mask: Tensor,
        generator: torch.Generator | None,
    ) -> Tensor:
        """Return the cosine of each frame and the sentence, (B, U)."""
        return cosine_matrix(frame_embeds, sentence_embeds[:, None])[..., 0]
