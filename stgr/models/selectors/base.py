"""What all selectors share."""

from abc import ABCMeta, abstractmethod

import torch
from torch import Tensor, nn

from stgr.models.selectors.select_top import select_top
from stgr.structures.features import TextFeatures, VideoFeatures
from stgr.structures.frame_selection import FrameSelection


class BaseSelector(nn.Module, metaclass=ABCMeta):
    """Keeps the candidate frames of each clip that its narration speaks about.

    A selector scores frames; the best ``count`` real ones are kept, in temporal order. It has no
    gradient: it improves because the projections that it is given improve (the paper, Sec. 3). In
    evaluation it is deterministic. A clip's selection does not depend on the rest of its batch,
    but where a selector says that it does (``SinkhornSelector(plan='batch')``).

    Args:
        count: Frames to keep per clip, T >= 1. None: every candidate.

    Attributes:
        needs_patches: Whether ``forward`` reads the patches of the candidates.
        needs_text: Whether it compares frames with texts, which then must share a space.

    Raises:
        ValueError: If ``count`` is below 1.
    """

    needs_patches: bool = False
    needs_text: bool = True

    def __init__(self, count: int | None) -> None:
        super().__init__()
        if count is not None and count < 1:
            raise ValueError(f'count must be >= 1, but got {count}')
        self.count = count

    @torch.no_grad()
    def forward(
        self, video: VideoFeatures, text: TextFeatures, generator: torch.Generator | None = None
    ) -> FrameSelection:
        """Return the kept frames of each clip.

        Args:
            video: Candidate frames in a space shared with the texts, (B, U, D), any length of
                vector; with patches, (B, U, P, D), if ``needs_patches``.
            text: Narrations in that space.
            generator: Source of random numbers in training. None: torch's own.

        Returns:
            T slots per clip; mask False where a clip has fewer real frames.

        Raises:
            ValueError: If shapes disagree or there is no candidate frame.
        """
        _check_shapes(video, text, shared=self.needs_text)
        scores = self.score(video, text, generator)
        count = video.mask.shape[1] if self.count is None else self.count
        return select_top(scores, video.mask, count)

    @abstractmethod
    def score(
        self, video: VideoFeatures, text: TextFeatures, generator: torch.Generator | None
    ) -> Tensor:
        """Return a score per candidate frame, (B, U) float, finite; padding may hold anything.

        The arguments are those of ``forward``.
        """

    def extra_repr(self) -> str:
        """Show the number of frames in printed models."""
        return f'count={self.count}'


def _check_shapes(video: VideoFeatures, text: TextFeatures, *, shared: bool) -> None:
    batch, frames, width = video.frames.shape
    if frames == 0 or batch == 0:
        raise ValueError(
            f'frames must be (B, U, D) with B, U >= 1, but got {tuple(video.frames.shape)}'
        )
    if not shared:
        return
    if text.sentence.shape != (batch, width) or text.words.shape[-1] != width:
        raise ValueError(
            f'each clip needs one narration in the space of the frames, ({batch}, {width}), but '
            f'got sentences {tuple(text.sentence.shape)} and words {tuple(text.words.shape)}'
        )
