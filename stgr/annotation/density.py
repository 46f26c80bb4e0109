"""Where annotators clicked, as a map: one Gaussian per click."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

SIGMA_PX = 30.0  # the paper gives none


def density_map(
    clicks_px: FloatArray, frame_size: tuple[int, int], *, sigma_px: float = SIGMA_PX
) -> FloatArray:
    """Return the sum of isotropic Gaussians at the clicks, divided by its largest value.

    ``d(x, y) = sum_k exp(-((x - x_k)^2 + (y - y_k)^2) / (2 sigma^2))``, pixel i lying at coordinate
    i. The largest value is that of the pixels, so it is exactly 1 somewhere.

    Source: paper, section 10; benchmarks, 3 (i).

    Args:
        clicks_px: ``x, y`` of each click, (n, 2); rows of NaN (no click) are left out.
        frame_size: Width and height in pixels.
        sigma_px: Standard deviation of a Gaussian.

    Returns:
        (H, W) in [0, 1]; zeros if nobody clicked.

    Raises:
        ValueError: If a shape, a side or ``sigma_px`` is wrong.
    """
    clicks = np.asarray(clicks_px, np.float64)
    if clicks.ndim != 2 or clicks.shape[1] != 2:
        raise ValueError(f'clicks must be of shape (clicks, 2), got {clicks.shape}')
    width, height = frame_size
    if min(frame_size) < 1 or not 0 < sigma_px < np.inf:
        raise ValueError(f'expected positive sides and sigma, got {frame_size}, sigma={sigma_px}')
    clicks = clicks[~np.isnan(clicks).any(axis=1)]
    if not len(clicks):
        return np.zeros((height, width))
    across, down = (
        _log_bumps(clicks[:, 0], width, sigma_px),
        _log_bumps(clicks[:, 1], height, sigma_px),
    )
    # A narrow Gaussian or a click outside may be 0 at every pixel; only the ratios are wanted, so
    # the largest exponent is taken out first.
    top = (across.max(axis=1) + down.max(axis=1)).max()
    down = down - (top - across.max(axis=1))[:, None]
    across = across - across.max(axis=1, keepdims=True)
    density = np.exp(down).T @ np.exp(across)  # (H, W): a Gaussian is a product of two
    return np.asarray(density / density.max(), np.float64)


def _log_bumps(centres_px: FloatArray, length: int, sigma_px: float) -> FloatArray:
    """Return the logarithm of a Gaussian at every pixel of a line, (n, length)."""
    return -(((np.arange(length) - centres_px[:, None]) / sigma_px) ** 2) / 2
