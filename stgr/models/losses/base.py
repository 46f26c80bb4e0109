"""What all losses on score matrices share."""

import warnings
from abc import ABCMeta, abstractmethod

import torch
from torch import Tensor, nn

ALONE = (
    'a batch of 1 clip has no other narration to be told from, so its contrastive loss is constant '
    'and teaches nothing; raise train_dataloader.batch_size (or chunk_clips), or set drop_last if '
    'only the last batch is that small'
)


class ScoreLoss(nn.Module, metaclass=ABCMeta):
    """Wants the scores of clips and their own narrations to stand out from all others.

    Computed in at least float32, also under autocast. Scores are raw dot products in the paper's
    setting: a loss does not normalise them. A warning tells of a batch of one clip.
    """

    def forward(self, scores: Tensor, positives: Tensor | None = None) -> Tensor:
        """Return the loss of one score matrix.

        Args:
            scores: Score of every clip (rows) and narration (columns), (B, B), or (B, N) with
                ``positives``.
            positives: True where a narration belongs to the clip, (B, N) bool; a clip may have
                several. None: the diagonal.

        Returns:
            The loss, scalar.

        Raises:
            ValueError: If ``scores`` is not square and no ``positives`` are given.
        """
        if positives is None:
            positives = _diagonal(scores)
            if len(scores) == 1:
                warnings.warn(ALONE, stacklevel=2)
        return self.loss(scores, positives)

    @abstractmethod
    def loss(self, scores: Tensor, positives: Tensor) -> Tensor:
        """Return the loss, scalar, of scores (B, N) with positives (B, N) bool."""


def _diagonal(scores: Tensor) -> Tensor:
    if scores.dim() != 2 or scores.shape[0] != scores.shape[1]:
        raise ValueError(
            f'scores must be (B, B), clips by narrations, but got {tuple(scores.shape)}; '
            'give positives for other shapes'
        )
    return torch.eye(len(scores), dtype=torch.bool, device=scores.device)
