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

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from stgr.ops.masking import at_least_float32, fill_empty, masked_softmax, mean_weights


class AttentionWeights(NamedTuple):
    """The four tensors of a single-head ``torch.nn.MultiheadAttention``, under its layout.

    Args:
        in_weight: Query, key and value maps on top of each other, (3 D, D).
        in_bias: Their biases, (3 D,).
        out_weight: Output map, (D, D).
        out_bias: Its bias, (D,).
    """

    in_weight: Tensor
    in_bias: Tensor
    out_weight: Tensor
    out_bias: Tensor

    def to(self, dtype: torch.dtype) -> 'AttentionWeights':
        """Return the same weights in another floating-point type."""
        return AttentionWeights(*(tensor.to(dtype) for tensor in self))


class CrossSelfCross(NamedTuple):
    """Weights and switches of the cross-self-cross stack.

    Only the middle layer has weights. The released code (GroundingYouTube, ``s3dg_clip.py``) drops
    the scale and the residual in evaluation; here both are choices.

    Args:
        video_attention: Self-attention over the regions.
        text_attention: Self-attention over the words.
        scale: Factor of the scores of both cross-attentions: ``D ** -0.5``, or 1 for none.
        residual: Whether the second cross-attention adds its input.
    """

    video_attention: AttentionWeights
    text_attention: AttentionWeights
    scale: float
    residual: bool


class TextSide(NamedTuple):
    """All that depends on the texts alone; I' is 1 where every video meets the same texts.

    Args:
        words: Words with padding set to 0, (I', J, L, D).
        mask: True where a word is real, without an empty row, (I', J, L) bool.
        pool: Weights of the mean over real words, (I', J, L); 0 for a text without any.
        self_scores: ``M`` above, (I', J, L, L).
        values: ``Y`` above its residual ``W``, (I', J, 2 L, D).
        keys: ``values`` above ``values Wo Wv`` of the text's self-attention, (I', J, 4 L, D).
        key_bias: ``values`` times the output bias of that attention, (I', J, 2 L).
    """

    words: Tensor
    mask: Tensor
    pool: Tensor
    self_scores: Tensor
    values: Tensor
    keys: Tensor
    key_bias: Tensor

    def rows(self, rows: slice) -> 'TextSide':
        """Return the texts of some videos."""
        return self if len(self.words) == 1 else TextSide(*(tensor[rows] for tensor in self))


class PairMaps(NamedTuple):
    """Attention of I x J pairs.

    Args:
        words_of_region: First cross-attention, ``A``, (I, J, R, L), sums to 1 over words.
        regions_of_word: First cross-attention, the other way, (I, J, R, L), sums to 1 over regions.
        seen: Words after it, means of regions, (I, J, L, D).
        text: Self-attention of the words, (I, J, L, L), sums to 1 over the last axis.
        mixed: Self-attention of the regions, ``G``, (I, J, R, L), sums to 1 over words.
        scores: Second cross-attention before its softmaxes, (I, J, R, L).
    """

    words_of_region: Tensor
    regions_of_word: Tensor
    seen: Tensor
    text: Tensor
    mixed: Tensor
    scores: Tensor


def prepare(
    video: Tensor,
    words: Tensor,
    region_mask: Tensor | None,
    word_mask: Tensor | None,
    stack: CrossSelfCross,
) -> tuple[Tensor, TextSide, Tensor | None, CrossSelfCross]:
    """Return the inputs of ``attend_pairs`` in one type, trimmed to what is real."""
    video, words = at_least_float32(video), at_least_float32(words)
    stack = stack._replace(
        video_attention=stack.video_attention.to(video.dtype),
        text_attention=stack.text_attention.to(video.dtype),
    )
    if word_mask is None:
        word_mask = words.new_ones(words.shape[:-1], dtype=torch.bool)
    if region_mask is not None and bool(region_mask.all()):
        region_mask = None  # attention is faster without a mask
    return video, _text_side(words, word_mask, stack), region_mask, stack


def attend_pairs(
    video: Tensor, region_mask: Tensor | None, text: TextSide, stack: CrossSelfCross
) -> PairMaps:
    """Run the stack up to the scores of its second cross-attention.

    Args:
        video: Projected regions, (I, R, D).
        region_mask: True where a region is real, (I, R) bool. None: all are.
        text: The texts.
        stack: Weights and switches.

    Returns:
        The attention maps of each pair.
    """
    scores = torch.einsum('ird,ijld->ijrl', video, text.words * stack.scale)
    words_of_region = masked_softmax(scores, text.mask[..., None, :], dim=-1)
    regions_of_word = softmax_regions(scores, region_mask)
    seen = torch.einsum('ijrl,ird->ijld', regions_of_word, video)
    text_map = _attend_words(seen, text.mask, stack.text_attention)
    mixed = F.scaled_dot_product_attention(
        words_of_region @ text.self_scores,
        words_of_region,
        words_of_region,
        attn_mask=None if region_mask is None else fill_empty(region_mask)[:, None, None],
        scale=1.0,
    )
    keys = _second_keys(seen, text_map, text) * stack.scale  # (I, J, 2 L, L)
    of_mixed, of_words = keys.chunk(2, dim=-2)
    second = mixed @ of_mixed + words_of_region @ of_words
    return PairMaps(words_of_region, regions_of_word, seen, text_map, mixed, second)


def softmax_regions(scores: Tensor, region_mask: Tensor | None) -> Tensor:
    """Return the softmax of (I, J, R, L) scores over the real regions."""
    mask = None if region_mask is None else fill_empty(region_mask)[:, None, :, None]
    return masked_softmax(scores, mask, dim=-2)


def mean_of_regions(video: Tensor, region_mask: Tensor | None) -> Tensor:
    """Return the weights of the mean over real regions, (I, 1, 1, R); 0 where there is none."""
    if region_mask is None:
        region_mask = video.new_ones(video.shape[:2], dtype=torch.bool)
    return mean_weights(region_mask, video.dtype)[:, None, None]


def _text_side(words: Tensor, mask: Tensor, stack: CrossSelfCross) -> TextSide:
    """Compute what the texts need once; trailing columns that no text uses are cut off."""
    used = mask.flatten(0, 1).any(dim=0).nonzero()
    length = int(used.max()) + 1 if len(used) else 1
    words, mask = words[..., :length, :], mask[..., :length]
    words = words.masked_fill(~mask[..., None], 0)
    in_weight, in_bias, out_weight, out_bias = stack.video_attention
    query, key, value = F.linear(words, in_weight, in_bias).chunk(3, dim=-1)
    values = torch.cat([F.linear(value, out_weight, out_bias), words], dim=-2)
    _, _, text_value = stack.text_attention.in_weight.chunk(3)
    return TextSide(
        words=words,
        mask=fill_empty(mask),
        pool=mean_weights(mask, words.dtype),
        self_scores=query @ key.transpose(-1, -2) * words.shape[-1] ** -0.5,
        values=values,
        keys=torch.cat([values, values @ stack.text_attention.out_weight @ text_value], dim=-2),
        key_bias=values @ _folded_bias(stack.text_attention),
    )


def _folded_bias(attention: AttentionWeights) -> Tensor:
    """Return what value and output bias add to each output, (D,)."""
    value_bias = attention.in_bias.chunk(3)[2]
    return attention.out_weight @ value_bias + attention.out_bias


def _attend_words(seen: Tensor, mask: Tensor, attention: AttentionWeights) -> Tensor:
    """Return the self-attention map of the words, (I, J, L, L).

    The query and key maps are folded into one; the key bias cancels in the softmax, the query bias
    stays as a term per key.
    """
    query, key, _ = attention.in_weight.chunk(3)
    query_bias, _, _ = attention.in_bias.chunk(3)
    scores = (seen @ (query.T @ key) + query_bias @ key) @ seen.transpose(-1, -2)
    return masked_softmax(scores * seen.shape[-1] ** -0.5, mask[..., None, :], dim=-1)


def _second_keys(seen: Tensor, text_map: Tensor, text: TextSide) -> Tensor:
    """Return ``values T2^T``, (I, J, 2 L, L), where T2 are the words after their self-attention."""
    plain, mapped = torch.einsum('ijkd,ijld->ijkl', text.keys, seen).chunk(2, dim=-2)
    return plain + mapped @ text_map.transpose(-1, -2) + text.key_bias[..., None]
