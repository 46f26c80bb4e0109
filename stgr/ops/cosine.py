"""Cosine similarity between two sets of vectors."""

import torch
import torch.nn.functional as F
from torch import Tensor

from stgr.ops.masking import at_least_float32


def cosine_matrix(rows: Tensor, columns: Tensor) -> Tensor:
    """Return the cosine of each row vector with each column vector.

    Args:
        rows: Vectors, (N, D).
        columns: Vectors, (M, D).

    Returns:
        Cosines, (N, M) float32 also under autocast; 0 for a vector of zeros.
    """
    with torch.autocast(rows.device.type, enabled=False):
        rows, columns = at_least_float32(rows), at_least_float32(columns)
        return F.normalize(rows, dim=-1) @ F.normalize(columns, dim=-1).T
