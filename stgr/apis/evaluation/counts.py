"""Counts of each class of one video: the breakdown, and what intervals are made of."""

import numpy as np

from stgr.evaluation.functional import FrameFacts


def count_classes(video: FrameFacts, *, iou_threshold: float) -> dict[str, dict[str, int]]:
    """Return counts of each class that a video truly has.

    Args:
        video: Its facts.
        iou_threshold: A spatial hit has a larger IoU.

    Returns:
        Class name -> ``boxes`` (seconds with a box), ``right_label`` (of these, with the right
        label), ``predicted`` (seconds with the label), ``union`` (seconds with the box or the
        label); with places of predictions ``points`` (right label, point in the box); with places
        of the true class ``pointing_hits`` and ``iou_hits`` (of the boxes).
    """
    found = {}
    for number in np.unique(video.gt_labels[video.gt_labels >= 0]):
        truth, predicted = video.gt_labels == number, video.pred_labels == number
        both = truth & predicted
        counts = {
            'boxes': truth.sum(),
            'right_label': both.sum(),
            'predicted': predicted.sum(),
            'union': (truth | predicted).sum(),
        }
        if video.pred is not None:
            counts['points'] = (both & video.pred.hit).sum()
        if video.query is not None:
            counts['pointing_hits'] = (truth & video.query.hit).sum()
            counts['iou_hits'] = (truth & (video.query.iou > iou_threshold)).sum()
        found[video.pool[int(number)]] = {key: int(value) for key, value in counts.items()}
    return found
