"""How sure a mean, or a difference of two systems, is: resampling whole videos."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stgr.evaluation.functional.arrays import FloatArray, IntArray

_CHUNK = 1_000_000  # drawn indices at a time


@dataclass(frozen=True)
class Interval:
    """An estimate and its bootstrap percentile interval.

    Args:
        estimate: On the videos as they are.
        low: Lower end.
        high: Upper end.
        num_videos: Videos used.
        num_dropped: Videos left out because a value was undefined (NaN).
    """

    estimate: float
    low: float
    high: float
    num_videos: int
    num_dropped: int


def bootstrap_mean(
    values: FloatArray, *, level: float = 0.95, num_resamples: int = 10_000, seed: int = 0
) -> Interval:
    """Return the mean over videos with its bootstrap interval.

    Args:
        values: One value per video, (V,); NaN is undefined and left out, counted.
        level: Coverage of the interval, in (0, 1).
        num_resamples: Resamples of V videos with replacement.
        seed: Of the resampling.

    Returns:
        Mean, percentile interval and counts.

    Raises:
        ValueError: If no value is defined or the level is not in (0, 1).
    """
    values = np.asarray(values, np.float64)
    kept = values[~np.isnan(values)]
    _check(len(kept), level, num_resamples)
    generator = np.random.default_rng(seed)
    rows = max(1, _CHUNK // len(kept))
    draws = [
        kept[generator.integers(0, len(kept), (min(rows, num_resamples - i), len(kept)))].mean(1)
        for i in range(0, num_resamples, rows)
    ]
    low, high = _ends(np.concatenate(draws), level)
    return Interval(float(kept.mean()), low, high, len(kept), len(values) - len(kept))


def paired_bootstrap(
    first: FloatArray,
    second: FloatArray,
    *,
    level: float = 0.95,
    num_resamples: int = 10_000,
    seed: int = 0,
) -> Interval:
    """Return the mean of ``first - second`` over videos with its interval.

    Both systems are resampled with the same videos, so what is hard about a video cancels.

    Args:
        first: Values of one system, (V,).
        second: Values of the other on the same videos in the same order, (V,).
        level: As in ``bootstrap_mean``.
        num_resamples: Likewise.
        seed: Likewise.

    Returns:
        Mean difference, interval and counts; a pair with a NaN is left out, counted.

    Raises:
        ValueError: If the lengths differ or no pair is defined.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(
            f'paired values need one shape (V,), but got {first.shape} and {second.shape}'
        )
    return bootstrap_mean(first - second, level=level, num_resamples=num_resamples, seed=seed)


def bootstrap_statistic(
    statistic: Callable[[IntArray], float],
    num_videos: int,
    *,
    level: float = 0.95,
    num_resamples: int = 1_000,
    seed: int = 0,
) -> Interval:
    """Return any number over a choice of videos with its interval.

    For scores that are no mean over videos, such as mAP over a data set; a difference of systems
    is a statistic too.

    Args:
        statistic: Number for chosen videos, given their indices (V,), repeats included.
        num_videos: V, >= 1.
        level: Coverage of the interval, in (0, 1).
        num_resamples: Resamples of V videos with replacement.
        seed: Of the resampling.

    Returns:
        The statistic of all videos, its percentile interval (undefined resamples left out).

    Raises:
        ValueError: If there is no video, no resample or the level is not in (0, 1).
    """
    _check(num_videos, level, num_resamples)
    generator = np.random.default_rng(seed)
    draws = [statistic(generator.integers(0, num_videos, num_videos)) for _ in range(num_resamples)]
    low, high = _ends(np.asarray(draws), level)
    return Interval(float(statistic(np.arange(num_videos))), low, high, num_videos, 0)


def bootstrap_weighted(
    statistic: Callable[[FloatArray], FloatArray],
    num_videos: int,
    *,
    level: float = 0.95,
    num_resamples: int = 2_000,
    seed: int = 0,
) -> Interval:
    """Return any number over weighted videos with its interval, many resamples at a time.

    The same seed draws the same videos for every statistic of as many videos.

    Args:
        statistic: Numbers of R resamples, (R,), given how often each holds each video, (R, V).
        num_videos: V, >= 1.
        level: Coverage of the interval, in (0, 1).
        num_resamples: Resamples of V videos with replacement.
        seed: Of the resampling.

    Returns:
        The statistic with every weight 1, its percentile interval (undefined resamples left out).

    Raises:
        ValueError: If there is no video, no resample or the level is not in (0, 1).
    """
    _check(num_videos, level, num_resamples)
    generator = np.random.default_rng(seed)
    shares = np.full(num_videos, 1 / num_videos)
    weights = generator.multinomial(num_videos, shares, num_resamples).astype(np.float64)
    estimate = float(statistic(np.ones((1, num_videos)))[0])
    if np.isnan(estimate):
        return Interval(estimate, estimate, estimate, num_videos, 0)
    low, high = _ends(statistic(weights), level)
    return Interval(estimate, low, high, num_videos, 0)


def _check(num_videos: int, level: float, num_resamples: int) -> None:
    if num_videos < 1:
        raise ValueError('a bootstrap needs at least one video with a defined value')
    if not 0 < level < 1 or num_resamples < 1:
        raise ValueError(
            f'need 0 < level < 1 and num_resamples >= 1, but got {level} and {num_resamples}'
        )


def _ends(draws: FloatArray, level: float) -> tuple[float, float]:
    tail = 50 * (1 - level)
    low, high = np.nanpercentile(draws, [tail, 100 - tail])
    return float(low), float(high)
