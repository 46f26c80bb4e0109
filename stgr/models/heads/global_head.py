"""The global head: one linear map per modality into a shared space."""

from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

from stgr.ops.cosine import cosine_matrix
from stgr.ops.masking import at_least_float32, mean_weights
from stgr.registry import MODELS
from stgr.structures.features import TextFeatures, VideoFeatures

VideoInput = Literal['frame', 'patches']
TextInput = Literal['sentence', 'words']


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
        video: What a frame is: its own feature (CLIP's class token), or the mean of its
            ``patches`` (Table 13).
        text: What a sentence is: its own feature (CLIP's end mark), or the largest value of its
            real ``words`` in each channel (mode ``global`` of the released code, but for its
            padding); 0 without a real word.

    Raises:
        ValueError: If ``identity_init`` is asked for and the widths differ, or a name is unknown.
    """

    official_names: ClassVar[dict[str, str]] = {
        'video_proj': 'vis_proj_mat_g.0',
        'text_proj': 'lang_proj_mat_g.0',
    }
    """Our modules and their names in the released checkpoints; tensor names agree."""

    def __init__(
        self,
        video_dim: int,
        text_dim: int,
        dim: int,
        *,
        identity_init: bool = False,
        video: VideoInput = 'frame',
        text: TextInput = 'sentence',
    ) -> None:
        super().__init__()
        for name, value, known in (('video', video, VideoInput), ('text', text, TextInput)):
            if value not in get_args(known):
                raise ValueError(f'{name} must be one of {get_args(known)}, but got {value!r}')
        self.dim = dim
        self.video = video
        self.text = text
        self.video_proj = self.make_projection(video_dim)
        self.text_proj = self.make_projection(text_dim)
        if identity_init:
            self.start_as_identity()

    @property
    def needs_patches(self) -> bool:
        """Whether ``embed_frames`` reads patches."""
        return self.video == 'patches'

    def make_projection(self, width: int) -> nn.Module:
        """Return the map of one modality into the shared space."""
        return nn.Linear(width, self.dim)

    def start_as_identity(self) -> None:
        """Make both projections return what they are given."""
        for projection in (self.video_proj, self.text_proj):
            start_as_identity(projection)

    def embed_frames(self, video: VideoFeatures) -> Tensor:
        """Return each frame in the shared space, (B, U, D)."""
        if self.video == 'frame':
            return self.project_video(video.frames)
        if video.patches is None:
            raise ValueError("video='patches' averages the patches of a frame, but there are none")
        return self.project_video(video.patches.mean(dim=2))

    def embed_sentences(self, text: TextFeatures) -> Tensor:
        """Return each sentence in the shared space, (B, D)."""
        if self.text == 'sentence':
            return self.project_text(text.sentence)
        words = text.words.masked_fill(~text.mask[..., None], -torch.inf).amax(dim=1)
        return self.project_text(words.masked_fill(~text.mask.any(dim=1)[:, None], 0.0))

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


def start_as_identity(linear: nn.Module) -> None:
    """Make a linear map return what it is given.

    Raises:
        ValueError: If its widths differ.
        TypeError: If it is not linear.
    """
    if not isinstance(linear, nn.Linear):
        raise TypeError(f'identity_init needs a linear map, but got {type(linear).__name__}')
    if linear.in_features != linear.out_features:
        raise ValueError(
            f'identity_init needs dim = {linear.in_features}, the width of the features, but got '
            f'{linear.out_features}'
        )
    nn.init.eye_(linear.weight)
    nn.init.zeros_(linear.bias)
