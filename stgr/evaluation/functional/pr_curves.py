"""Precision and recall of ranked tubes, class by class: the curves below video mAP."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stgr.evaluation.functional.arrays import BoolArray, FloatArray
from stgr.evaluation.functional.frame_facts import FrameFacts
from stgr.evaluation.functional.ranking import average_precision
from stgr.evaluation.functional.tube_table import TubeSettings
from stgr.evaluation.functional.video_map import RankedTubes, rank_tubes


@dataclass(frozen=True)
class PrecisionRecall:
    """The curve of one class, or of all classes in one ranking.

    Args:
        name: The class.
        recall: Found truths of all after each rank, (N,).
        precision: Right detections of those so far, (N,).
        average_precision: Area under the envelope, the class's part of mAP; NaN without truths.
        num_truths: True tubes.
    """

    name: str
    recall: FloatArray
    precision: FloatArray
    average_precision: float
    num_truths: int


def precision_recall_per_class(
    videos: Sequence[FrameFacts], settings: TubeSettings | None = None, *, threshold: float = 0.3
) -> list[PrecisionRecall]:
    """Return the curve of every class that has a true tube.

    After the k best-scored detections ``precision = TP_k / k`` and ``recall = TP_k / num_truths``.
    The mean of ``average_precision`` is ``mAP@threshold`` of ``score_video_map``.

    Args:
        videos: Facts of each video, with places of the predicted labels.
        settings: The reading of video mAP; None means the defaults.
        threshold: Overlap of a true positive.

    Returns:
        Curves in order of first appearance in the pools.

    Raises:
        ValueError: If a video that predicts an action does not say where.
    """
    settings = settings or TubeSettings()
    ranked = rank_tubes(videos, settings, threshold)
    return [precision_recall(one, rule=settings.rule) for one in ranked if one.num_truths]


def precision_recall_pooled(
    videos: Sequence[FrameFacts], settings: TubeSettings | None = None, *, threshold: float = 0.3
) -> PrecisionRecall:
    """Return one curve over the detections of all classes, also of those without truth.

    Args:
        videos: As in ``precision_recall_per_class``.
        settings: Likewise.
        threshold: Likewise.

    Returns:
        The curve named ``all classes``; equal scores keep the order of classes.

    Raises:
        ValueError: Likewise.
    """
    settings = settings or TubeSettings()
    ranked = rank_tubes(videos, settings, threshold)
    everything = RankedTubes(
        'all classes',
        scores=np.concatenate([np.zeros(0), *(one.scores for one in ranked)]),
        positive=np.concatenate([np.zeros(0, np.bool_), *(one.positive for one in ranked)]),
        num_truths=sum(one.num_truths for one in ranked),
    )
    return precision_recall(everything, rule=settings.rule)


def precision_recall(ranked: RankedTubes, *, rule: str = 'all') -> PrecisionRecall:
    """Return the curve of ranked detections.

    Args:
        ranked: Scores, which are right, and the number of truths.
        rule: Of average precision.

    Returns:
        The curve; recall and average precision are NaN without truths.
    """
    order = np.argsort(-ranked.scores, kind='stable')
    hits: FloatArray = np.cumsum(ranked.positive[order]).astype(np.float64)
    precision = hits / np.arange(1, len(hits) + 1)
    if not ranked.num_truths:
        nothing = np.full(len(hits), np.nan)
        return PrecisionRecall(ranked.name, nothing, precision, float('nan'), 0)
    positive: BoolArray = ranked.positive
    area = average_precision(ranked.scores, positive, ranked.num_truths, rule=rule)
    return PrecisionRecall(
        ranked.name, hits / ranked.num_truths, precision, area, ranked.num_truths
    )
