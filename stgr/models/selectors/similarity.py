"""How similar each candidate frame is to what was said: the paper's P, in all its variants."""

from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from stgr.ops.masking import at_least_float32
from stgr.structures.features import TextFeatures, VideoFeatures

VideoSide = Literal['frame', 'patches', 'both']
TextSide = Literal['sentence', 'words']


class FrameTextSimilarity:
    """Cosines of candidate frames with a sentence or its words (Sec. 3.2, Table 5).

    The paper speaks of global and local video and text. All its variants are products of one
    vector per frame and one per sentence or word:

    * ``video='frame'`` (global V): the frame's own feature;
    * ``video='patches'`` (local V): the mean over its patches of their cosines. The paper takes the
      sum; the mean ranks alike and stays in [-1, 1], so temperatures mean the same;
    * ``video='both'`` ("average of the last two"): the mean of the two matrices;
    * ``text='sentence'`` (global T): one column; ``text='words'`` (local T): one per word.

    Args:
        video: What stands for a frame.
        text: What stands for a narration.

    Raises:
        ValueError: If a name is unknown.
    """

    def __init__(self, video: VideoSide, text: TextSide) -> None:
        for name, value, known in (('video', video, VideoSide), ('text', text, TextSide)):
            if value not in get_args(known):
                raise ValueError(f'{name} must be one of {get_args(known)}, but got {value!r}')
        self.video: VideoSide = video
        self.text: TextSide = text

    @property
    def needs_patches(self) -> bool:
        """Whether ``frame_vectors`` reads patches."""
        return self.video != 'frame'

    def __call__(self, video: VideoFeatures, text: TextFeatures) -> tuple[Tensor, Tensor]:
        """Return the cosines of each clip's frames with its own text.

        Args:
            video: Candidates in the shared space, (B, U, D), patches (B, U, P, D) if needed.
            text: Narrations in the shared space.

        Returns:
            Cosines, (B, U, K) float32, and True for real columns, (B, K) bool. K is 1 for
            sentences and L for words.
        """
        with torch.autocast(video.frames.device.type, enabled=False):
            texts, mask = self.text_vectors(text)
            return self.frame_vectors(video) @ texts.mT, mask

    def frame_vectors(self, video: VideoFeatures) -> Tensor:
        """Return the vector of each frame, (B, U, D), no longer than 1."""
        if self.video == 'frame':
            return _unit(video.frames)
        if video.patches is None:
            raise ValueError(f'video={self.video!r} selects by patches, but there are none')
        patches = _unit(video.patches).mean(dim=2)
        return patches if self.video == 'patches' else (_unit(video.frames) + patches) / 2

    def text_vectors(self, text: TextFeatures) -> tuple[Tensor, Tensor]:
        """Return unit vectors of the texts, (B, K, D), and which are real, (B, K) bool."""
        if self.text == 'words':
            return _unit(text.words), text.mask
        real = text.mask.new_ones(len(text.sentence), 1)
        return _unit(text.sentence)[:, None], real

    def __repr__(self) -> str:
        return f'video={self.video}, text={self.text}'


def _unit(vectors: Tensor) -> Tensor:
    return F.normalize(at_least_float32(vectors), dim=-1)
