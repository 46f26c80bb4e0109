"""Scores of weighted videos, many choices of weights at once: what a bootstrap resamples.

A video of weight 2 counts as two videos. With weights 1 each is the score it is named after.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from stgr.evaluation.functional.arrays import FloatArray
from stgr.evaluation.functional.video_map import TubeOutcomes

Statistic = Callable[[FloatArray], FloatArray]


def mean_statistic(values: FloatArray) -> Statistic:
    """Return the mean over videos whose value is defined.

    Args:
        values: One per video, NaN where undefined, (V,).

    Returns:
        From weights (R, V) to means (R,), NaN where no video is left.
    """
    defined = ~np.isnan(values)
    filled = np.where(defined, values, 0.0)

    def statistic(weights: FloatArray) -> FloatArray:
        return _divide(weights @ filled, weights @ defined.astype(np.float64))

    return statistic


def median_statistic(values: Sequence[Sequence[float]]) -> Statistic:
    """Return the median of the values of all videos; of an even number the mean of the middle two.

    Args:
        values: Of each video, any number of them, (V,).

    Returns:
        From weights (R, V), whole numbers, to medians (R,), NaN where no value is left.
    """
    pooled = np.asarray([value for of_video in values for value in of_video], np.float64)
    order = np.argsort(pooled, kind='stable')
    owner = np.repeat(np.arange(len(values)), [len(of_video) for of_video in values])[order]
    ordered = np.append(pooled[order], np.nan)

    def statistic(weights: FloatArray) -> FloatArray:
        copies = np.cumsum(weights[:, owner], axis=1)  # (R, N)
        num = weights @ np.bincount(owner, minlength=len(values))
        low, high = np.floor((num - 1) / 2), np.floor(num / 2)  # places of the middle, from 0
        first, second = ((copies <= at[:, None]).sum(axis=1) for at in (low, high))
        middle = (ordered[first] + ordered[second]) / 2
        return np.where(num > 0, middle, np.nan)

    return statistic


def ratio_statistic(numerators: FloatArray, denominators: FloatArray, *, over: str) -> Statistic:
    """Return a ratio of sums over videos.

    Args:
        numerators: Of each video and class, (V, C).
        denominators: Likewise.
        over: ``'all'``: one ratio of everything; ``'class'``: mean of the ratios of the classes
            whose denominator is not 0.

    Returns:
        From weights (R, V) to ratios (R,), NaN where undefined.

    Raises:
        ValueError: If ``over`` is neither.
    """
    if over not in ('all', 'class'):
        raise ValueError(f"over must be 'all' or 'class', but got {over!r}")

    def statistic(weights: FloatArray) -> FloatArray:
        above, below = weights @ numerators, weights @ denominators
        if over == 'all':
            return _divide(above.sum(axis=1), below.sum(axis=1))
        ratios = _divide(above, below)
        present = ~np.isnan(ratios)
        return _divide(np.where(present, ratios, 0.0).sum(axis=1), present.sum(axis=1))

    return statistic


def mean_ap_statistic(
    videos: Sequence[Mapping[str, TubeOutcomes]], thresholds: Sequence[int]
) -> Statistic:
    """Return video mAP (all-point rule), the mean over classes and some overlap thresholds.

    Args:
        videos: Outcomes of each video by class, see ``tube_outcomes``, (V,).
        thresholds: Numbers of the thresholds to average over.

    Returns:
        From weights (R, V) to mAP (R,), NaN where no class has a true tube.
    """
    names = sorted({name for video in videos for name, one in video.items() if one.num_truths})
    classes = [_ranked(videos, name) for name in names]

    def statistic(weights: FloatArray) -> FloatArray:
        total, present = np.zeros(len(weights)), np.zeros(len(weights))
        for video_of, positive, truths in classes:
            num_truths = weights @ truths
            here = num_truths > 0
            present += here
            aps = [_ap(weights[:, video_of], positive[:, k], num_truths) for k in thresholds]
            total += np.where(here, np.mean(aps, axis=0), 0.0)
        return _divide(total, present)

    return statistic


def _ranked(
    videos: Sequence[Mapping[str, TubeOutcomes]], name: str
) -> tuple[np.ndarray, FloatArray, FloatArray]:
    """Return the video and the outcome of each prediction of a class, best first, and truths."""
    mine = [(i, video[name]) for i, video in enumerate(videos) if name in video]
    truths = np.zeros(len(videos))
    for i, one in mine:
        truths[i] = one.num_truths
    scores = np.concatenate([one.scores for _, one in mine])
    video_of = np.concatenate([np.full(len(one.scores), i) for i, one in mine])
    order = np.argsort(-scores, kind='stable')
    positive = np.concatenate([one.positive for _, one in mine]).astype(np.float64)
    return video_of[order], positive[order], truths


def _ap(weights: FloatArray, positive: FloatArray, num_truths: FloatArray) -> FloatArray:
    hits, seen = (weights * positive).cumsum(axis=1), weights.cumsum(axis=1)
    precision = np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    area = (envelope * weights * positive).sum(axis=1)
    found: FloatArray = np.divide(area, num_truths, out=np.zeros_like(area), where=num_truths > 0)
    return found


def _divide(above: FloatArray, below: FloatArray) -> FloatArray:
    found: FloatArray = np.divide(
        above, below, out=np.full(np.shape(above), np.nan), where=np.asarray(below) > 0
    )
    return found
