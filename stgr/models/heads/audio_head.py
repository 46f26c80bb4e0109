"""The audio head: sound in the shared spaces, compared with video and with text."""

from typing import ClassVar

from torch import Tensor, nn

from stgr.models.heads.attention_head import TRAINING_CHUNK
from stgr.models.heads.cross_self_cross_head import CrossSelfCrossHead
from stgr.models.heads.cross_self_head import attention_weights
from stgr.ops.cross_attention import CrossSelfCross
from stgr.ops.masking import at_least_float32, mean_weights
from stgr.ops.word_space import pool_pairs
from stgr.registry import MODELS
from stgr.structures.features import AudioFeatures


@MODELS.register_module()
class AudioHead(nn.Module):
    """Projections of sound and its comparison with the projections of the other two heads.

    Globally the mean of a clip's steps is projected; locally every step is, and goes through the
    local head's cross-self-cross stack: with text as if it were regions, with video as if it were
    words. The projections and self-attentions of video and text are those of the local head, which
    is handed over with each call. (GroundingYouTube, ``s3dg_all.py`` at d5af111.)

    The released class differs in two ways: its audio uses the self-attention of the video, though
    it has one of its own (see ``own_attention``), and its video-audio scores pair clips with the
    audio of the clip and the *texts* of others, so that its negatives are no sounds.

    Args:
        audio_dim: Width of the audio features.
        local_dim: Width of the local head; None: without the local branch.
        global_dim: Width of the global head; None: without the global branch.
        own_attention: Whether the sound has a self-attention of its own; False: the video's.
    """

    official_names: ClassVar[dict[str, str]] = {
        'local_proj': 'DAVEnet_fc',
        'global_proj': 'DAVEnet_fc_g',
        'attention': 'sa_layer.audio_attn_mat',
    }
    """Our modules and their names in the released checkpoints; tensor names agree."""

    def __init__(
        self,
        audio_dim: int,
        local_dim: int | None,
        global_dim: int | None,
        *,
        own_attention: bool = True,
    ) -> None:
        super().__init__()
        self.local_proj = None if local_dim is None else nn.Linear(audio_dim, local_dim)
        self.global_proj = None if global_dim is None else nn.Linear(audio_dim, global_dim)
        # Only its tensors are used: the attention itself happens in word space.
        self.attention: nn.MultiheadAttention | None = None
        if own_attention and local_dim is not None:
            self.attention = nn.MultiheadAttention(local_dim, num_heads=1, batch_first=True)

    def pool(self, audio: AudioFeatures) -> Tensor:
        """Return the projected mean of each clip's real steps, (B, D) float32.

        A clip without sound gives the projection of 0, which means nothing.
        """
        weights = mean_weights(audio.mask, audio.steps.dtype)
        return at_least_float32(self.project_global((audio.steps * weights[..., None]).sum(dim=1)))

    def project_global(self, audio: Tensor) -> Tensor:
        """Return means of steps in the global space, (..., A) -> (..., D)."""
        assert self.global_proj is not None, 'the global branch was left out'
        return self.global_proj(audio)

    def project_local(self, steps: Tensor) -> Tensor:
        """Return steps in the local space, (..., A) -> (..., D)."""
        assert self.local_proj is not None, 'the local branch was left out'
        return self.local_proj(steps)

    def text_scores(
        self, local_head: CrossSelfCrossHead, audio: AudioFeatures, words: Tensor, word_mask: Tensor
    ) -> Tensor:
        """Return the raw score of each sound with each text, steps in the part of regions.

        Args:
            local_head: Whose text projection and self-attention are used.
            audio: Sound of B clips.
            words: Word features, (B, L, C).
            word_mask: True where a word is real, (B, L) bool.

        Returns:
            Scores, (B, B) float32, rows are sounds and columns texts; 0 without sound.
        """
        return _scores(
            self.project_local(audio.steps),
            local_head.project_text(words),
            audio.mask,
            word_mask,
            _stack(self._attention(local_head), local_head.text_attention, local_head.dim),
        )

    def video_scores(
        self,
        local_head: CrossSelfCrossHead,
        patches: Tensor,
        region_mask: Tensor,
        audio: AudioFeatures,
    ) -> Tensor:
        """Return the raw score of each video with each sound, steps in the part of words.

        Args:
            local_head: Whose video projection and self-attention are used.
            patches: Patch features of the selected frames, frame after frame, (B, R, C).
            region_mask: True where a region is real, (B, R) bool.
            audio: Sound of B clips.

        Returns:
            Scores, (B, B) float32, rows are videos and columns sounds; 0 without sound.
        """
        return _scores(
            local_head.project_video(patches),
            self.project_local(audio.steps),
            region_mask,
            audio.mask,
            _stack(local_head.video_attention, self._attention(local_head), local_head.dim),
        )

    def _attention(self, local_head: CrossSelfCrossHead) -> nn.MultiheadAttention:
        return self.attention or local_head.video_attention


def _stack(
    of_regions: nn.MultiheadAttention, of_words: nn.MultiheadAttention, dim: int
) -> CrossSelfCross:
    """Return the stack as it is in training, the only time that sound goes through it."""
    return CrossSelfCross(
        video_attention=attention_weights(of_regions),
        text_attention=attention_weights(of_words),
        scale=dim**-0.5,
        residual=True,
    )


def _scores(
    regions: Tensor, words: Tensor, region_mask: Tensor, word_mask: Tensor, stack: CrossSelfCross
) -> Tensor:
    """Return the dot products of the pooled outputs of all pairs, (B, B)."""
    per_item = words.shape[0] * words.shape[1] * max(regions.shape[1], regions.shape[2])
    pooled = pool_pairs(
        regions,
        words[None],
        region_mask=region_mask,
        word_mask=word_mask[None],
        stack=stack,
        chunk=max(1, TRAINING_CHUNK // per_item),
    )
    return (pooled[0] * pooled[1]).sum(dim=-1)
