"""Scaling of heat maps before they are thresholded; stored with every score."""

import numpy as np

from stgr.evaluation.functional.arrays import FloatArray

NORMALISATIONS = ('none', 'max', 'minmax', 'sum')


def normalise_maps(maps: FloatArray, normalisation: str) -> FloatArray:
    """Return each map scaled on its own.

    A fixed threshold means different masks at different scales (benchmarks, section 4 item 4: a
    uniform map of the released model is 0.00128, a per-frame normalised one 0.0204).

    Args:
        maps: (N, h, w).
        normalisation: ``'none'``; ``'max'`` (peak 1); ``'minmax'`` (smallest 0, peak 1);
            ``'sum'`` (sum 1). A map that cannot be scaled (all zero; constant under minmax)
            becomes all zero.

    Returns:
        Scaled maps, (N, h, w) float64.

    Raises:
        ValueError: If the name is unknown.
    """
    maps = np.asarray(maps, np.float64)
    if normalisation == 'none':
        return maps
    if normalisation == 'minmax':
        maps = maps - maps.min(axis=(1, 2), keepdims=True)
    if normalisation in ('max', 'minmax'):
        scale = maps.max(axis=(1, 2), keepdims=True)
    elif normalisation == 'sum':
        scale = maps.sum(axis=(1, 2), keepdims=True)
    else:
        raise ValueError(f'normalisation must be one of {NORMALISATIONS}, got {normalisation!r}')
    scaled: FloatArray = np.divide(maps, scale, out=np.zeros_like(maps), where=scale > 0)
    return scaled
