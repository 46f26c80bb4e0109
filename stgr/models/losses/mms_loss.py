"""Masked margin softmax, the paper's loss."""

from torch import Tensor

from stgr.models.losses.base import ScoreLoss
from stgr.ops.contrastive import bag_contrastive
from stgr.registry import MODELS


@MODELS.register_module()
class MMSLoss(ScoreLoss):
    """The paper's Eq. 1: two softmaxes, clip to narrations plus narration to clips, with margin.

    ``-mean_l log(e^(s_ll - m) / (e^(s_ll - m) + sum_{k != l} e^(s_lk)))`` plus the same on the
    transposed scores. The formula is rebuilt from the paper's wording and its predecessors (MMS:
    Ilharco et al. 2019; AVLnet, MCN, EAO); the margin is theirs, the paper does not give it.
    Several positives are averaged outside the logarithm. The released training code minimises
    ``MILNCELoss(count_positives_twice=True)`` instead.

    Args:
        margin: By which a positive must win, in units of the scores.
        temperature: Divides scores and margin, > 0.
    """

    def __init__(self, margin: float = 0.001, temperature: float = 1.0) -> None:
        super().__init__()
        self.margin = margin
        self.temperature = temperature

    def loss(self, scores: Tensor, positives: Tensor) -> Tensor:
        """Return the sum of both directions."""
        to_narrations, to_clips = (
            bag_contrastive(
                scores,
                positives,
                margin=self.margin,
                temperature=self.temperature,
                direction=direction,
                inside_log=False,
            )
            for direction in ('rows', 'columns')
        )
        return to_narrations + to_clips

    def extra_repr(self) -> str:
        """Show the settings in printed models."""
        return f'margin={self.margin}, temperature={self.temperature}'
