"""Sentences as text towers see them, and words as CLIP's does."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from stgr.ops.masking import at_least_float32
from stgr.structures.features import TextFeatures


def tokenize(
    tokenizer: Any, sentences: Sequence[str], *, limit: int, padding: str = 'longest'
) -> tuple[Tensor, Tensor]:
    """Return token ids and mask, (B, N), N <= limit; an empty sentence has its marks only.

    Args:
        tokenizer: Of transformers.
        sentences: B texts.
        limit: Most tokens of a sentence, its marks included.
        padding: 'longest': N is that of the longest sentence; 'max_length': N is the limit.
    """
    batch = tokenizer(
        list(sentences),
        padding=padding,
        truncation=True,
        max_length=limit,
        return_tensors='pt',
        return_attention_mask=True,
    )
    return batch['input_ids'], batch['attention_mask'].bool()


def tokens_cut(tokenizer: Any, sentences: Sequence[str], *, limit: int) -> list[int]:
    """Return how many tokens of each sentence are beyond the limit."""
    rows = tokenizer(list(sentences), verbose=False)['input_ids']
    return [max(0, len(row) - limit) for row in rows]


def encode_tokens(
    text_model: nn.Module,
    text_projection: nn.Module,
    token_ids: Tensor,
    mask: Tensor,
    *,
    max_words: int,
) -> TextFeatures:
    """Return the projected states of a text: one of the sentence, and of the words.

    Args:
        text_model: ``CLIPTextModel`` of transformers.
        text_projection: Its states to the shared space.
        token_ids: As they come from ``tokenize``, (B, N); the last real one is the end mark.
        mask: True for real tokens, (B, N) bool.
        max_words: Words kept; the sentence is that of the whole text.
    """
    hidden = text_model(input_ids=token_ids, attention_mask=mask.long()).last_hidden_state
    states = at_least_float32(text_projection(hidden))  # (B, N, C)
    end = mask.sum(dim=1) - 1
    rows = torch.arange(states.shape[0], device=states.device)  # len() would fix it in a graph
    sentence = states[rows, end]
    # Between start and end mark; the end mark and padding are no words.
    words = states[:, 1 : max(2, min(states.shape[1], max_words + 1))]
    positions = torch.arange(1, 1 + words.shape[1], device=states.device)
    return TextFeatures(sentence, words, positions < end[:, None])
