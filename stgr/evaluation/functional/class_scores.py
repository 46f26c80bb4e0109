"""Frame scores of every class on its own: which steps a system finds and which it does not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stgr.evaluation.functional.arrays import BoolArray
from stgr.evaluation.functional.classes import class_ids
from stgr.evaluation.functional.frame_facts import FrameFacts
from stgr.structures import BACKGROUND


@dataclass(frozen=True)
class ClassScore:
    """Frames of one class over all videos: G those that truly show it, P those predicted.

    Args:
        name: The class.
        num_frames: ``|G|``.
        num_predicted: ``|P|``.
        recall: ``|G n P| / |G|``, NaN if G is empty.
        precision: ``|G n P| / |P|``, NaN if P is empty.
        iou: ``|G n P| / |G u P|`` over the videos that show it, NaN if G is empty.
        iou_point: ``|I| / |G u P|`` over the same, I the frames of G n P whose point lies in the
            box; NaN if G is empty or places are not said.
    """

    name: str
    num_frames: int
    num_predicted: int
    recall: float
    precision: float
    iou: float
    iou_point: float


def count_classes(video: FrameFacts, *, iou_threshold: float = 0.3) -> dict[str, dict[str, int]]:
    """Return counts of each class that a video truly has or that is predicted of it.

    Args:
        video: Its facts.
        iou_threshold: A spatial hit has a larger IoU.

    Returns:
        Class name -> ``boxes`` (seconds with a box), ``right_label`` (of these, with the right
        label), ``predicted`` (seconds with the label), ``union`` (seconds with the box or the
        label; 0 for a class that the video does not have, as ``score_iou_point(classes='gt')`` has
        it); with places of predictions ``points`` (right label, point in the box); with places of
        the true class ``pointing_hits`` and ``iou_hits`` (of the boxes).
    """
    found = {}
    says_where = video.pred is not None or (video.pred_labels == BACKGROUND).all()
    for number in np.unique([video.gt_labels, video.pred_labels]):
        if number == BACKGROUND:
            continue
        truth, predicted = video.gt_labels == number, video.pred_labels == number
        both = truth & predicted
        counts = {
            'boxes': truth.sum(),
            'right_label': both.sum(),
            'predicted': predicted.sum(),
            'union': (truth | predicted).sum() if truth.any() else 0,
        }
        if says_where:
            counts['points'] = (both & point_hits(video)).sum()
        if video.query is not None:
            counts['pointing_hits'] = (truth & video.query.hit).sum()
            counts['iou_hits'] = (truth & (video.query.iou > iou_threshold)).sum()
        found[video.pool[int(number)]] = {key: int(value) for key, value in counts.items()}
    return found


def count_frames(video: FrameFacts) -> dict[str, int]:
    """Return counts of all frames of a video, background being a label like any other.

    Args:
        video: Its facts.

    Returns:
        ``frames``, ``right_frames`` (with the right label); ``background_frames``,
        ``right_background`` of those without an action.
    """
    right, background = video.pred_labels == video.gt_labels, ~video.action
    return {
        'frames': len(right),
        'right_frames': int(right.sum()),
        'background_frames': int(background.sum()),
        'right_background': int((right & background).sum()),
    }


def add_counts(videos: Iterable[Mapping[str, Mapping[str, float]]]) -> dict[str, dict[str, float]]:
    """Return the counts of each class over videos, or over other units that are counted.

    Args:
        videos: Counts of each video by class, such as those of ``count_classes``.

    Returns:
        Class name, sorted -> the sums and ``videos``, how many truly have the class: those with
        ``boxes`` of it, or ``frames`` where no boxes are counted.
    """
    found: dict[str, dict[str, float]] = {}
    for classes in videos:
        for label, numbers in classes.items():
            sums = found.setdefault(label, {'videos': 0})
            for key, number in numbers.items():
                sums[key] = sums.get(key, 0) + number
            sums['videos'] += int(numbers.get('boxes', numbers.get('frames', 1)) > 0)
    return {label: found[label] for label in sorted(found)}


def score_each_class(videos: Sequence[FrameFacts]) -> list[ClassScore]:
    """Return the scores of every class that truly happens or is predicted.

    The mean of the defined ``iou_point`` is ``iou_point_dataset_class`` of ``score_iou_point``, and
    each is what ``stgr compare --by class`` prints as points/union.

    Args:
        videos: Facts of each video.

    Returns:
        Scores in order of first appearance in the pools; classes with neither frames nor
        predictions are left out.
    """
    sums = add_counts([count_classes(video) for video in videos])
    return [_score(name, sums[name]) for name in class_ids(videos) if name in sums]


def point_hits(video: FrameFacts) -> BoolArray:
    """Return where the predicted label's point lies in the true box, (T,); False if not said."""
    if video.pred is None:
        return np.zeros(len(video.gt_labels), np.bool_)
    return video.pred.hit


def _score(name: str, counts: Mapping[str, float]) -> ClassScore:
    right = counts['right_label']
    return ClassScore(
        name=name,
        num_frames=int(counts['boxes']),
        num_predicted=int(counts['predicted']),
        recall=_share(right, counts['boxes']),
        precision=_share(right, counts['predicted']),
        iou=_share(right, counts['union']),
        iou_point=_share(counts.get('points', float('nan')), counts['union']),
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float('nan')
