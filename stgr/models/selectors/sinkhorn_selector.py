"""Frames that optimal transport assigns to the words of the narration."""

import torch
from torch import Tensor

from stgr.models.selectors.base import BaseSelector
from stgr.ops.cosine import cosine_matrix
from stgr.ops.sinkhorn import sinkhorn
from stgr.registry import MODELS


@MODELS.register_module()
class SinkhornSelector(BaseSelector):
    """Keeps the frames that agree best with the words which optimal transport gives them.

    With ``P`` the cosines of frames and words divided by the temperature (U x L; the paper's P,
    Sec. 3.2), the plan ``Q`` has a uniform marginal over the real frames and another over the real
    words, so every word, also a rare one, must be shown somewhere. A frame scores
    ``sum over words k of Q[u, k] P[u, k]``, the similarity weighted by transport. We report it
    times the number of real frames and the temperature: the frame's mean cosine under its share of
    the words, in [-1, 1], with the same ranking.

    Cases in which the plan alone would say nothing:

    * The paper's "aggregated sum" over the words of ``Q`` is the frame's marginal, which is uniform
      by construction: a ranking by it is one by rounding errors. Hence the weighting by ``P``.
    * A narration of one word has the constant plan ``1 / U``. The score is then the cosine with
      that word, as in ``TopKSelector`` with the word for a sentence.
    * One real frame takes all words; it is kept whatever it shows.
    * A narration without a real word has no plan: all scores are 0 and the first real frames stay.
      Datasets should not let it come so far (``min_words``).

    The released code of the paper does not contain its Sinkhorn function; temperature, epsilon and
    iterations are not in the paper (the first is in its code, the others are those of SwAV). With
    cosines so sharpened three iterations are far from convergence: frames choose among the words
    nearly alone, and about half of the words' mass is misplaced. Fifty honour the words' marginal;
    ``benchmarks/sinkhorn.py`` measures how many frames change and what it costs.

    Args:
        count: Frames to keep per clip, T (16 of 80 in the paper).
        temperature: Divides the cosines, > 0.
        epsilon: Weight of the entropy, > 0; with the temperature the plan is sharp in steps of
            ``temperature * epsilon`` of a cosine.
        iterations: Scalings of the plan, >= 1.

    Raises:
        ValueError: If a setting is out of range.
    """

    def __init__(
        self,
        count: int,
        *,
        temperature: float = 0.1,
        epsilon: float = 0.05,
        iterations: int = 3,
    ) -> None:
        super().__init__(count)
        if not (temperature > 0 and epsilon > 0 and iterations >= 1):
            raise ValueError(
                'temperature and epsilon must be > 0 and iterations >= 1, but got '
                f'{temperature}, {epsilon} and {iterations}'
            )
        self.temperature = temperature
        self.epsilon = epsilon
        self.iterations = iterations

    def score(
        self,
        frame_embeds: Tensor,
        word_embeds: Tensor,
        sentence_embeds: Tensor,
        frame_mask: Tensor,
        word_mask: Tensor,
        generator: torch.Generator | None,
    ) -> Tensor:
        """Return the mean cosine of each frame with its words under the plan, (B, U)."""
        similarity = cosine_matrix(frame_embeds, word_embeds)  # (B, U, L)
        plan = sinkhorn(
            similarity / self.temperature,
            row_mask=frame_mask,
            column_mask=word_mask,
            epsilon=self.epsilon,
            iterations=self.iterations,
        ).plan
        return (plan * similarity).sum(dim=2) * frame_mask.sum(dim=1, keepdim=True)
