"""Frame scores of every class on its own: which steps a system finds and which it does not."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stgr.evaluation.functional.arrays import BoolArray
from stgr.evaluation.functional.classes import class_ids, global_labels
from stgr.evaluation.functional.frame_facts import FrameFacts
from stgr.structures import BACKGROUND


@dataclass(frozen=True)
class ClassScore:
    """Frames of one class over all videos: G those that truly show it, P those predicted.

    Args:
        name: The class.
        num_frames: |G|.
        num_predicted: |P|.
        recall: |G n P| / |G|, NaN if G is empty.
        precision: |G n P| / |P|, NaN if P is empty.
        iou: |G n P| / |G u P|.
        iou_point: |I| / |G u P|, I the frames of G n P whose point lies in the box; NaN if places
            are not said.
    """

    name: str
    num_frames: int
    num_predicted: int
    recall: float
    precision: float
    iou: float
    iou_point: float


def score_each_class(videos: Sequence[FrameFacts]) -> list[ClassScore]:
    """Return the scores of every class that truly happens or is predicted.

    The mean of ``iou_point`` over the list is ``iou_point_dataset_class`` of
    ``score_iou_point(classes='union')``.

    Args:
        videos: Facts of each video.

    Returns:
        Scores in order of first appearance in the pools; classes with neither frames nor
        predictions are left out.
    """
    ids = class_ids(videos)
    counts = np.zeros((4, len(ids)), np.int64)
    for video in videos:
        truth = global_labels(video.gt_labels, video.pool, ids)
        predicted = global_labels(video.pred_labels, video.pool, ids)
        right = truth == predicted
        groups = (truth, predicted, truth[right], truth[right & point_hits(video)])
        for row, labels in zip(counts, groups, strict=True):
            row += np.bincount(labels[labels != BACKGROUND], minlength=len(ids))
    placed = all(video.pred is not None for video in videos)
    return [
        _score(name, *column.tolist(), placed=placed)
        for name, column in zip(ids, counts.T, strict=True)
        if column.any()
    ]


def point_hits(video: FrameFacts) -> BoolArray:
    """Return where the predicted label's point lies in the true box, (T,); False if not said."""
    if video.pred is None:
        return np.zeros(len(video.gt_labels), np.bool_)
    return video.pred.hit


def _score(
    name: str, num_frames: int, num_predicted: int, right: int, pointed: int, *, placed: bool
) -> ClassScore:
    union = num_frames + num_predicted - right
    return ClassScore(
        name=name,
        num_frames=num_frames,
        num_predicted=num_predicted,
        recall=right / num_frames if num_frames else float('nan'),
        precision=right / num_predicted if num_predicted else float('nan'),
        iou=right / union,
        iou_point=pointed / union if placed else float('nan'),
    )
