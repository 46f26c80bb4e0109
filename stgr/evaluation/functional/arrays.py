"""Array types of the metrics, and the two averages that all of them use."""

from collections.abc import Iterable

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
