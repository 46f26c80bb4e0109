"""What all selectors share."""

from abc import ABCMeta, abstractmethod

import torch
from torch import Tensor, nn

from stgr.models.selectors.select_top import select_top
from stgr.structures.frame_selection import FrameSelection


class BaseSelector(nn.Module, metaclass=ABCMeta):
    """Keeps the candidate frames of each clip that its narration speaks about.

    A selector scores frames; the best ``count`` real ones are kept, in temporal order. It has no
    gradient: it improves because the projections that it is given improve (the paper, Sec. 3). In
    evaluation it is deterministic, and a clip's selection never depends on the rest of its batch.

    Args:
        count: Frames to keep per clip, T >= 1. None: every candidate.

    Raises:
        ValueError: If ``count`` is below 1.
    """

    def __init__(self, count: int | None) -> None:
        super().__init__()
        if count is not None and count < 1:
            raise ValueError(f'count must be >= 1, but got {count}')
        self.count = count

    @torch.no_grad()
    def forward(
        self,
        frame_embeds: Tensor,
        word_embeds: Tensor,
        sentence_embeds: Tensor,
        frame_mask: Tensor,
        word_mask: Tensor,
        generator: torch.Generator | None = None,
    ) -> FrameSelection:
        """Return the kept frames of each clip.

        Args:
            frame_embeds: Candidate frames in the shared space, (B, U, D), any length of vector.
            word_embeds: Words of the narrations in the shared space, (B, L, D).
            sentence_embeds: Narrations in the shared space, (B, D).
            frame_mask: True where a frame is real, (B, U) bool.
            word_mask: True where a word is real, (B, L) bool.
            generator: Source of random numbers in training. None: torch's own.

        Returns:
            T slots per clip; mask False where a clip has fewer real frames.

        Raises:
            ValueError: If shapes disagree or there is no candidate frame.
        """
        _check_shapes(frame_embeds, word_embeds, sentence_embeds, frame_mask, word_mask)
        scores = self.score(
            frame_embeds, word_embeds, sentence_embeds, frame_mask, word_mask, generator
        )
        count = frame_mask.shape[1] if self.count is None else self.count
        return select_top(scores, frame_mask, count)

    @abstractmethod
    def score(
        self,
        frame_embeds: Tensor,
        word_embeds: Tensor,
        sentence_embeds: Tensor,
        frame_mask: Tensor,
        word_mask: Tensor,
        generator: torch.Generator | None,
    ) -> Tensor:
        """Return a score per candidate frame, (B, U) float, finite; padding may hold anything.

        The arguments are those of ``forward``.
        """

    def extra_repr(self) -> str:
        """Show the number of frames in printed models."""
        return f'count={self.count}'


def _check_shapes(
    frame_embeds: Tensor,
    word_embeds: Tensor,
    sentence_embeds: Tensor,
    frame_mask: Tensor,
    word_mask: Tensor,
) -> None:
    if frame_embeds.dim() != 3 or 0 in frame_embeds.shape[:2]:
        raise ValueError(
            f'frame_embeds must be (B, U, D) with U >= 1, but got {tuple(frame_embeds.shape)}'
        )
    batch, frames, width = frame_embeds.shape
    words = word_mask.shape[-1]
    expected = {
        'word_embeds': (word_embeds, (batch, words, width)),
        'sentence_embeds': (sentence_embeds, (batch, width)),
        'frame_mask': (frame_mask, (batch, frames)),
        'word_mask': (word_mask, (batch, words)),
    }
    for name, (values, shape) in expected.items():
        if values.shape != shape:
            raise ValueError(f'{name} must be of shape {shape}, but got {tuple(values.shape)}')
