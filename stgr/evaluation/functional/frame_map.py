"""The frame-level (AVA) reading of mAP: every predicted frame is a detection."""

from collections.abc import Sequence

import numpy as np

from stgr.evaluation.functional.arrays import FloatArray, class_mean, mean_or_nan
from stgr.evaluation.functional.classes import class_ids, global_labels
from stgr.evaluation.functional.frame_facts import FrameFacts
from stgr.evaluation.functional.ranking import average_precisions
from stgr.evaluation.functional.tube_table import THRESHOLDS, predicted_places


def score_frame_map(
    videos: Sequence[FrameFacts], *, thresholds: Sequence[float] = THRESHOLDS
) -> dict[str, float]:
    """Return AP and hit rates over single frames.

    A detection is a frame with a predicted action; it is right if the true label is the same and
    the IoU of place and box is above the threshold; score = the frame's similarity; AP all-point,
    mean over classes with an annotated frame. ``frame_hit_*``: share of annotated frames found.
    Source: benchmarks, section 3 (d), "frame-level AVA reading".

    Args:
        videos: Facts of each video, with places of the predicted labels.
        thresholds: IoU thresholds, strict.

    Returns:
        ``frame_mAP@t``, ``frame_mAP@first:last``, ``frame_hit_class|_micro|_wide|_saturated@t``,
        ``num_classes``, ``num_det``, ``num_gt``. Fractions; NaN where undefined.

    Raises:
        ValueError: If a video that predicts an action does not say where.
    """
    ids = class_ids(videos)
    truth = np.concatenate([[-1], *(global_labels(v.gt_labels, v.pool, ids) for v in videos)])
    label = np.concatenate([[-1], *(global_labels(v.pred_labels, v.pool, ids) for v in videos)])
    score = np.concatenate([[0.0], *(v.pred_scores for v in videos)])
    iou = np.concatenate([[0.0], *(predicted_places(v).iou for v in videos)])
    iou = np.where(truth == label, iou, 0.0)
    wide = np.concatenate([[False], *(v.wide for v in videos)])
    boxed, detected = truth >= 0, label >= 0
    num = np.bincount(truth[boxed], minlength=len(ids))
    found: dict[str, float] = {}
    for threshold in thresholds:
        hit = iou > threshold
        aps = average_precisions(label[detected], score[detected], hit[detected], num)
        found[f'frame_mAP@{threshold:g}'] = mean_or_nan(aps[num > 0])
        found[f'frame_hit_class@{threshold:g}'] = class_mean(hit[boxed], truth[boxed])
        found[f'frame_hit_micro@{threshold:g}'] = mean_or_nan(hit[boxed])
        found[f'frame_hit_wide@{threshold:g}'] = mean_or_nan(hit[boxed & wide])
        found[f'frame_hit_saturated@{threshold:g}'] = mean_or_nan(hit[boxed & ~wide])
    means: FloatArray = np.asarray([found[f'frame_mAP@{t:g}'] for t in thresholds])
    found[f'frame_mAP@{thresholds[0]:g}:{thresholds[-1]:g}'] = mean_or_nan(means)
    found['num_classes'] = float(len(np.unique(truth[boxed])))
    found['num_det'] = float(detected.sum())
    found['num_gt'] = float(boxed.sum())
    return found
