"""Noise contrastive estimation over bags of narrations."""

from torch import Tensor

from stgr.models.losses.base import ScoreLoss
from stgr.ops.contrastive import bag_contrastive
from stgr.registry import MODELS


@MODELS.register_module()
class MILNCELoss(ScoreLoss):
    """MIL-NCE (Miech et al. 2020): one softmax over a clip's row and its narrations' columns.

    ``-log(pos / (pos + neg))`` per clip, where ``pos`` sums over the clip's bag of narrations and
    ``neg`` over all narrations of others with this clip and all other clips with these narrations.
    The paper and its code have no temperature and no margin.

    Args:
        count_positives_twice: True counts the positives in the row and in the column, as the
            released code does (antoine77340/MIL-NCE_HowTo100M ``loss.py``, and the function
            ``nce`` of brian7685/GroundingYouTube ``main_distributed.py`` at 5efcdd8): the loss
            then ends at log 2, not at 0. False is the formula of the paper.
        temperature: Divides the scores, > 0.
    """

    def __init__(self, count_positives_twice: bool = False, temperature: float = 1.0) -> None:
        super().__init__()
        self.temperature = temperature
        self.count_positives_twice = count_positives_twice

    def loss(self, scores: Tensor, positives: Tensor) -> Tensor:
        """Return the joint loss."""
        return bag_contrastive(
            scores,
            positives,
            temperature=self.temperature,
            extra_positives=float(self.count_positives_twice),
            direction='joint',
        )

    def extra_repr(self) -> str:
        """Show the settings in printed models."""
        return f'count_positives_twice={self.count_positives_twice}, temperature={self.temperature}'
