"""Entropic optimal transport between two masked sets, batched and in log space."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from stgr.ops.masking import at_least_float32


class Transport(NamedTuple):
    """A transport plan and how far it is from its marginals.

    Args:
        plan: Mass moved between each row and column, (B, U, L), >= 0, total 1 per problem.
        marginal_error: Misplaced mass: the larger of the L1 distances of row sums and column sums
            from their marginals, (B,), in [0, 2].
    """

    plan: Tensor
    marginal_error: Tensor


def sinkhorn(
    similarity: Tensor,
    *,
    row_mask: Tensor | None = None,
    column_mask: Tensor | None = None,
    row_marginal: Tensor | None = None,
    column_marginal: Tensor | None = None,
    epsilon: float = 0.05,
    iterations: int = 3,
    tolerance: float | None = None,
    last: Literal['rows', 'columns'] = 'rows',
) -> Transport:
    """Return the plan ``Diag(alpha) exp(similarity / epsilon) Diag(beta)`` of every problem.

    It maximises ``<plan, similarity> + epsilon * entropy(plan)`` over the plans with the given
    marginals (Cuturi 2013; Eq. 2 and 3 of the paper). One iteration scales the columns, then the
    rows, so row sums are exact and column sums approach theirs (``last='columns'``: the other way
    round): after few iterations look at ``marginal_error``. Everything runs in log space and at
    least in float32, also under autocast: the plain form ``exp(cos / 0.1 / 0.05)`` overflows
    float32 at a cosine of 0.45.

    Masked rows and columns carry no mass, and what stands in them is never read. A problem without
    a real row or a real column has the plan 0 and the error 0. The plan is differentiable.

    Args:
        similarity: Gain of joining row and column, (B, U, L), any finite scale.
        row_mask: True where a row is real, (B, U) bool. None: all.
        column_mask: True where a column is real, (B, L) bool. None: all.
        row_marginal: Wanted row sums, (B, U), >= 0; masked and then scaled to total 1. None:
            uniform over the real rows.
        column_marginal: Likewise for columns, (B, L).
        epsilon: Weight of the entropy, > 0, in units of ``similarity``; small is sharp.
        iterations: Scalings of columns and rows, >= 1; with ``tolerance`` at most that many.
        tolerance: Stop scaling a problem once its ``marginal_error`` is at most this, so that a
            problem's plan does not depend on its batch. It waits for the device each iteration.
            None: exactly ``iterations``.
        last: Which sums an iteration makes exact at its end.

    Returns:
        The plan, (B, U, L), and its marginal error, (B,).

    Raises:
        ValueError: If a shape, a mask's dtype, a marginal's sign or a setting is wrong.
    """
    _check_settings(similarity, epsilon, iterations)
    if last not in ('rows', 'columns'):
        raise ValueError(f"last must be 'rows' or 'columns', but got {last!r}")
    if last == 'columns':
        turned = sinkhorn(
            similarity.mT,
            row_mask=column_mask,
            column_mask=row_mask,
            row_marginal=column_marginal,
            column_marginal=row_marginal,
            epsilon=epsilon,
            iterations=iterations,
            tolerance=tolerance,
        )
        return turned._replace(plan=turned.plan.mT)
    batch, rows, columns = similarity.shape
    log_kernel = at_least_float32(similarity) / epsilon
    row_weight = _masked_weights(log_kernel, row_mask, row_marginal, (batch, rows), 'row')
    column_weight = _masked_weights(
        log_kernel, column_mask, column_marginal, (batch, columns), 'column'
    )
    row_sums, column_sums = _share_one_unit_of_mass(row_weight, column_weight)
    carries_mass = (row_sums > 0)[:, :, None] & (column_sums > 0)[:, None, :]
    log_kernel = torch.where(carries_mass, log_kernel, 0.0)
    return _scale(log_kernel, row_sums, column_sums, iterations=iterations, tolerance=tolerance)


def _scale(
    log_kernel: Tensor,
    row_sums: Tensor,
    column_sums: Tensor,
    *,
    iterations: int,
    tolerance: float | None,
) -> Transport:
    log_row_sums, log_column_sums = row_sums.log(), column_sums.log()
    log_alpha = torch.where(row_sums > 0, 0.0, log_row_sums)  # (B, U), -inf where no mass goes
    log_beta = log_column_sums
    result: Transport | None = None
    for _ in range(iterations):
        next_beta = log_column_sums - _log_sum(log_kernel + log_alpha[:, :, None], dim=1)
        next_alpha = log_row_sums - _log_sum(log_kernel + next_beta[:, None, :], dim=2)
        if result is None or tolerance is None:
            log_alpha, log_beta = next_alpha, next_beta
        else:
            going_on = (result.marginal_error > tolerance)[:, None]
            log_alpha = torch.where(going_on, next_alpha, log_alpha)
            log_beta = torch.where(going_on, next_beta, log_beta)
        if tolerance is not None:
            result = _plan(log_kernel, log_alpha, log_beta, row_sums, column_sums)
            if bool((result.marginal_error <= tolerance).all()):
                return result
    return _plan(log_kernel, log_alpha, log_beta, row_sums, column_sums)


def _plan(
    log_kernel: Tensor,
    log_alpha: Tensor,
    log_beta: Tensor,
    row_sums: Tensor,
    column_sums: Tensor,
) -> Transport:
    plan = (log_kernel + log_alpha[:, :, None] + log_beta[:, None, :]).exp()  # (B, U, L)
    row_error = (plan.sum(dim=2) - row_sums).abs().sum(dim=1)
    column_error = (plan.sum(dim=1) - column_sums).abs().sum(dim=1)
    return Transport(plan, torch.maximum(row_error, column_error).detach())


def _log_sum(log_values: Tensor, *, dim: int) -> Tensor:
    """Logsumexp, but finite where there is nothing to sum: -inf minus -inf would be NaN."""
    nothing = (log_values == -torch.inf).all(dim=dim, keepdim=True)
    return log_values.masked_fill(nothing, 0.0).logsumexp(dim=dim)


def _share_one_unit_of_mass(rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """Scale both sides to total 1, or to 0 if one of them has no weight at all."""
    row_total = rows.sum(dim=1, keepdim=True)  # (B, 1)
    column_total = columns.sum(dim=1, keepdim=True)
    unsolvable = (row_total == 0) | (column_total == 0)
    rows = rows / row_total.masked_fill(unsolvable, torch.inf)
    return rows, columns / column_total.masked_fill(unsolvable, torch.inf)


def _masked_weights(
    like: Tensor, mask: Tensor | None, marginal: Tensor | None, shape: tuple[int, int], side: str
) -> Tensor:
    weights = like.new_ones(shape) if marginal is None else marginal.to(like)
    if weights.shape != shape:
        raise ValueError(
            f'{side}_marginal must be of shape {shape}, but got {tuple(weights.shape)}'
        )
    if marginal is not None and bool((weights < 0).any()):
        raise ValueError(f'{side}_marginal must not be negative; the least is {weights.min():.3g}')
    if mask is None:
        return weights
    if mask.shape != shape or mask.dtype != torch.bool:
        raise ValueError(
            f'{side}_mask must be bool of shape {shape}, but got {mask.dtype} {tuple(mask.shape)}'
        )
    return torch.where(mask, weights, 0.0)


def _check_settings(similarity: Tensor, epsilon: float, iterations: int) -> None:
    if similarity.dim() != 3:
        raise ValueError(f'similarity must be (B, U, L), but got {tuple(similarity.shape)}')
    if not epsilon > 0:
        raise ValueError(f'epsilon must be > 0, but got {epsilon}')
    if iterations < 1:
        raise ValueError(f'iterations must be >= 1, but got {iterations}')
