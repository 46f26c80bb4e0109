"""The cross-self-cross stack between every video and every text, rewritten in word space.

After the first cross-attention, which has no weights, each region is a convex combination of the
words of the text it looks at: ``V1 = A W`` with ``A`` (R, L). All that follows is linear in the
words but for the softmaxes, so the regions of a pair never need D numbers each, only L:

    video self-attention    G = softmax(A M A^T) A   M = (W Wq + bq)(W Wk + bk)^T / sqrt(D)  (L, L)
    its output + residual   V2 = G Y + A W           Y = (W Wv + bv) Wo + bo                 (L, D)
    second cross scores     V2 T2^T = G (Y T2^T) + A (W T2^T)
    pooled                  weighted sums over R of G and A, then products with Y and W

Biases fold in because the rows of A and of every softmax sum to 1. ``M`` and ``Y`` are made once
per text. Scores and all gradients equal those of the plain form to rounding; time and
memory go from O(B^2 R L D) to O(B^2 (R L D + R^2 L + L D^2)) and O(B^2 L (R + D)).

The stack itself is Sec. 3 of "What, When, and Where?" (CVPR 2024) as in GroundingYouTube,
``s3dg_clip.py``. Letters beyond the usual: I videos, J texts that each of them is paired with.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from stgr.ops.attention_stack import (
    AttentionWeights,
    SelfAttentionStack,
    Texts,
    carry_back,
    first_cross,
    mean_of_regions,
    softmax_regions,
    softmax_words,
    with_identity,
)
from stgr.ops.masking import fill_empty, masked_softmax


class WordSpace(NamedTuple):
    """All that depends on the texts alone.

    Args:
        self_scores: ``M`` above, (I', J, L, L).
        values: ``Y`` above its residual ``W``, (I', J, 2 L, D).
        keys: ``values`` above ``values Wo Wv`` of the words' self-attention, (I', J, 4 L, D).
        key_bias: ``values`` times the output bias of that attention, (I', J, 2 L).
    """

    self_scores: Tensor
    values: Tensor
    keys: Tensor
    key_bias: Tensor


class PairMaps(NamedTuple):
    """Regions and words of I x J pairs after their self-attentions.

    Args:
        words_of_region: First cross-attention, ``A``, (I, J, R, L), sums to 1 over words.
        regions_of_word: First cross-attention, the other way, (I, J, R, L), sums to 1 over regions.
        seen: Words after it, means of regions, (I, J, L, D).
        text: Self-attention of the words, (I, J, L, L), sums to 1 over the last axis.
        mixed: Self-attention of the regions, ``G``, (I, J, R, L), sums to 1 over words.
        space: What the regions are made of.
    """

    words_of_region: Tensor
    regions_of_word: Tensor
    seen: Tensor
    text: Tensor
    mixed: Tensor
    space: WordSpace


class CrossSelf(SelfAttentionStack):
    """Cross-attention, then self-attention (Table 8)."""

    def pool(
        self, video: Tensor, region_mask: Tensor | None, texts: Texts
    ) -> tuple[Tensor, Tensor]:
        """Return the means after the self-attentions, see ``AttentionStack``."""
        maps = self.attend(video, region_mask, texts)
        pooled_video = sum_regions(mean_of_regions(video, region_mask), maps)
        pooled_text = sum_words(texts.pool[..., None, :], maps, self.text_attention)
        return pooled_video.squeeze(-2), pooled_text.squeeze(-2)

    def heat(self, video: Tensor, region_mask: Tensor | None, texts: Texts) -> Tensor:
        """Return the rollout from the mean word, see ``AttentionStack``."""
        maps = self.attend(video, region_mask, texts)
        weights = masked_softmax(torch.zeros_like(texts.pool), texts.mask, dim=-1)[..., None, :]
        weights = with_identity(weights, maps.text, self.identity)
        return carry_back(weights, maps.regions_of_word)

    def attend(self, video: Tensor, region_mask: Tensor | None, texts: Texts) -> PairMaps:
        """Run the first cross-attention and both self-attentions, see ``PairMaps``."""
        first = first_cross(video, region_mask, texts, self.scale)
        space = WordSpace(*texts.derived)
        mixed = F.scaled_dot_product_attention(
            first.words_of_region @ space.self_scores,
            first.words_of_region,
            first.words_of_region,
            attn_mask=None if region_mask is None else fill_empty(region_mask)[:, None, None],
            scale=1.0,
        )
        text_map = attend_words(first.seen, texts.mask, self.text_attention)
        return PairMaps(*first, text_map, mixed, space)

    def derive(self, texts: Texts) -> tuple[Tensor, ...]:
        """Return the ``WordSpace`` of the texts."""
        in_weight, in_bias, out_weight, out_bias = self.video_attention
        query, key, value = F.linear(texts.words, in_weight, in_bias).chunk(3, dim=-1)
        values = torch.cat([F.linear(value, out_weight, out_bias), texts.words], dim=-2)
        text_value = self.text_attention.in_weight.chunk(3)[2]
        return WordSpace(
            self_scores=query @ key.mT * texts.words.shape[-1] ** -0.5,
            values=values,
            keys=torch.cat([values, values @ self.text_attention.out_weight @ text_value], dim=-2),
            key_bias=values @ _folded_bias(self.text_attention),
        )


@dataclass(frozen=True)
class CrossSelfCross(CrossSelf):
    """The paper's stack: only its middle layer has weights.

    The released code (GroundingYouTube, ``s3dg_clip.py``) drops the scale and the residual in
    evaluation; here both are choices.

    Args:
        video_attention: See ``CrossSelf``.
        text_attention: Likewise.
        scale: See ``AttentionStack``.
        identity: See ``CrossSelf``; the released heat map has none.
        residual: Whether the second cross-attention adds its input.
    """

    residual: bool = True

    def pool(
        self, video: Tensor, region_mask: Tensor | None, texts: Texts
    ) -> tuple[Tensor, Tensor]:
        """Return the means after the second cross-attention, see ``AttentionStack``."""
        maps = self.attend(video, region_mask, texts)
        scores = self._second_scores(maps)
        region_pool, word_pool = mean_of_regions(video, region_mask), texts.pool[..., None, :]
        of_words = region_pool @ softmax_words(scores, texts)
        of_regions = (softmax_regions(scores, region_mask) @ word_pool.mT).mT
        pooled_video = sum_words(of_words, maps, self.text_attention)
        pooled_text = sum_regions(of_regions, maps)
        if self.residual:
            pooled_video = pooled_video + sum_regions(region_pool, maps)
            pooled_text = pooled_text + sum_words(word_pool, maps, self.text_attention)
        return pooled_video.squeeze(-2), pooled_text.squeeze(-2)

    def heat(self, video: Tensor, region_mask: Tensor | None, texts: Texts) -> Tensor:
        """Return the rollout from the mean region, see ``AttentionStack``."""
        maps = self.attend(video, region_mask, texts)
        over_words = softmax_words(self._second_scores(maps), texts)
        weights = mean_of_regions(video, region_mask) @ over_words  # (I, J, 1, L)
        weights = with_identity(weights, maps.text, self.identity)
        return carry_back(weights, maps.regions_of_word)

    def _second_scores(self, maps: PairMaps) -> Tensor:
        """Return the scores of the second cross-attention, ``V2 T2^T``, (I, J, R, L)."""
        both = torch.einsum('ijkd,ijld->ijkl', maps.space.keys, maps.seen)
        plain, mapped = both.chunk(2, dim=-2)
        keys = (plain + mapped @ maps.text.mT + maps.space.key_bias[..., None]) * self.scale
        of_mixed, of_words = keys.chunk(2, dim=-2)  # (I, J, L, L) each
        return maps.mixed @ of_mixed + maps.words_of_region @ of_words


def attend_words(seen: Tensor, mask: Tensor, attention: AttentionWeights) -> Tensor:
    """Return the self-attention map of the words, (I, J, L, L).

    The query and key maps are folded into one; the key bias cancels in the softmax, the query bias
    stays as a term per key.
    """
    query, key, _ = attention.in_weight.chunk(3)
    query_bias, _, _ = attention.in_bias.chunk(3)
    scores = (seen @ (query.T @ key) + query_bias @ key) @ seen.mT
    return masked_softmax(scores * seen.shape[-1] ** -0.5, mask[..., None, :], dim=-1)


def sum_regions(weights: Tensor, maps: PairMaps) -> Tensor:
    """Return a weighted sum of the regions after their self-attention, (I, J, 1, D).

    Args:
        weights: One per region, (I, 1 or J, 1, R).
        maps: Attention of the pairs.
    """
    coefficients = [weights @ maps.mixed, weights @ maps.words_of_region]
    return torch.cat(coefficients, dim=-1) @ maps.space.values


def sum_words(weights: Tensor, maps: PairMaps, attention: AttentionWeights) -> Tensor:
    """Return a weighted sum of the words after their self-attention, (I, J, 1, D).

    Args:
        weights: One per word, (1 or I, J, 1, L), summing to 1 or 0.
        maps: Attention of the pairs.
        attention: Self-attention of the words.
    """
    value, value_bias = attention.in_weight.chunk(3)[2], attention.in_bias.chunk(3)[2]
    total = weights.sum(dim=-1, keepdim=True)
    values = F.linear(weights @ maps.text @ maps.seen, value) + total * value_bias
    outputs = F.linear(values, attention.out_weight) + total * attention.out_bias
    return weights @ maps.seen + outputs


def _folded_bias(attention: AttentionWeights) -> Tensor:
    """Return what value and output bias add to each output, (D,)."""
    value_bias = attention.in_bias.chunk(3)[2]
    return attention.out_weight @ value_bias + attention.out_bias
