"""The paper's local head: cross-attention, self-attention, cross-attention, mean, dot product."""

from typing import ClassVar, overload

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from stgr.models.heads.global_head import start_as_identity
from stgr.models.heads.local_head import LocalHead
from stgr.ops.cross_attention import AttentionWeights, CrossSelfCross
from stgr.ops.heatmap import roll_out
from stgr.ops.word_space import pool_pairs
from stgr.registry import MODELS

# Numbers that the largest tensor of one chunk may have; about a dozen such tensors live at once.
# With a gradient: 64 MB in float32, since a second chunk means computing everything twice.
TRAINING_CHUNK = 2**24
# Without: 4 MB, enough for full speed; more would only make memory grow with the video.
INFERENCE_CHUNK = 2**20


@MODELS.register_module()
class CrossSelfCrossHead(LocalHead):
    """Let patches and words exchange content, then compare what became of them.

    Both modalities are projected; cross-attend to each other without weights or residual;
    self-attend with weights and residual; cross-attend again with residual; are averaged over
    their real tokens. The score of a pair is the raw dot product of the two means. ("What, When,
    and Where?", CVPR 2024, Sec. 3; GroundingYouTube, ``s3dg_clip.py``.) All pairs of a batch are
    computed in word space, see ``stgr.ops.cross_attention``.

    A text or a video with nothing real scores 0 with everything and has no gradient.

    Args:
        video_dim: Width of the patch features.
        text_dim: Width of the word features.
        dim: Shared width D.
        scale_at_eval: Whether the cross-attentions divide by sqrt(D) in evaluation too. False is
            the released evaluation: much sharper maps than those of training.
        residual_at_eval: Whether the second cross-attention keeps its residual in evaluation too.
            False is the released evaluation.
        cosine_at_eval: Whether ``frame_scores`` compares by cosine. Both outputs are mixtures of
            the same words and patches, so their cosines are near 1 for every pair; False compares
            by the raw product, as training does.
        identity_init: Start the projections from the backbone's own space, as in ``GlobalHead``.
        chunk: Videos scored at a time by ``scores`` in training. None: as many as fit a budget of
            memory.

    Raises:
        ValueError: If ``identity_init`` is asked for and the widths differ.
    """

    official_names: ClassVar[dict[str, str]] = {
        'video_proj': 'vis_proj_mat.0',
        'text_proj': 'lang_proj_mat.0',
        'video_attention': 'sa_layer.vis_attn_mat',
        'text_attention': 'sa_layer.text_attn_mat',
    }
    """Our modules and their names in the released checkpoints; tensor names agree."""

    def __init__(
        self,
        video_dim: int,
        text_dim: int,
        dim: int,
        *,
        scale_at_eval: bool = True,
        residual_at_eval: bool = True,
        cosine_at_eval: bool = True,
        identity_init: bool = False,
        chunk: int | None = None,
    ) -> None:
        super().__init__()
        self.dim = dim
        self.scale_at_eval = scale_at_eval
        self.residual_at_eval = residual_at_eval
        self.cosine_at_eval = cosine_at_eval
        self.chunk = chunk
        self.video_proj = nn.Linear(video_dim, dim)
        self.text_proj = nn.Linear(text_dim, dim)
        if identity_init:
            start_as_identity(self.video_proj)
            start_as_identity(self.text_proj)
        # Only their tensors are used: the attention itself happens in word space.
        self.video_attention = nn.MultiheadAttention(dim, num_heads=1, batch_first=True)
        self.text_attention = nn.MultiheadAttention(dim, num_heads=1, batch_first=True)

    def project_video(self, patches: Tensor) -> Tensor:
        """Return the patches in the shared space, (..., C) -> (..., D)."""
        return self.video_proj(patches)

    def project_text(self, words: Tensor) -> Tensor:
        """Return the words in the shared space, (..., C) -> (..., D)."""
        return self.text_proj(words)

    def pooled(
        self,
        patches: Tensor,
        words: Tensor,
        region_mask: Tensor | None = None,
        word_mask: Tensor | None = None,
        chunk: int | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return the two means of each pair, (B, B, D) each, whose dot products are ``scores``."""
        return pool_pairs(
            self.project_video(patches),
            self.project_text(words)[None],
            region_mask=region_mask,
            word_mask=None if word_mask is None else word_mask[None],
            stack=self._stack(),
            chunk=chunk or self.chunk or self._fitting(patches, words),
        )

    def scores(
        self,
        patches: Tensor,
        words: Tensor,
        region_mask: Tensor | None = None,
        word_mask: Tensor | None = None,
        chunk: int | None = None,
    ) -> Tensor:
        """Return the raw score of each video with each text, see ``LocalHead``.

        Where not all videos fit into one chunk, a chunk is computed again in the backward pass.
        """
        video, text = self.pooled(patches, words, region_mask, word_mask, chunk)
        return _dot_product(video, text, dim=-1)

    def pair_scores(
        self,
        patches: Tensor,
        words: Tensor,
        region_mask: Tensor | None = None,
        word_mask: Tensor | None = None,
    ) -> Tensor:
        """Return the raw score of each video with its own text, see ``LocalHead``."""
        video, text = pool_pairs(
            self.project_video(patches),
            self.project_text(words)[:, None],
            region_mask=region_mask,
            word_mask=None if word_mask is None else word_mask[:, None],
            stack=self._stack(),
            chunk=self._fitting(patches, words[:1]),
        )
        return _dot_product(video, text, dim=-1).squeeze(1)

    @torch.no_grad()
    def frame_scores(
        self, patches: Tensor, words: Tensor, word_mask: Tensor | None = None
    ) -> Tensor:
        """Return the score of each query with each frame, see ``LocalHead``."""
        texts = self.project_text(words)[None]
        masks = None if word_mask is None else word_mask[None]
        compare = F.cosine_similarity if self.cosine_at_eval else _dot_product
        scores = []
        for frames in patches.split(self._fitting(patches, words)):
            video, text = pool_pairs(
                self.project_video(frames),
                texts,
                region_mask=None,
                word_mask=masks,
                stack=self._stack(),
            )
            scores.append(compare(video, text, dim=-1))
        return rearrange(torch.cat(scores), 'F Q -> Q F')

    @torch.no_grad()
    def heatmaps(
        self,
        patches: Tensor,
        words: Tensor,
        word_mask: Tensor | None = None,
        region_mask: Tensor | None = None,
    ) -> Tensor:
        """Return where a text is seen in each frame of a window, see ``LocalHead``."""
        frames = patches.shape[1]
        regions = rearrange(patches, 'N T P C -> N (T P) C')
        if region_mask is not None:
            region_mask = region_mask.expand(patches.shape[:3]).flatten(1)
        texts = self.project_text(words)[:, None]
        masks = None if word_mask is None else word_mask[:, None]
        step = self._fitting(regions, words[:1])
        heat = []
        for start in range(0, max(len(regions), 1), step):
            rows = slice(start, start + step)
            heat.append(
                roll_out(
                    self.project_video(regions[rows]),
                    _rows(texts, rows),
                    region_mask=_rows(region_mask, rows),
                    word_mask=_rows(masks, rows),
                    stack=self._stack(),
                )
            )
        return rearrange(torch.cat(heat), 'N 1 (T P) -> N T P', T=frames)

    def _stack(self) -> CrossSelfCross:
        """Return weights and switches as the maths wants them."""
        scaled = self.training or self.scale_at_eval
        return CrossSelfCross(
            video_attention=attention_weights(self.video_attention),
            text_attention=attention_weights(self.text_attention),
            scale=self.dim**-0.5 if scaled else 1.0,
            residual=self.training or self.residual_at_eval,
        )

    def _fitting(self, patches: Tensor, words: Tensor) -> int:
        """Return how many of (I, R, C) videos, each with all (J, L, C) words, fit the budget."""
        texts, length = words.shape[:2]
        budget = TRAINING_CHUNK if torch.is_grad_enabled() else INFERENCE_CHUNK
        return max(1, budget // (texts * length * max(patches.shape[1], self.dim)))


def _dot_product(one: Tensor, other: Tensor, dim: int) -> Tensor:
    return (one * other).sum(dim=dim)


@overload
def _rows(tensor: Tensor, rows: slice) -> Tensor: ...


@overload
def _rows(tensor: Tensor | None, rows: slice) -> Tensor | None: ...


def _rows(tensor: Tensor | None, rows: slice) -> Tensor | None:
    """Return some rows of a tensor, or its only row where it has one for all."""
    return tensor if tensor is None or len(tensor) == 1 else tensor[rows]


def attention_weights(attention: nn.MultiheadAttention) -> AttentionWeights:
    """Return the tensors of a single-head self-attention as the maths wants them."""
    return AttentionWeights(
        attention.in_proj_weight,
        attention.in_proj_bias,
        attention.out_proj.weight,
        attention.out_proj.bias,
    )
