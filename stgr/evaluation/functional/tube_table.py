"""All tubes of a data set at once, and which predicted ones find a true one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stgr.evaluation.functional.arrays import (
    BoolArray,
    FloatArray,
    IntArray,
    join_floats,
    join_ints,
)
from stgr.evaluation.functional.boxes import is_wide
from stgr.evaluation.functional.classes import class_ids, global_labels
from stgr.evaluation.functional.frame_facts import FrameFacts
from stgr.evaluation.functional.place_facts import PlaceFacts, join_places
from stgr.evaluation.functional.tubes import overlap_tubes, predicted_tubes, true_tubes

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5)
MATCHES = ('best_gt', 'best_free')


@dataclass(frozen=True)
class TubeSettings:
    """The reading of "video mAP"; the defaults are those of benchmarks, section 3 (d).

    Args:
        tube: ``'class'``: all frames of a label in a video are one tube; ``'instance'``: runs
            against annotated instances.
        overlap: ``'volume'``, ``'mean_union'`` or ``'tiou_siou'``, see ``tube_overlap``.
        match: ``'best_gt'``: a prediction may only take the truth it overlaps most (VOC, AVA,
            ACT); ``'best_free'``: the best of those still free (ActivityNet).
        rule: AP rule, see ``average_precision``.
        gap: Frames that may lie between two runs that join (predicted instances).
        strict: True positive at overlap > threshold (paper: "surpasses"), else >=.
        thresholds: Overlap thresholds.
    """

    tube: str = 'class'
    overlap: str = 'volume'
    match: str = 'best_gt'
    rule: str = 'all'
    gap: int = 0
    strict: bool = True
    thresholds: tuple[float, ...] = THRESHOLDS

    def __post_init__(self) -> None:
        if self.match not in MATCHES:
            raise ValueError(f'match must be one of {MATCHES}, but got {self.match!r}')
        if not self.thresholds:
            raise ValueError('thresholds must not be empty')

    def passes(self, overlap: FloatArray, threshold: float) -> BoolArray:
        """Tell which overlaps count at a threshold."""
        return np.asarray(overlap > threshold if self.strict else overlap >= threshold, np.bool_)


@dataclass(frozen=True)
class TubeTable:
    """All tubes of a data set, and the pairs of a predicted and a true one that share a frame.

    Args:
        classes: Class of each predicted tube, (D,), ascending.
        scores: (D,), falling within a class.
        true_classes: Class of each true tube, (M,).
        wide: (M,).
        predicted: Predicted tube of each pair, (P,), ascending.
        truths: True tube of each pair, (P,).
        overlaps: (P,), falling within a predicted tube.
    """

    classes: IntArray
    scores: FloatArray
    true_classes: IntArray
    wide: BoolArray
    predicted: IntArray
    truths: IntArray
    overlaps: FloatArray


def collect_tubes(videos: Sequence[FrameFacts], settings: TubeSettings) -> TubeTable:
    """Find the tubes of all videos at once, as if they were one long video.

    There a label is a pair of video and class, so that no tube reaches over two videos. Classes
    are numbered as in ``class_ids``.

    Args:
        videos: Facts of each video, with places of the predicted labels.
        settings: The reading.

    Raises:
        ValueError: If a video that predicts an action does not say where.
    """
    ids = class_ids(videos)
    num = max(len(ids), 1)
    truth = join_ints(_pair_labels([video.gt_labels for video in videos], videos, ids))
    label = join_ints(_pair_labels([video.pred_labels for video in videos], videos, ids))
    instances = join_ints(_number_instances([video.gt_instances for video in videos]))
    truths = true_tubes(truth, instances, kind=settings.tube)
    predicted = predicted_tubes(label, kind=settings.tube, gap=settings.gap)
    places = join_places([predicted_places(video) for video in videos])
    pairs = overlap_tubes(predicted, truths, places, overlap=settings.overlap)
    classes = predicted.labels % num
    scores = predicted.means(join_floats([video.pred_scores for video in videos]))
    order = np.lexsort((-scores, classes))  # stable: equal scores keep their order
    rank = np.argsort(order)[pairs.predicted]
    by_rank = np.lexsort((-pairs.overlaps, rank))
    sizes = np.asarray([video.frame_size for video in videos], np.int64).reshape(-1, 2)
    widths, heights = sizes[truths.labels // num].T
    areas = truths.means(join_floats([video.box_area_px for video in videos]))
    return TubeTable(
        classes[order],
        scores[order],
        true_classes=truths.labels % num,
        wide=is_wide(areas, (widths, heights)),
        predicted=rank[by_rank],
        truths=pairs.truth[by_rank],
        overlaps=pairs.overlaps[by_rank],
    )


def _pair_labels(
    labels: Sequence[IntArray], videos: Sequence[FrameFacts], ids: dict[str, int]
) -> list[IntArray]:
    """Return ``video number * classes + class`` of each frame, -1 for background."""
    found = []
    for number, (of_video, video) in enumerate(zip(labels, videos, strict=True)):
        classes = global_labels(of_video, video.pool, ids)
        found.append(np.where(classes >= 0, number * len(ids) + classes, -1))
    return found


def _number_instances(instances: Sequence[IntArray]) -> list[IntArray]:
    """Return instances, -1 where there is none, numbered through all videos."""
    first = np.cumsum([0, *(int(one.max(initial=-1)) + 1 for one in instances)])
    pairs = zip(instances, first[:-1], strict=True)
    return [np.where(one >= 0, one + start, -1) for one, start in pairs]


def predicted_places(video: FrameFacts) -> PlaceFacts:
    """Return where a video's predictions are.

    Raises:
        ValueError: If actions are predicted without a place.
    """
    if video.pred is not None:
        return video.pred
    if (video.pred_labels >= 0).any():
        raise ValueError(
            f'video {video.video_id!r}: tubes need places of the predicted label (heatmaps, or '
            f'pred_points_px and pred_boxes_px)'
        )
    none = np.zeros(len(video.pred_labels))
    return PlaceFacts(none > 0, none, video.box_area_px, none, none)


def match_tubes(tubes: TubeTable, settings: TubeSettings, threshold: float) -> BoolArray:
    """Give each predicted tube, best first, at most one true tube; tell which get one, (D,)."""
    passing = settings.passes(tubes.overlaps, threshold)
    if settings.match == 'best_gt':
        passing &= np.diff(tubes.predicted, prepend=-1) > 0  # the pair of its largest overlap
    positive = np.zeros(len(tubes.scores), np.bool_)
    taken: set[int] = set()
    pairs = zip(tubes.predicted[passing].tolist(), tubes.truths[passing].tolist(), strict=True)
    for predicted, truth in pairs:
        if not positive[predicted] and truth not in taken:
            positive[predicted] = True
            taken.add(truth)
    return positive
