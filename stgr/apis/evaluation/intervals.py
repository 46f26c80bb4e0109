"""Which scores of a report can be resampled over its videos, and how."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from stgr.apis.evaluation.report import score_of
from stgr.evaluation.functional import TubeOutcomes
from stgr.evaluation.functional.arrays import FloatArray
from stgr.evaluation.functional.resampling import (
    Statistic,
    mean_ap_statistic,
    mean_statistic,
    median_statistic,
    ratio_statistic,
)

_SAME = 1e-9


def statistic_of(document: Mapping[str, Any], key: str) -> Statistic | None:
    """Return how a score follows from weighted videos.

    A ratio of counts, video mAP from the outcomes of its tubes, a median of values, or the mean
    over videos of their own scores; only if that gives the reported score when every video counts
    once.

    Args:
        document: Of ``evaluate``.
        key: ``group/key``.

    Returns:
        The statistic over the videos in the document's order; None if the score is none of these,
        undefined or not scored.
    """
    reported = score_of(document['metrics'], key)
    if reported is None:
        return None
    for make in (_ratio, _mean_ap, _median, _mean):
        statistic = make(document, key)
        if statistic is None:
            continue
        ones = np.ones((1, len(document['per_video'])))
        if abs(float(statistic(ones)[0]) - reported) < _SAME:
            return statistic
    return None


def _ratio(document: Mapping[str, Any], key: str) -> Statistic | None:
    ratio = document['ratios'].get(key)
    if ratio is None:
        return None
    if ratio['over'] == 'unit':
        units = [unit['counts'] for unit in document['per_video'].values()]
        above, below = (
            np.asarray([[float(counts[ratio[side]])] for counts in units])
            for side in ('numerator', 'denominator')
        )
        return ratio_statistic(above, below, over='all')
    labels = {label: i for i, label in enumerate(document['per_class'])}
    sums = np.zeros((2, len(document['per_video']), len(labels)))
    for row, video in enumerate(document['per_video'].values()):
        for label, counts in video['classes'].items():
            for side, name in enumerate((ratio['numerator'], ratio['denominator'])):
                sums[side, row, labels[label]] = counts[name]
    return ratio_statistic(sums[0], sums[1], over=ratio['over'])


def _mean_ap(document: Mapping[str, Any], key: str) -> Statistic | None:
    group, _, name = key.rpartition('/')
    thresholds = document['tubes'].get(group)
    if thresholds is None or not name.startswith('mAP@'):
        return None
    chosen = [i for i, value in enumerate(thresholds) if name == f'mAP@{value:g}']
    chosen = chosen or list(range(len(thresholds)))
    videos = [
        {label: _outcomes(*one, num_thresholds=len(thresholds)) for label, one in rows.items()}
        for rows in (video['tubes'] for video in document['per_video'].values())
    ]
    return mean_ap_statistic(videos, chosen)


def _outcomes(
    num_truths: int, predictions: list[tuple[float, list[int]]], *, num_thresholds: int
) -> TubeOutcomes:
    scores: FloatArray = np.asarray([score for score, _ in predictions], np.float64)
    positive = np.asarray([hits for _, hits in predictions], bool).reshape(-1, num_thresholds)
    return TubeOutcomes(num_truths, scores, positive)


def _median(document: Mapping[str, Any], key: str) -> Statistic | None:
    values = [video['ranks'].get(key, []) for video in document['per_video'].values()]
    return median_statistic(values) if any(values) else None


def _mean(document: Mapping[str, Any], key: str) -> Statistic | None:
    values = [video['scores'].get(key) for video in document['per_video'].values()]
    if all(value is None for value in values):
        return None
    return mean_statistic(np.asarray([np.nan if v is None else v for v in values], np.float64))


def difference(first: Statistic, second: Statistic) -> Callable[[FloatArray], FloatArray]:
    """Return ``second - first`` of the same videos."""
    return lambda weights: second(weights) - first(weights)
