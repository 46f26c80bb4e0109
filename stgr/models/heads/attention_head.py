"""Local heads that compare means after a stack of attention: mean, dot product."""

from abc import abstractmethod
from collections.abc import Callable
from typing import overload

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from stgr.models.heads.local_head import LocalHead
from stgr.ops.attention_stack import AttentionStack
from stgr.ops.heatmap import roll_out
from stgr.ops.word_space import pool_pairs

# Numbers that the largest tensor of one chunk may have; about a dozen such tensors live at once.
# With a gradient: 64 MB in float32, since a second chunk means computing everything twice.
TRAINING_CHUNK = 2**24
# Without: 4 MB, enough for full speed; more would only make memory grow with the video.
INFERENCE_CHUNK = 2**20


class AttentionHead(LocalHead):
    """Let patches and words exchange content, then compare what became of them.

    Both modalities are projected, go through a stack of attention that a subclass chooses, and are
    averaged over their real tokens. The score of a pair is the raw dot product of the two means.
    All pairs of a batch are computed at once.

    A text or a video with nothing real scores 0 with everything and has no gradient.

    Args:
        video_dim, text_dim, dim, identity_init: See ``LocalHead``.
        scale_at_eval: Whether the cross-attentions divide by sqrt(D) in evaluation too. False is
            the released evaluation: much sharper maps than those of training.
        residual_at_eval: Whether a second cross-attention keeps its residual in evaluation too.
            False is the released evaluation. Without a second one it changes nothing.
        identity_in_heat: Whether heat maps count the residual of the self-attention, as attention
            rollout does (Abnar and Zuidema 2020). False is the released heat map.
        cosine_in_training: Whether ``scores`` and ``pair_scores`` compare by cosine. Both outputs
            are mixtures of the same words and patches, so their cosines are near 1 for every pair
            and hardly teach where; they need a loss with a small temperature.
        cosine_at_eval: Whether ``frame_scores`` compares by cosine; False compares by the raw
            product.
        chunk: Videos scored at a time by ``scores`` in training. None: as many as fit a budget of
            memory.
    """

    def __init__(
        self,
        video_dim: int,
        text_dim: int,
        dim: int,
        *,
        scale_at_eval: bool = True,
        residual_at_eval: bool = True,
        identity_in_heat: bool = False,
        cosine_in_training: bool = False,
        cosine_at_eval: bool = True,
        identity_init: bool = False,
        chunk: int | None = None,
    ) -> None:
        super().__init__(video_dim, text_dim, dim, identity_init=identity_init)
        self.scale_at_eval = scale_at_eval
        self.residual_at_eval = residual_at_eval
        self.identity_in_heat = identity_in_heat
        self.cosine_in_training = cosine_in_training
        self.cosine_at_eval = cosine_at_eval
        self.chunk = chunk

    @abstractmethod
    def stack(self) -> AttentionStack:
        """Return weights and switches as the maths wants them."""

    @property
    def scale(self) -> float:
        """Factor of the scores of the cross-attentions, now."""
        return self.dim**-0.5 if self.training or self.scale_at_eval else 1.0

    @property
    def residual(self) -> bool:
        """Whether a second cross-attention adds its input, now."""
        return self.training or self.residual_at_eval

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
            stack=self.stack(),
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
        """Return the score of each video with each text, see ``LocalHead``.

        Where not all videos fit into one chunk, a chunk is computed again in the backward pass.
        """
        video, text = self.pooled(patches, words, region_mask, word_mask, chunk)
        return _comparison(self.cosine_in_training)(video, text, dim=-1)

    def pair_scores(
        self,
        patches: Tensor,
        words: Tensor,
        region_mask: Tensor | None = None,
        word_mask: Tensor | None = None,
    ) -> Tensor:
        """Return the score of each video with its own text, see ``LocalHead``."""
        video, text = pool_pairs(
            self.project_video(patches),
            self.project_text(words)[:, None],
            region_mask=region_mask,
            word_mask=None if word_mask is None else word_mask[:, None],
            stack=self.stack(),
            chunk=self._fitting(patches, words[:1]),
        )
        return _comparison(self.cosine_in_training)(video, text, dim=-1).squeeze(1)

    @torch.no_grad()
    def frame_scores(
        self, patches: Tensor, words: Tensor, word_mask: Tensor | None = None
    ) -> Tensor:
        """Return the score of each query with each frame, see ``LocalHead``."""
        texts = self.project_text(words)[None]
        masks = None if word_mask is None else word_mask[None]
        compare = _comparison(self.cosine_at_eval)
        scores = []
        for frames in patches.split(self._fitting(patches, words)):
            video, text = pool_pairs(
                self.project_video(frames),
                texts,
                region_mask=None,
                word_mask=masks,
                stack=self.stack(),
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
                    stack=self.stack(),
                )
            )
        return rearrange(torch.cat(heat), 'N 1 (T P) -> N T P', T=frames)

    def _fitting(self, patches: Tensor, words: Tensor) -> int:
        """Return how many of (I, R, C) videos, each with all (J, L, C) words, fit the budget."""
        cells, regions = max(1, words.shape[0] * words.shape[1]), patches.shape[1]
        budget = TRAINING_CHUNK if torch.is_grad_enabled() else INFERENCE_CHUNK
        return max(1, budget // self.numbers_per_video(cells, regions))

    def numbers_per_video(self, cells: int, regions: int) -> int:
        """Return the size of the largest tensor of one video and all ``cells`` words."""
        return cells * max(regions, self.dim)


def _comparison(cosine: bool) -> Callable[..., Tensor]:
    return F.cosine_similarity if cosine else _dot_product


def _dot_product(one: Tensor, other: Tensor, dim: int) -> Tensor:
    return (one * other).sum(dim=dim)


@overload
def _rows(tensor: Tensor, rows: slice) -> Tensor: ...


@overload
def _rows(tensor: Tensor | None, rows: slice) -> Tensor | None: ...


def _rows(tensor: Tensor | None, rows: slice) -> Tensor | None:
    """Return some rows of a tensor, or its only row where it has one for all."""
    return tensor if tensor is None or len(tensor) == 1 else tensor[rows]
