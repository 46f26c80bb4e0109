"""One contrastive loss on a score matrix, of which the named losses are settings."""

import math
from typing import Literal

import torch
from torch import Tensor

from stgr.ops.masking import at_least_float32

Direction = Literal['rows', 'columns', 'joint']


def bag_contrastive(
    scores: Tensor,
    positives: Tensor,
    negatives: Tensor | None = None,
    *,
    margin: float = 0.0,
    temperature: float = 1.0,
    extra_positives: float = 0.0,
    direction: Direction = 'rows',
    inside_log: bool = True,
) -> Tensor:
    """Return the mean over anchors of how badly each bag of positives stands out.

    With positives ``P_r`` and negatives ``N_r`` of anchor ``r``, margin ``m``, temperature ``t``
    and ``d`` extra copies of the positives, the term of one anchor is::

        pos_r = sum over c in P_r of exp((s_rc - m) / t)
        neg_r = sum over c in N_r of exp(s_rc / t)
        l_r   = -log(pos_r / ((1 + d) * pos_r + neg_r))

    The anchors are the rows, the columns (the same on the transposed matrix), or, ``'joint'``, the
    rows with **one** softmax over the negatives of their row and of the columns of their positives
    (MIL-NCE). Joint is not the sum of the two directions, which would be two softmaxes.

    An anchor without positives is left out of the mean; without any anchor the loss is 0. An anchor
    without negatives costs ``log(1 + d)``. Computed in at least float32, also under autocast.

    Args:
        scores: Similarity of rows and columns, (R, C).
        positives: True where a column belongs to the row, (R, C) bool.
        negatives: True where a column may stand in the denominator, (R, C) bool; disjoint from
            ``positives``. None: wherever ``positives`` is False.
        margin: Taken off the positive scores, so that they must win by it.
        temperature: Divides the scores, > 0; small looks at the hardest negative only.
        extra_positives: ``d`` >= 0. 1 counts every positive twice, as some released code does.
        direction: ``'rows'``, ``'columns'`` or ``'joint'``.
        inside_log: True sums the positives inside the logarithm, so that one good positive is
            enough. False averages one term per positive, so that every positive must stand out.

    Returns:
        The loss, scalar, >= 0 whatever the margin.

    Raises:
        ValueError: If shapes or dtypes disagree or a setting is out of range.
    """
    _check(scores, positives, negatives)
    _check_settings(temperature, extra_positives, direction)
    negatives = ~positives if negatives is None else negatives
    scores = at_least_float32(scores)
    if direction == 'columns':
        scores, positives, negatives = scores.T, positives.T, negatives.T
    log_scores = scores / temperature  # a float, also for whole numbers
    log_positives = (scores - margin) / temperature
    log_positives = log_positives.masked_fill(~positives, _nothing(log_scores))
    log_negatives = log_scores.masked_fill(~negatives, _nothing(log_scores))
    rivals = _rivals(log_negatives, positives, joint=direction == 'joint', bag=inside_log)
    if inside_log:
        positives, log_positives = positives.any(dim=1, keepdim=True), _log_sum(log_positives)
    return _mean_term(log_positives, rivals, positives, extra_positives)


def _rivals(log_negatives: Tensor, positives: Tensor, *, joint: bool, bag: bool) -> Tensor:
    """Log of the negatives' sum of each anchor, (R, 1), or of each single positive, (R, C)."""
    of_row = _log_sum(log_negatives)  # (R, 1)
    if not joint:
        return of_row
    of_column = torch.logsumexp(log_negatives, dim=0, keepdim=True)  # (1, C)
    if not bag:
        return torch.logaddexp(of_row, of_column)
    of_columns = of_column.expand_as(positives).masked_fill(~positives, _nothing(log_negatives))
    return torch.logaddexp(of_row, _log_sum(of_columns))


def _mean_term(
    log_positives: Tensor, rivals: Tensor, positives: Tensor, extra_positives: float
) -> Tensor:
    """Mean over the anchors (rows) of the mean over their real terms."""
    floor = rivals.new_tensor(math.log1p(extra_positives))
    terms = torch.logaddexp(floor, rivals - log_positives)
    terms = torch.where(positives, terms, 0.0)
    per_anchor = terms.sum(dim=1) / positives.sum(dim=1).clamp(min=1)
    return per_anchor.sum() / positives.any(dim=1).sum().clamp(min=1)


def _log_sum(log_values: Tensor) -> Tensor:
    return torch.logsumexp(log_values, dim=1, keepdim=True)


def _nothing(scores: Tensor) -> float:
    """Stands for log 0. Finite, since -inf minus -inf of two empty sums would be NaN."""
    return torch.finfo(scores.dtype).min / 8


def _check(scores: Tensor, positives: Tensor, negatives: Tensor | None) -> None:
    if scores.dim() != 2:
        raise ValueError(f'scores must be (R, C), but got {tuple(scores.shape)}')
    for name, mask in (('positives', positives), ('negatives', negatives)):
        if mask is not None and (mask.shape != scores.shape or mask.dtype != torch.bool):
            raise ValueError(
                f'{name} must be bool of shape {tuple(scores.shape)} like scores, but got '
                f'{mask.dtype} {tuple(mask.shape)}'
            )


def _check_settings(temperature: float, extra_positives: float, direction: str) -> None:
    if not temperature > 0:
        raise ValueError(f'temperature must be > 0, but got {temperature}')
    if extra_positives < 0:
        raise ValueError(f'extra_positives must be >= 0, but got {extra_positives}')
    if direction not in ('rows', 'columns', 'joint'):
        raise ValueError(f"direction must be 'rows', 'columns' or 'joint', but got {direction!r}")
