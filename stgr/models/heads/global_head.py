"""The global head: one linear map per modality into a shared space."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from stgr.ops.cosine import cosine_matrix
from stgr.ops.masking import at_least_float32, mean_weights
from stgr.registry import MODELS


@MODELS.register_module()
class GlobalHead(nn.Module):
    """Compare whole clips with whole narrations.

    Figure 2(d) of "What, When, and Where?" (CVPR 2024) says MLP, its text and the released code
    (GroundingYouTube, ``s3dg_clip.py``) linear. Training compares by raw dot products (``scores``),
    inference by cosines (``similarity``): two names, since a threshold on one means nothing for
    the other.

    Args:
        video_dim: Width of the frame features.
        text_dim: Width of the sentence and word features.
        dim: Shared width D.
        identity_init: Start from the backbone's own space instead of random maps, for backbones
            that already align video and text; needs equal widths.

    Raises:
        ValueError: If ``identity_init`` is asked for and the widths differ.
    """

    official_names: ClassVar[dict[str, str]] = {
        'video_proj': 'vis_proj_mat_g.0',
        'text_proj': 'lang_proj_mat_g.0',
    }
    """Our modules and their names in the released checkpoints; tensor names agree."""

    def __init__(
        self, video_dim: int, text_dim: int, dim: int, *, identity_init: bool = False
    ) -> None:
        super().__init__()
        self.dim = dim
        self.video_proj = nn.Linear(video_dim, dim)
        self.text_proj = nn.Linear(text_dim, dim)
        if identity_init:
            start_as_identity(self.video_proj)
            start_as_identity(self.text_proj)

    def project_video(self, frames: Tensor) -> Tensor:
        """Return frames in the shared space, (..., C) -> (..., D)."""
        return self.video_proj(frames)

    def project_text(self, text: Tensor) -> Tensor:
        """Return sentences or words in the shared space, (..., C) -> (..., D)."""
        return self.text_proj(text)

    def pool(self, frame_embeds: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the mean of each clip's real frames.

        Args:
            frame_embeds: Projected frames, (B, T, D).
            mask: True where a frame is real, (B, T) bool. None: all are.

        Returns:
            Clip embeddings, (B, D) float32; 0 for a clip without a real frame.
        """
        frame_embeds = at_least_float32(frame_embeds)
        if mask is None:
            return frame_embeds.mean(dim=1)
        weights = mean_weights(mask, frame_embeds.dtype)
        return (frame_embeds * weights[..., None]).sum(dim=1)

    def scores(self, video_embeds: Tensor, text_embeds: Tensor) -> Tensor:
        """Return the raw dot product of each clip with each text: what the loss sees.

        Args:
            video_embeds: Clip embeddings, (B, D).
            text_embeds: Projected sentences, (B, D).

        Returns:
            Scores, (B, B) float32 also under autocast, rows are videos and columns texts.
        """
        with torch.autocast(video_embeds.device.type, enabled=False):
            return at_least_float32(video_embeds) @ at_least_float32(text_embeds).T

    def similarity(self, frame_embeds: Tensor, text_embeds: Tensor) -> Tensor:
        """Return the cosine of each query with each frame: what inference thresholds.

        Args:
            frame_embeds: Projected frames, (F, D).
            text_embeds: Projected queries, (Q, D).

        Returns:
            Cosines, (Q, F) float32 also under autocast.
        """
        return cosine_matrix(text_embeds, frame_embeds)


def start_as_identity(linear: nn.Linear) -> None:
    """Make a linear map return what it is given.

    Raises:
        ValueError: If its widths differ.
    """
    if linear.in_features != linear.out_features:
        raise ValueError(
            f'identity_init needs dim = {linear.in_features}, the width of the features, but got '
            f'{linear.out_features}'
        )
    nn.init.eye_(linear.weight)
    nn.init.zeros_(linear.bias)
