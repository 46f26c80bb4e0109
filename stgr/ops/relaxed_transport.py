"""Shares of time among queries and background: transport whose shares are wishes, not laws."""

import torch
from torch import Tensor


def column_offsets(
    gain: Tensor, shares: Tensor, *, epsilon: float, strength: float, iterations: int = 20
) -> Tensor:
    """Return what to add to each column so that the columns come nearer to their shares.

    Frames (rows, of equal mass) are moved to columns by unbalanced entropic transport (Chizat et
    al. 2018, Sec. 5): rows keep their mass, and leaving the wished column sums costs
    ``rho * KL``. The scaling of a column is ``(share / mass it gets) ** strength`` with
    ``strength = rho / (rho + epsilon)``: 0 asks nothing of the columns, each frame then choosing
    for itself; 1 is Sinkhorn's algorithm. In log space, in float64.

    Args:
        gain: Of giving a row to a column, (F, K).
        shares: Wished mass of each column, (K,), > 0, summing to 1.
        epsilon: Weight of the entropy, > 0, in units of ``gain``.
        strength: How much the shares are insisted on, in [0, 1].
        iterations: Scalings of columns and rows, >= 1.

    Returns:
        Offsets ``epsilon * log(scaling)``, (K,) float64. The plan gives row i to column j in
        proportion to ``exp((gain + offset) / epsilon)``. Zeros without rows.

    Raises:
        ValueError: If a shape or a number is wrong.
    """
    if gain.ndim != 2 or shares.shape != gain.shape[1:]:
        raise ValueError(
            f'gain must be (F, K) and shares (K,), but got {tuple(gain.shape)} and '
            f'{tuple(shares.shape)}'
        )
    if not (epsilon > 0 and 0 <= strength <= 1 and iterations >= 1):
        raise ValueError(
            'epsilon must be > 0, strength in [0, 1] and iterations >= 1, but got '
            f'{epsilon}, {strength} and {iterations}'
        )
    if not bool((shares > 0).all()):
        raise ValueError(f'shares must be > 0, but got {shares.tolist()}')
    log_kernel = gain.double() / epsilon
    wished = shares.to(log_kernel).log()
    log_scaling = torch.zeros_like(wished)
    if len(gain) == 0:
        return log_scaling
    log_mass = -torch.tensor(float(len(gain))).log()
    for i in range(iterations):
        # The first round begins with rows of equal scaling, as ``sinkhorn`` does.
        rows = 0.0 if i == 0 else log_mass - (log_kernel + log_scaling).logsumexp(1, keepdim=True)
        log_scaling = strength * (wished - (log_kernel + rows).logsumexp(dim=0))
    return epsilon * log_scaling
