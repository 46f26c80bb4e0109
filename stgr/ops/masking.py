"""Softmax and means that know about padding, with every empty row defined."""

import torch
from torch import Tensor


def at_least_float32(tensor: Tensor) -> Tensor:
    """Return half-precision tensors as float32 and others as they are."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def fill_empty(mask: Tensor) -> Tensor:
    """Return the mask with its all-False rows set to all True, so that a softmax over them exists.

    Args:
        mask: True where an item is real, (..., K) bool.

    Returns:
        Mask without an empty row, (..., K) bool.
    """
    return mask | ~mask.any(dim=-1, keepdim=True)


def mean_weights(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the weights of a mean over the real items; all 0 where there is none.

    Args:
        mask: True where an item is real, (..., K) bool.
        dtype: Type of the weights.

    Returns:
        Weights, (..., K), each row summing to 1 or 0.
    """
    weights = mask.to(dtype)
    return weights / weights.sum(dim=-1, keepdim=True).clamp(min=1)


def masked_softmax(scores: Tensor, mask: Tensor | None, *, dim: int) -> Tensor:
    """Return the softmax over the real items: padding gets exactly 0.

    Args:
        scores: Any shape.
        mask: True where an item is real, broadcast to ``scores``, without an empty row along
            ``dim`` (see ``fill_empty``). None: everything is real.
        dim: The axis that sums to 1.

    Returns:
        Weights of the shape of ``scores``.
    """
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return scores.softmax(dim=dim)
