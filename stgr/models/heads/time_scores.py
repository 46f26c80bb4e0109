"""What thresholds judge, given the similarity of queries and frames: the frames' neighbours too."""

import torch
from torch import Tensor

from stgr.ops.relaxed_transport import column_offsets
from stgr.ops.smoothing import smooth_over_time
from stgr.registry import MODELS


@MODELS.register_module()
class SmoothedTimeScores:
    """Similarities smoothed over time; see ``smooth_over_time``.

    Args:
        sigma_sec: Standard deviation in seconds; 0 does nothing.

    Raises:
        ValueError: If ``sigma_sec`` is negative.
    """

    def __init__(self, sigma_sec: float = 0.0) -> None:
        if not sigma_sec >= 0:
            raise ValueError(f'sigma_sec must be >= 0, but got {sigma_sec}')
        self.sigma_sec = sigma_sec

    def __call__(self, similarity: Tensor, times_sec: Tensor, *, exclusive: bool) -> Tensor:
        """Return the scores of a whole video.

        Args:
            similarity: Of each query and frame, (Q, F); 0 is background.
            times_sec: Times of the frames, (F,), ascending.
            exclusive: Whether the queries are a pool of which a frame shows at most one.

        Returns:
            Scores, (Q, F).
        """
        del exclusive
        return smooth_over_time(similarity, times_sec, self.sigma_sec)


@MODELS.register_module()
class SinkhornTimeScores(SmoothedTimeScores):
    """Smoothed similarities; a pool's are shifted until its queries share the video's frames.

    Texts differ in how like all pictures they are, so that one of a pool may win everywhere.
    Transport from frames to queries and background (see ``column_offsets``) finds what to add to
    each query for all frames alike; the score is the similarity, plus this, minus the background's.
    From 0 on, a query is likelier than background. A query asked alone is only smoothed: with a
    share of its own it would always be found.

    Args:
        sigma_sec: See ``SmoothedTimeScores``.
        background_share: Wished share of frames that show nothing of the pool, in (0, 1); the
            queries share the rest equally.
        strength: How much the shares are insisted on, in [0, 1]: 0, not at all; 1, wholly, also by
            queries that do not happen.
        epsilon: Weight of the entropy in units of the similarity; 0.01 is CLIP's temperature.
        iterations: Scalings of the plan.

    Raises:
        ValueError: If a number is out of range.
    """

    def __init__(
        self,
        sigma_sec: float = 0.0,
        *,
        background_share: float = 0.5,
        strength: float = 0.5,
        epsilon: float = 0.01,
        iterations: int = 20,
    ) -> None:
        super().__init__(sigma_sec)
        if not 0 < background_share < 1:
            raise ValueError(f'background_share must be in (0, 1), but got {background_share}')
        column_offsets(  # refuses wrong numbers now
            torch.zeros(1, 1), torch.ones(1), epsilon=epsilon, strength=strength,
            iterations=iterations,
        )  # fmt: skip
        self.background_share = background_share
        self.strength = strength
        self.epsilon = epsilon
        self.iterations = iterations

    def __call__(self, similarity: Tensor, times_sec: Tensor, *, exclusive: bool) -> Tensor:
        """Return the scores of a whole video; see the base class."""
        scores = super().__call__(similarity, times_sec, exclusive=exclusive)
        if not exclusive or scores.numel() == 0:
            return scores
        count = len(scores)
        shares = scores.new_full((count + 1,), (1 - self.background_share) / count)
        shares[-1] = self.background_share
        gain = torch.cat([scores, torch.zeros_like(scores[:1])]).mT  # (F, Q + 1)
        offsets = column_offsets(
            gain,
            shares,
            epsilon=self.epsilon,
            strength=self.strength,
            iterations=self.iterations,
        )
        return scores + (offsets[:-1, None] - offsets[-1]).to(scores)
