"""Video mAP: ranked tubes against annotated tubes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stgr.evaluation.functional.arrays import BoolArray, FloatArray, class_mean, mean_or_nan
from stgr.evaluation.functional.classes import class_ids
from stgr.evaluation.functional.frame_facts import FrameFacts
from stgr.evaluation.functional.ranking import average_precisions
from stgr.evaluation.functional.tube_table import (
    TubeSettings,
    TubeTable,
    collect_tubes,
    match_tubes,
)


@dataclass(frozen=True)
class RankedTubes:
    """The predicted tubes of one class, best first.

    Args:
        name: The class.
        scores: (N,), falling.
        positive: Which of them take a true tube, (N,) bool.
        num_truths: True tubes of the class.
    """

    name: str
    scores: FloatArray
    positive: BoolArray
    num_truths: int


def rank_tubes(
    videos: Sequence[FrameFacts], settings: TubeSettings, threshold: float
) -> list[RankedTubes]:
    """Return the ranked tubes of every class of the pools, matched at one overlap threshold.

    Args:
        videos: Facts of each video, with places of the predicted labels.
        settings: The reading.
        threshold: Overlap threshold.

    Returns:
        Classes in order of first appearance in the pools, also those without tubes.

    Raises:
        ValueError: If a video that predicts an action does not say where.
    """
    tubes, ids = collect_tubes(videos, settings), class_ids(videos)
    positive = match_tubes(tubes, settings, threshold)
    num_truths = np.bincount(tubes.true_classes, minlength=len(ids)).tolist()
    return [
        RankedTubes(name, tubes.scores[mine], positive[mine], num)
        for (name, mine), num in zip(_class_slices(tubes, ids).items(), num_truths, strict=True)
    ]


def score_video_map(
    videos: Sequence[FrameFacts], settings: TubeSettings | None = None
) -> dict[str, float]:
    """Return video mAP and tube hit rates at each overlap threshold.

    Per class, predicted tubes of all videos are ranked by their mean frame score (equal scores
    keep the order of videos) and matched to true tubes of their video; AP is the area under the
    precision envelope; mAP the mean over classes with a true tube. ``mAP@0.1:0.5`` is the mean
    over thresholds. ``hit_*``: share of true tubes that any prediction of the same video and class
    overlaps enough, whatever its rank. Source: benchmarks, section 3 (d), (g), 3.1 (d).

    Args:
        videos: Facts of each video, with places of the predicted labels.
        settings: The reading; None means the defaults.

    Returns:
        ``mAP@t``, ``mAP@first:last``, ``hit_class@t`` (per class, then mean), ``hit_micro@t``,
        ``hit_wide@t``, ``hit_saturated@t`` (mean clipped area of the true boxes above and up to
        16.3 % of the frame), ``num_classes``, ``num_det`` (also of classes without truth),
        ``num_gt``, ``num_wide``. Fractions; NaN where undefined.

    Raises:
        ValueError: If a video that predicts an action does not say where.
    """
    settings = settings or TubeSettings()
    tubes = collect_tubes(videos, settings)
    found: dict[str, float] = {}
    for threshold in settings.thresholds:
        found[f'mAP@{threshold:g}'] = _mean_ap(tubes, settings, threshold)
        found |= _hit_rates(tubes, settings, threshold)
    means = [found[f'mAP@{threshold:g}'] for threshold in settings.thresholds]
    found[f'mAP@{settings.thresholds[0]:g}:{settings.thresholds[-1]:g}'] = mean_or_nan(means)
    found['num_classes'] = float(len(np.unique(tubes.true_classes)))
    found['num_det'] = float(len(tubes.scores))
    found['num_gt'] = float(len(tubes.true_classes))
    found['num_wide'] = float(tubes.wide.sum())
    return found


@dataclass(frozen=True)
class TubeOutcomes:
    """The predicted tubes of one class in one video, and which of them find a true tube.

    Predictions of one video only compete with each other, so these hold in any set of videos.

    Args:
        num_truths: True tubes of the class.
        scores: Of the predicted tubes, best first, (N,).
        positive: Whether each is a true positive at each threshold, (N, K).
    """

    num_truths: int
    scores: FloatArray
    positive: BoolArray


def tube_outcomes(
    video: FrameFacts, settings: TubeSettings | None = None
) -> dict[str, TubeOutcomes]:
    """Return the outcomes of one video by the name of their class.

    Args:
        video: Its facts, with places of the predicted labels.
        settings: The reading of video mAP; None means the defaults.

    Raises:
        ValueError: If actions are predicted without a place.
    """
    settings, ids = settings or TubeSettings(), class_ids([video])
    tubes = collect_tubes([video], settings)
    matched = [match_tubes(tubes, settings, threshold) for threshold in settings.thresholds]
    positive = np.stack(matched, axis=1)
    num_truths = np.bincount(tubes.true_classes, minlength=len(ids)).tolist()
    return {
        name: TubeOutcomes(num, tubes.scores[mine], positive[mine])
        for (name, mine), num in zip(_class_slices(tubes, ids).items(), num_truths, strict=True)
        if num or mine.stop > mine.start
    }


def _class_slices(tubes: TubeTable, ids: dict[str, int]) -> dict[str, slice]:
    """Return where the predicted tubes of each class lie."""
    ends = np.searchsorted(tubes.classes, np.arange(len(ids) + 1)).tolist()
    return {name: slice(ends[label], ends[label + 1]) for name, label in ids.items()}


def _mean_ap(tubes: TubeTable, settings: TubeSettings, threshold: float) -> float:
    positive = match_tubes(tubes, settings, threshold)
    num = int(max(tubes.classes.max(initial=-1), tubes.true_classes.max(initial=-1))) + 1
    num_truths = np.bincount(tubes.true_classes, minlength=num)
    aps = average_precisions(tubes.classes, tubes.scores, positive, num_truths, rule=settings.rule)
    return mean_or_nan(aps[num_truths > 0])


def _hit_rates(tubes: TubeTable, settings: TubeSettings, threshold: float) -> dict[str, float]:
    hit = np.zeros(len(tubes.true_classes), np.bool_)
    hit[tubes.truths[settings.passes(tubes.overlaps, threshold)]] = True
    return {
        f'hit_class@{threshold:g}': class_mean(hit, tubes.true_classes),
        f'hit_micro@{threshold:g}': mean_or_nan(hit),
        f'hit_wide@{threshold:g}': mean_or_nan(hit[tubes.wide]),
        f'hit_saturated@{threshold:g}': mean_or_nan(hit[~tubes.wide]),
    }
