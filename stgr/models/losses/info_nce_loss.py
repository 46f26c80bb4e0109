"""Symmetric cross-entropy with a temperature, the loss of CLIP."""

from torch import Tensor

from stgr.models.losses.base import ScoreLoss
from stgr.ops.contrastive import bag_contrastive
from stgr.registry import MODELS


@MODELS.register_module()
class InfoNCELoss(ScoreLoss):
    """The mean of two cross-entropies, clip to narrations and narration to clips (CLIP).

    With temperature 1 it is half of ``MMSLoss`` with margin 0. Several positives are averaged
    outside the logarithm.

    Args:
        temperature: Divides the scores, > 0. The default suits cosines; use 1 for raw products.
    """

    def __init__(self, temperature: float = 0.07) -> None:
        super().__init__()
        self.temperature = temperature

    def loss(self, scores: Tensor, positives: Tensor) -> Tensor:
        """Return the mean of both directions."""
        to_narrations, to_clips = (
            bag_contrastive(
                scores,
                positives,
                temperature=self.temperature,
                direction=direction,
                inside_log=False,
            )
            for direction in ('rows', 'columns')
        )
        return (to_narrations + to_clips) / 2

    def extra_repr(self) -> str:
        """Show the settings in printed models."""
        return f'temperature={self.temperature}'
