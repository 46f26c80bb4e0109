"""Stacks without word space: two cross-attentions, or self- before cross-attention (Table 8)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stgr.ops.attention_stack import (
    AttentionStack,
    AttentionWeights,
    SelfAttentionStack,
    Texts,
    carry_back,
    cross_scores,
    first_cross,
    mean_of_regions,
    softmax_regions,
    softmax_words,
    with_identity,
)
from stgr.ops.masking import fill_empty, masked_softmax


@dataclass(frozen=True)
class CrossCross(AttentionStack):
    """Two cross-attentions, nothing to learn but the projections before them.

    Args:
        scale: See ``AttentionStack``.
        residual: Whether the second one adds its input.
    """

    scale: float
    residual: bool = True

    def pool(
        self, video: Tensor, region_mask: Tensor | None, texts: Texts
    ) -> tuple[Tensor, Tensor]:
        """Return the means after the second cross-attention, see ``AttentionStack``."""
        first = first_cross(video, region_mask, texts, self.scale)
        scores = self._second_scores(first.words_of_region, first.seen, texts)
        region_pool, word_pool = mean_of_regions(video, region_mask), texts.pool[..., None, :]
        of_words = region_pool @ softmax_words(scores, texts)
        of_regions = (softmax_regions(scores, region_mask) @ word_pool.mT).mT
        pooled_video = of_words @ first.seen
        pooled_text = of_regions @ first.words_of_region @ texts.words
        if self.residual:
            pooled_video = pooled_video + region_pool @ first.words_of_region @ texts.words
            pooled_text = pooled_text + word_pool @ first.seen
        return pooled_video.squeeze(-2), pooled_text.squeeze(-2)

    def heat(self, video: Tensor, region_mask: Tensor | None, texts: Texts) -> Tensor:
        """Return the rollout from the mean region, see ``AttentionStack``."""
        first = first_cross(video, region_mask, texts, self.scale)
        scores = self._second_scores(first.words_of_region, first.seen, texts)
        weights = mean_of_regions(video, region_mask) @ softmax_words(scores, texts)
        return carry_back(weights, first.regions_of_word)

    def _second_scores(self, words_of_region: Tensor, seen: Tensor, texts: Texts) -> Tensor:
        return words_of_region @ (texts.words @ seen.mT) * self.scale


class SelfCross(SelfAttentionStack):
    """Self-attention inside each modality, then one cross-attention without residual."""

    def pool(
        self, video: Tensor, region_mask: Tensor | None, texts: Texts
    ) -> tuple[Tensor, Tensor]:
        """Return the means after the cross-attention, see ``AttentionStack``."""
        video, _ = _attend(video, region_mask, self.video_attention)
        texts = texts._replace(words=texts.derived[0])
        first = first_cross(video, region_mask, texts, self.scale)
        region_pool, word_pool = mean_of_regions(video, region_mask), texts.pool[..., None, :]
        pooled_video = region_pool @ first.words_of_region @ texts.words
        return pooled_video.squeeze(-2), (word_pool @ first.seen).squeeze(-2)

    def heat(self, video: Tensor, region_mask: Tensor | None, texts: Texts) -> Tensor:
        """Return the rollout from the mean word, see ``AttentionStack``."""
        video, attention = _attend(video, region_mask, self.video_attention)
        texts = texts._replace(words=texts.derived[0])
        regions_of_word = softmax_regions(cross_scores(video, texts, self.scale), region_mask)
        weights = masked_softmax(torch.zeros_like(texts.pool), texts.mask, dim=-1)
        of_regions = carry_back(weights[..., None, :], regions_of_word)  # (I, J, R)
        return with_identity(of_regions, attention, self.identity)

    def derive(self, texts: Texts) -> tuple[Tensor, ...]:
        """Return the words after their self-attention, (I', J, L, D)."""
        return (_attend(texts.words, texts.mask, self.text_attention)[0],)


def _attend(
    tokens: Tensor, mask: Tensor | None, attention: AttentionWeights
) -> tuple[Tensor, Tensor]:
    """Return tokens plus their self-attention, (..., K, D), and its map, (..., K, K).

    Args:
        tokens: (..., K, D).
        mask: True where a token is real, (..., K) bool. None: all are.
        attention: Weights.
    """
    query, key, value = F.linear(tokens, attention.in_weight, attention.in_bias).chunk(3, dim=-1)
    scores = query @ key.mT * tokens.shape[-1] ** -0.5
    real = None if mask is None else fill_empty(mask)[..., None, :]
    weights = masked_softmax(scores, real, dim=-1)
    return tokens + F.linear(weights @ value, attention.out_weight, attention.out_bias), weights
