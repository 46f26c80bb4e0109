"""Array types of the metrics, and the two averages that all of them use."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def mean_or_nan(values: Iterable[float] | FloatArray | BoolArray) -> float:
    """Return the mean, or NaN where there is nothing to average (never a silent 0).

    Args:
        values: Numbers, any count.

    Returns:
        Their arithmetic mean in float64.
    """
    array = np.asarray(values if isinstance(values, np.ndarray) else list(values), np.float64)
    return float(array.mean()) if array.size else float('nan')


def join_floats(arrays: Sequence[FloatArray]) -> FloatArray:
    """Return the arrays one after another; an empty one if there are none."""
    return np.concatenate([np.zeros(0), *arrays])


def join_ints(arrays: Sequence[IntArray]) -> IntArray:
    """Return the same of whole numbers."""
    return np.concatenate([np.zeros(0, np.int64), *arrays])


def class_mean(values: FloatArray | BoolArray, classes: IntArray) -> float:
    """Return the mean over classes of each class's mean ("macro" average).

    Args:
        values: One value per item, (N,).
        classes: Class of each item, (N,), >= 0. Classes without an item take no part.

    Returns:
        The macro average, NaN if N is 0.
    """
    if not len(values):
        return float('nan')
    counts = np.bincount(classes)
    sums = np.bincount(classes, weights=np.asarray(values, np.float64))
    return mean_or_nan(sums[counts > 0] / counts[counts > 0])
