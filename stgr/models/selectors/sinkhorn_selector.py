"""Frames that optimal transport assigns to the words of the narration."""

from typing import Literal, get_args

import torch
from einops import rearrange
from torch import Tensor

from stgr.models.selectors.base import BaseSelector
from stgr.models.selectors.similarity import FrameTextSimilarity, TextSide, VideoSide
from stgr.ops.masking import mean_weights
from stgr.ops.sinkhorn import sinkhorn
from stgr.registry import MODELS
from stgr.structures.features import TextFeatures, VideoFeatures

Ranking = Literal['transport', 'word', 'mass']
Plan = Literal['clip', 'batch']


@MODELS.register_module()
class SinkhornSelector(BaseSelector):
    """Keeps the frames that agree best with the words which optimal transport gives them.

    With ``P`` the cosines of frames and words divided by the temperature (U x L; the paper's P,
    Sec. 3.2), the plan ``Q`` has a uniform marginal over the real frames and another over the real
    words, so every word, also a rare one, must be shown somewhere.

    How frames are ranked by it:

    * ``transport``: by ``sum over words k of Q[u, k] P[u, k]``, the similarity weighted by
      transport. We report it times the number of real frames and the temperature: the frame's mean
      cosine under its share of the words, in [-1, 1].
    * ``word``: first the frame of each of the first T words with the largest ``Q[u, k]`` times its
      cosine above -1, then the others by ``transport``: what the released training code most
      probably does (its Sinkhorn function was not released), but for its duplicates and padding
      words. By ``Q`` alone all frames that go to one word wholly would be equal.
    * ``mass``: by ``sum over k of Q[u, k]``, the paper's "aggregated sum". It is the frame's
      marginal, uniform once the plan has converged: a ranking by rounding errors. Before that, and
      with the words' marginal scaled last as this ranking does, it says which frames are wanted.

    Cases in which the plan alone would say nothing:

    * A narration of one word has the constant plan ``1 / U``. By ``transport`` the score is then
      the cosine with that word, as in ``TopKSelector``.
    * One sentence per clip (``text='sentence'``) would always be such a case: it is refused, but
      for ``plan='batch'``, where all frames of a batch are shared among its sentences. The paper
      reports results with global text and does not say how. There a clip's selection depends on its
      batch, of this process. A frame of which its own text gets little must rank behind one of
      which it gets much whatever their cosines: these are counted from -1. A clip of which its own
      text gets nothing is ranked by the cosine.
    * One real frame takes all words; it is kept whatever it shows.
    * A narration without a real word has no plan: all scores are 0 and the first real frames stay.
      Datasets should not let it come so far (``min_words``).

    Temperature, epsilon and iterations are not in the paper (the first is in its code, the others
    are those of SwAV). With cosines so sharpened three iterations are far from convergence: frames
    choose among the words nearly alone, and about half of the words' mass is misplaced. Fifty
    honour the words' marginal; ``benchmarks/sinkhorn.py`` measures how many frames change and what
    it costs.

    Args:
        count: Frames to keep per clip, T (16 of 80 in the paper).
        video: What stands for a frame, see ``FrameTextSimilarity``.
        text: What stands for a narration, likewise.
        plan: Whether each clip has its plan, or all clips of a batch share one.
        ranking: How frames are ranked, see above.
        temperature: Divides the cosines, > 0.
        epsilon: Weight of the entropy, > 0; with the temperature the plan is sharp in steps of
            ``temperature * epsilon`` of a cosine.
        iterations: Scalings of the plan, >= 1.

    Raises:
        ValueError: If a setting is out of range, or sentences are to have a plan per clip.
    """

    def __init__(
        self,
        count: int,
        *,
        video: VideoSide = 'frame',
        text: TextSide = 'words',
        plan: Plan = 'clip',
        ranking: Ranking = 'transport',
        temperature: float = 0.1,
        epsilon: float = 0.05,
        iterations: int = 3,
    ) -> None:
        super().__init__(count)
        self.similarity = FrameTextSimilarity(video, text)
        self.needs_patches = self.similarity.needs_patches
        _check(plan, ranking, text, temperature, epsilon, iterations)
        self.count: int
        self.plan = plan
        self.ranking = ranking
        self.temperature = temperature
        self.epsilon = epsilon
        self.iterations = iterations

    def score(
        self, video: VideoFeatures, text: TextFeatures, generator: torch.Generator | None
    ) -> Tensor:
        """Return how much each frame is wanted, (B, U)."""
        similarity, mask = self.similarity(video, text)  # (B, U, K), (B, K)
        plan = self._plan_of_batch(video, text) if self.plan == 'batch' else None
        if plan is None:
            plan = self._transport(similarity, video.mask, mask)
        real_frames = video.mask.sum(dim=1, keepdim=True)
        if self.ranking == 'mass':
            return plan.sum(dim=2) * real_frames
        above = plan * (similarity + 1)  # the more the better also where all cosines are negative
        if self.plan == 'batch':
            cosines = (similarity * mean_weights(mask, similarity.dtype)[:, None]).sum(dim=2)
            has_mass = plan.sum(dim=(1, 2)) > _NO_MASS
            scores = torch.where(has_mass[:, None], above.sum(dim=2) * real_frames, cosines)
        else:
            scores = (plan * similarity).sum(dim=2) * real_frames
        if self.ranking == 'word':
            spread = scores.amax(dim=1, keepdim=True) - scores.amin(dim=1, keepdim=True)
            return scores + (spread + 1) * _best_of_words(above, video.mask, mask, self.count)
        return scores

    def _plan_of_batch(self, video: VideoFeatures, text: TextFeatures) -> Tensor:
        """Return each clip's part of the plan of all frames and texts, scaled to mass 1 a clip."""
        frames = self.similarity.frame_vectors(video)
        texts, mask = self.similarity.text_vectors(text)
        clips, count, columns = *frames.shape[:2], texts.shape[1]
        with torch.autocast(frames.device.type, enabled=False):
            joint = rearrange(frames, 'b u d -> 1 (b u) d') @ rearrange(texts, 'b k d -> 1 d (b k)')
        plan = self._transport(joint, video.mask.reshape(1, -1), mask.reshape(1, -1))
        plan = plan.view(clips, count, clips, columns)
        own = torch.arange(clips, device=plan.device)
        return plan[own, :, own] * video.mask.any(dim=1).sum()

    def _transport(self, similarity: Tensor, frame_mask: Tensor, column_mask: Tensor) -> Tensor:
        return sinkhorn(
            similarity / self.temperature,
            row_mask=frame_mask,
            column_mask=column_mask,
            epsilon=self.epsilon,
            iterations=self.iterations,
            last='columns' if self.ranking == 'mass' else 'rows',
        ).plan

    def extra_repr(self) -> str:
        """Show the settings in printed models."""
        return (
            f'{super().extra_repr()}, {self.similarity!r}, plan={self.plan}, '
            f'ranking={self.ranking}, temperature={self.temperature:g}, epsilon={self.epsilon:g}, '
            f'iterations={self.iterations}'
        )


# Share of a clip's mass below which its own text is as good as nowhere in a batch's plan.
_NO_MASS = 1e-6


def _best_of_words(weighted: Tensor, frame_mask: Tensor, word_mask: Tensor, count: int) -> Tensor:
    """Return 1 for the best real frame of each of the first ``count`` real words, (B, U)."""
    asked = word_mask & (word_mask.cumsum(dim=1) <= count)  # (B, K)
    best = weighted.masked_fill(~frame_mask[:, :, None], -torch.inf).argmax(dim=1)  # (B, K)
    wanted = torch.zeros_like(weighted[:, :, 0])
    return wanted.scatter_reduce(1, best, asked.to(wanted.dtype), reduce='amax')


def _check(
    plan: str, ranking: str, text: str, temperature: float, epsilon: float, iterations: int
) -> None:
    for name, value, known in (('plan', plan, Plan), ('ranking', ranking, Ranking)):
        if value not in get_args(known):
            raise ValueError(f'{name} must be one of {get_args(known)}, but got {value!r}')
    if text == 'sentence' and plan == 'clip':
        raise ValueError(
            'one sentence and uniform frames make a constant plan, which selects nothing: use '
            "plan='batch', or text='words', or TopKSelector"
        )
    if not (temperature > 0 and epsilon > 0 and iterations >= 1):
        raise ValueError(
            'temperature and epsilon must be > 0 and iterations >= 1, but got '
            f'{temperature}, {epsilon} and {iterations}'
        )
