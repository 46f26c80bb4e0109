"""IoU+Point: the right label at the right time, and the finger on the right place."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stgr.evaluation.functional.arrays import FloatArray, IntArray, mean_or_nan
from stgr.evaluation.functional.classes import class_ids, global_labels
from stgr.evaluation.functional.frame_facts import FrameFacts
from stgr.structures import BACKGROUND

CLASS_RULES = ('gt', 'union')


@dataclass(frozen=True)
class _Counts:
    """Frame counts of each class of one video, (K,) each."""

    classes: IntArray
    points: IntArray  # |I|: label right and point in the box
    labels: IntArray  # |G n P|
    union: IntArray  # |G u P|
    predicted: IntArray  # |P|


def score_iou_point(
    videos: Sequence[FrameFacts], *, include_background: bool = False, classes: str = 'gt'
) -> dict[str, float]:
    """Return IoU+Point of untrimmed videos.

    Per video and class c: ``G = {t: g_t = c}``, ``P = {t: p_t = c}``, ``I = {t in G n P: the point
    of c's map lies in the box of t}``; ``IoU = |I| / |G u P|``, ``IoD = |I| / |P|`` (0 if P is
    empty). Source: the paper's Table 2; benchmarks, section 3 (c). An empty box is a miss.

    Args:
        videos: Facts of each video, with places of the predicted labels.
        include_background: Whether background is one more class, which needs no point.
        classes: The classes of a video: ``'gt'``, those it truly has; ``'union'``, also the
            predicted ones.

    Returns:
        ``iou_point_video_class`` (the default reading: mean over a video's classes, then over
        videos), ``iod_point_video_class``, ``iou_point_dataset_class`` (counts summed over videos
        per class, then mean over classes), ``iou_point_micro`` (summed over everything),
        ``temporal_iou_video_class`` (the same without points), ``num_classes``, ``num_videos``
        (those with a class; others are undefined, not 0).

    Raises:
        ValueError: If a video that predicts an action does not say where, or ``classes`` is
            unknown.
    """
    if classes not in CLASS_RULES:
        raise ValueError(f'classes must be one of {CLASS_RULES}, but got {classes!r}')
    per_video = [_count(video, include_background, classes) for video in videos]
    scored = [counts for counts in per_video if len(counts.classes)]
    return {
        'iou_point_video_class': mean_or_nan([(c.points / c.union).mean() for c in scored]),
        'iod_point_video_class': mean_or_nan(
            [(c.points / np.maximum(c.predicted, 1)).mean() for c in scored]
        ),
        'temporal_iou_video_class': mean_or_nan([(c.labels / c.union).mean() for c in scored]),
        **_dataset_scores(videos, per_video),
        'num_videos': float(len(scored)),
    }


def _count(video: FrameFacts, include_background: bool, classes: str) -> _Counts:
    pred_action = video.pred_labels != BACKGROUND
    if video.pred is None and pred_action.any():
        raise ValueError(
            f'video {video.video_id!r}: IoU+Point needs places of the predicted label (heatmaps, '
            f'or pred_points_px and pred_boxes_px)'
        )
    seen = video.gt_labels
    if classes == 'union':
        seen = np.concatenate([seen, video.pred_labels])
    names = np.unique(seen[seen >= (BACKGROUND if include_background else 0)])
    truth = video.gt_labels == names[:, None]  # (K, T)
    predicted = video.pred_labels == names[:, None]
    hit = ~pred_action if video.pred is None else video.pred.hit | ~pred_action
    return _Counts(
        classes=names,
        points=(truth & predicted & hit).sum(axis=1),
        labels=(truth & predicted).sum(axis=1),
        union=(truth | predicted).sum(axis=1),
        predicted=predicted.sum(axis=1),
    )


def _dataset_scores(videos: Sequence[FrameFacts], counted: Sequence[_Counts]) -> dict[str, float]:
    ids = class_ids(videos)
    pairs = zip(videos, counted, strict=True)
    names = [global_labels(counts.classes, video.pool, ids) for video, counts in pairs]
    points, union = np.zeros(len(ids) + 1), np.zeros(len(ids) + 1)  # the last is background
    for rows, counts in zip(names, counted, strict=True):
        points[rows] += counts.points
        union[rows] += counts.union
    present: FloatArray = union[union > 0]
    return {
        'iou_point_dataset_class': mean_or_nan(points[union > 0] / present),
        'iou_point_micro': float(points.sum() / union.sum()) if len(present) else float('nan'),
        'num_classes': float(len(present)),
    }
