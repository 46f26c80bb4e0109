"""Attention of tokens to those that are like themselves: queries to queries, keys to keys."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from stgr.ops.masking import at_least_float32


def self_self_attention(
    projections: Sequence[Tensor],
    values: Tensor,
    *,
    inverse_temperature: Tensor | float,
    iterations: int = 1,
) -> Tensor:
    """Return the values gathered by the likeness of tokens under each projection, averaged.

    GEM (Bousselham et al., CVPR 2024, Sec. 3): with ``X`` one of the projections (queries, keys,
    values) and ``norm`` the L2 norm of each token, ``X <- softmax(norm(X) norm(X)^T / t) norm(X)``
    is repeated ``iterations`` times, which draws tokens of one thing together; then
    ``softmax(norm(X) norm(X)^T / t) V`` is what this projection gathers, and the mean over the
    projections is the answer. Each token likes itself best, so nothing travels far: unlike in
    attention of queries to keys, what a token says stays about its own place. Computed in float32
    also under autocast.

    Args:
        projections: Tokens seen by each projection, each (..., N, D), at least one.
        values: What is gathered, (..., N, E).
        inverse_temperature: 1 / t; a number, or a tensor that broadcasts to (..., N, N).
        iterations: Rounds before the gathering, >= 0.

    Returns:
        Gathered values, (..., N, E) float32 (float64 for float64 inputs).

    Raises:
        ValueError: If there is no projection or ``iterations`` is negative.
    """
    if not projections:
        raise ValueError('self-self attention needs at least one projection, but got none')
    if iterations < 0:
        raise ValueError(f'iterations must be >= 0, but got {iterations}')
    with torch.autocast(values.device.type, enabled=False):
        values = at_least_float32(values)
        gathered = torch.zeros_like(values)
        for projection in projections:
            tokens = F.normalize(at_least_float32(projection), dim=-1)
            for _ in range(iterations):
                tokens = F.normalize(_likeness(tokens, inverse_temperature) @ tokens, dim=-1)
            gathered = gathered + _likeness(tokens, inverse_temperature) @ values
        return gathered / len(projections)


def _likeness(tokens: Tensor, inverse_temperature: Tensor | float) -> Tensor:
    """Return how much each token attends to each other one, (..., N, N), rows summing to 1."""
    return (tokens @ tokens.mT * inverse_temperature).softmax(dim=-1)
