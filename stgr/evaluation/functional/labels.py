"""When: frame labels, action against background, and temporal overlap."""

from collections.abc import Sequence

import numpy as np

from stgr.evaluation.functional.arrays import (
    BoolArray,
    FloatArray,
    IntArray,
    class_mean,
    mean_or_nan,
)
from stgr.evaluation.functional.classes import class_ids, global_labels
from stgr.evaluation.functional.frame_facts import FrameFacts
from stgr.evaluation.functional.transcripts import fit_length
from stgr.structures import BACKGROUND


def score_labels(videos: Sequence[FrameFacts]) -> dict[str, float]:
    """Return label accuracies over the frames of all videos (fractions, micro unless said).

    Args:
        videos: Facts of each video.

    Returns:
        ``label_acc``: all frames, background being a label like any other (MoF);
        ``label_acc_action``: frames with a true action only, predicted background is wrong;
        ``label_acc_background``: true background frames only;
        ``label_acc_class``: mean over true classes, background included;
        ``label_acc_best``: true action frames, best pool entry before the background threshold
        (only if every video says it);
        ``action_auc``: ``binary_auc`` of the scores, action against background, all frames in one
        ranking; ``action_auc_video``: the same within each video, mean over the videos that have
        both; ``num_frames``, ``num_action_frames``, ``num_auc_videos``. NaN where undefined.
    """
    ids = class_ids(videos)
    truth = _join([global_labels(v.gt_labels, v.pool, ids) for v in videos])
    predicted = _join([global_labels(v.pred_labels, v.pool, ids) for v in videos])
    right, action = truth == predicted, truth != BACKGROUND
    aucs = np.asarray([binary_auc(v.pred_scores, v.action) for v in videos])
    scores = np.concatenate([np.zeros(0), *(v.pred_scores for v in videos)])
    found = {
        'label_acc': mean_or_nan(right),
        'label_acc_action': mean_or_nan(right[action]),
        'label_acc_background': mean_or_nan(right[~action]),
        'label_acc_class': class_mean(right, truth + 1),
        'action_auc': binary_auc(scores, action),
        'action_auc_video': mean_or_nan(aucs[~np.isnan(aucs)]),
        'num_frames': float(len(truth)),
        'num_action_frames': float(action.sum()),
        'num_auc_videos': float((~np.isnan(aucs)).sum()),
    }
    best = [v.pred_best_labels for v in videos if v.pred_best_labels is not None]
    if videos and len(best) == len(videos):
        pairs = zip(best, videos, strict=True)
        right_best = _join([(labels == v.gt_labels)[v.action] for labels, v in pairs])
        found['label_acc_best'] = mean_or_nan(right_best)
    return found


def binary_auc(scores: FloatArray, positive: BoolArray) -> float:
    """Return the area under the ROC curve, ``P(s+ > s-) + P(s+ = s-) / 2`` (Mann-Whitney).

    Args:
        scores: (N,).
        positive: (N,) bool.

    Returns:
        In [0, 1], chance 0.5; NaN if one side is empty.
    """
    above, below = scores[positive], np.sort(scores[~positive])
    if not len(above) or not len(below):
        return float('nan')
    wins = np.searchsorted(below, above, 'left') + np.searchsorted(below, above, 'right')
    return float(wins.sum() / (2 * len(above) * len(below)))


def score_temporal(
    videos: Sequence[FrameFacts], *, include_background: bool = False
) -> dict[str, float]:
    """Return temporal overlap without any regard to place (benchmarks, section 3 (e)).

    Args:
        videos: Facts of each video.
        include_background: Whether background counts as a class (the authors' rule for
            MiningYouTube).

    Returns:
        The keys of ``score_timelines``.
    """
    timelines = [(video.gt_labels, video.pred_labels) for video in videos]
    return score_timelines(timelines, include_background=include_background)


def score_timelines(
    timelines: Sequence[tuple[IntArray, IntArray]], *, include_background: bool = True
) -> dict[str, float]:
    """Return temporal overlap of predicted with true labels, frame by frame.

    Per video and true class: ``IoU = |G n P| / |G u P|``, ``IoD = |G n P| / |P|`` (0 if P is
    empty); mean over the video's classes, then over videos that have one. Source: benchmarks,
    section 3 (e).

    Args:
        timelines: True and predicted labels of each video, (T,) each, -1 is background; a
            prediction of another length is cut, or padded with its last label, to the truth's.
        include_background: Whether background counts as a class (the authors' rule for
            MiningYouTube). MoF counts all frames in either case.

    Returns:
        ``iou``, ``iod``, ``mof`` (share of right frames, background too, mean over videos) and
        ``num_videos`` (scored for iou and iod). Fractions; NaN where undefined.
    """
    fitted = [(np.asarray(g), fit_length(p, len(g))) for g, p in timelines]
    overlaps = [_class_overlaps(g, p, include_background) for g, p in fitted]
    scored = [pair for pair in overlaps if len(pair[0])]
    return {
        'iou': mean_or_nan([pair[0].mean() for pair in scored]),
        'iod': mean_or_nan([pair[1].mean() for pair in scored]),
        'mof': mean_or_nan([mean_or_nan(truth == predicted) for truth, predicted in fitted]),
        'num_videos': float(len(scored)),
    }


def _class_overlaps(
    labels: IntArray, predicted_labels: IntArray, include_background: bool
) -> tuple[FloatArray, FloatArray]:
    lowest = BACKGROUND if include_background else 0
    classes = np.unique(labels[labels >= lowest])
    truth = labels == classes[:, None]  # (K, T)
    predicted = predicted_labels == classes[:, None]
    common = (truth & predicted).sum(axis=1)
    length = np.maximum(predicted.sum(axis=1), 1)
    return common / (truth | predicted).sum(axis=1), common / length


def _join(parts: Sequence[IntArray]) -> IntArray:
    return np.concatenate([np.zeros(0, np.int64), *parts])
