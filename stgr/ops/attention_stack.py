"""What all stacks of cross- and self-attention between videos and texts share.

A stack is given every video with every text. Letters: I videos, J texts that each of them is paired
with, R regions, L words, D their width.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import torch
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


class Texts(NamedTuple):
    """Words, trimmed to what is real; I' is 1 where every video meets the same texts.

    Args:
        words: Words with padding set to 0, (I', J, L, D).
        mask: True where a word is real, without an empty row, (I', J, L) bool.
        pool: Weights of the mean over real words, (I', J, L); 0 for a text without any.
        derived: What the stack has computed of them once, (I', J, ...) each.
    """

    words: Tensor
    mask: Tensor
    pool: Tensor
    derived: tuple[Tensor, ...] = ()

    def rows(self, rows: slice) -> 'Texts':
        """Return the texts of some videos."""
        if len(self.words) == 1:
            return self
        derived = tuple(tensor[rows] for tensor in self.derived)
        return Texts(self.words[rows], self.mask[rows], self.pool[rows], derived)


class FirstCross(NamedTuple):
    """The first cross-attention of I x J pairs, which has no weights and no residual.

    Args:
        words_of_region: (I, J, R, L), sums to 1 over words.
        regions_of_word: The other way, (I, J, R, L), sums to 1 over regions.
        seen: Words after it, means of regions, (I, J, L, D).
    """

    words_of_region: Tensor
    regions_of_word: Tensor
    seen: Tensor


class AttentionStack(ABC):
    """Weights and switches of a stack; ``pool`` trains it and ``heat`` shows where it looks.

    Args:
        scale: Factor of the scores of its cross-attentions: ``D ** -0.5``, or 1 for none.
    """

    scale: float

    def to(self, dtype: torch.dtype) -> Self:
        """Return the same stack with weights of another floating-point type."""
        del dtype
        return self

    def derive(self, texts: Texts) -> tuple[Tensor, ...]:
        """Return what ``pool`` and ``heat`` need of the texts alone, (I', J, ...) each."""
        del texts
        return ()

    @abstractmethod
    def pool(
        self, video: Tensor, region_mask: Tensor | None, texts: Texts
    ) -> tuple[Tensor, Tensor]:
        """Return the mean region and the mean word of each pair, (I, J, D) each.

        Args:
            video: Projected regions, (I, R, D).
            region_mask: True where a region is real, (I, R) bool. None: all are.
            texts: The texts.
        """

    @abstractmethod
    def heat(self, video: Tensor, region_mask: Tensor | None, texts: Texts) -> Tensor:
        """Return how much the stack looks at each region for each text, (I, J, R), summing to 1."""


@dataclass(frozen=True)
class SelfAttentionStack(AttentionStack):
    """A stack with a self-attention in each modality, both with a residual.

    Args:
        video_attention: Self-attention over the regions.
        text_attention: Self-attention over the words.
        scale: See ``AttentionStack``.
        identity: Whether heat maps count the residual of the self-attention.
    """

    video_attention: AttentionWeights
    text_attention: AttentionWeights
    scale: float
    identity: bool = False

    def to(self, dtype: torch.dtype) -> Self:
        """Return the same stack with weights of another floating-point type."""
        return replace(
            self,
            video_attention=self.video_attention.to(dtype),
            text_attention=self.text_attention.to(dtype),
        )


def prepare(
    video: Tensor,
    words: Tensor,
    region_mask: Tensor | None,
    word_mask: Tensor | None,
    stack: AttentionStack,
) -> tuple[Tensor, Texts, Tensor | None, AttentionStack]:
    """Return the inputs of a stack in one type, trailing columns that no text uses cut off."""
    video, words = at_least_float32(video), at_least_float32(words)
    if word_mask is None:
        word_mask = words.new_ones(words.shape[:-1], dtype=torch.bool)
    if region_mask is not None and bool(region_mask.all()):
        region_mask = None  # attention is faster without a mask
    used = word_mask.flatten(0, 1).any(dim=0).nonzero()
    length = int(used.max()) + 1 if len(used) else 1
    stack = stack.to(video.dtype)
    texts = prepare_texts(words[..., :length, :], word_mask[..., :length], stack)
    return video, texts, region_mask, stack


def prepare_texts(words: Tensor, word_mask: Tensor, stack: AttentionStack) -> Texts:
    """Return words as a stack wants them: padding is 0, and what the texts alone decide is made.

    Args:
        words: Projected words, (I', J, L, D).
        word_mask: True where a word is real, (I', J, L) bool.
        stack: Weights and switches, of the words' type.
    """
    texts = Texts(
        words.masked_fill(~word_mask[..., None], 0),
        fill_empty(word_mask),
        mean_weights(word_mask, words.dtype),
    )
    return texts._replace(derived=stack.derive(texts))


def cross_scores(video: Tensor, texts: Texts, scale: float) -> Tensor:
    """Return the scores of the first cross-attention, (I, J, R, L)."""
    return torch.einsum('ird,ijld->ijrl', video, texts.words * scale)


def first_cross(
    video: Tensor, region_mask: Tensor | None, texts: Texts, scale: float
) -> FirstCross:
    """Let regions and words exchange content."""
    scores = cross_scores(video, texts, scale)
    regions_of_word = softmax_regions(scores, region_mask)
    return FirstCross(
        softmax_words(scores, texts),
        regions_of_word,
        torch.einsum('ijrl,ird->ijld', regions_of_word, video),
    )


def softmax_words(scores: Tensor, texts: Texts) -> Tensor:
    """Return the softmax of (I, J, R, L) scores over the real words."""
    return masked_softmax(scores, texts.mask[..., None, :], dim=-1)


def softmax_regions(scores: Tensor, region_mask: Tensor | None) -> Tensor:
    """Return the softmax of (I, J, R, L) scores over the real regions."""
    mask = None if region_mask is None else fill_empty(region_mask)[:, None, :, None]
    return masked_softmax(scores, mask, dim=-2)


def mean_of_regions(video: Tensor, region_mask: Tensor | None) -> Tensor:
    """Return the weights of the mean over real regions, (I, 1, 1, R); 0 where there is none."""
    if region_mask is None:
        region_mask = video.new_ones(video.shape[:2], dtype=torch.bool)
    return mean_weights(region_mask, video.dtype)[:, None, None]


def carry_back(word_weights: Tensor, regions_of_word: Tensor) -> Tensor:
    """Return weights of regions from weights of words, (I, J, 1, L) -> (I, J, R)."""
    return (regions_of_word @ word_weights.mT).squeeze(-1)


def with_identity(weights: Tensor, attention: Tensor, identity: bool) -> Tensor:
    """Return weights carried through an attention map, (..., 1, L), (..., L, L) -> (..., 1, L).

    Args:
        weights: Of its outputs.
        attention: Its map, rows summing to 1.
        identity: Whether half of each weight stays where it is, for the residual around the
            attention (Abnar and Zuidema 2020).
    """
    carried = weights @ attention
    return (weights + carried) / 2 if identity else carried
