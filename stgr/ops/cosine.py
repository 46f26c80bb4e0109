"""Cosine similarity between two sets of vectors."""

import torch
import torch.nn.functional as F
from torch import Tensor

from stgr.ops.masking import at_least_float32


def cosine_matrix(rows: Tensor, columns: Tensor) -> Tensor:
    """Return the cosine of each row vector with each column vector.

    In float32 also under autocast: thresholds on cosines and differences between
    them do not survive bfloat16's steps of 0.004.

    Args:
        rows: Vectors, (..., N, D).
        columns: Vectors, (..., M, D), with the same leading dimensions or some that broadcast.

    Returns:
        Cosines, (..., N, M) float32 (float64 for float64 inputs); 0 for a vector of zeros.
    """
    with torch.autocast(rows.device.type, enabled=False):
        rows, columns = at_least_float32(rows), at_least_float32(columns)
        return F.normalize(rows, dim=-1) @ F.normalize(columns, dim=-1).mT
