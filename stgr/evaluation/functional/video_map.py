"""Video mAP: ranked tubes against annotated tubes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from stgr.evaluation.functional.arrays import (
    BoolArray,
    FloatArray,
    IntArray,
    class_mean,
    mean_or_nan,
)
from stgr.evaluation.functional.boxes import is_wide
from stgr.evaluation.functional.classes import class_ids
from stgr.evaluation.functional.frame_facts import FrameFacts
from stgr.evaluation.functional.place_facts import PlaceFacts
from stgr.evaluation.functional.ranking import average_precision
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
class _Detection:
    """A predicted tube and its overlap with the true tubes of its class that share a frame."""

    score: float
    truths: IntArray  # numbers of the true tubes, (K,)
    overlaps: FloatArray  # (K,)


@dataclass(frozen=True)
class _Tubes:
    """All tubes of a data set; true tubes are numbered."""

    detections: dict[int, list[_Detection]]  # of each class, best first
    labels: IntArray  # class of each true tube, (M,)
    wide: BoolArray  # (M,)


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
    tubes, ids = _collect(videos, settings), class_ids(videos)
    num_truths = np.bincount(tubes.labels, minlength=len(ids))
    return [
        RankedTubes(
            name,
            scores=np.asarray([one.score for one in tubes.detections[label]], np.float64),
            positive=_match(tubes.detections[label], settings, threshold),
            num_truths=int(num_truths[label]),
        )
        for name, label in ids.items()
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
    tubes = _collect(videos, settings)
    found: dict[str, float] = {}
    for threshold in settings.thresholds:
        found[f'mAP@{threshold:g}'] = _mean_ap(tubes, settings, threshold)
        found |= _hit_rates(tubes, settings, threshold)
    means = [found[f'mAP@{threshold:g}'] for threshold in settings.thresholds]
    found[f'mAP@{settings.thresholds[0]:g}:{settings.thresholds[-1]:g}'] = mean_or_nan(means)
    found['num_classes'] = float(len(np.unique(tubes.labels)))
    found['num_det'] = float(sum(len(ranked) for ranked in tubes.detections.values()))
    found['num_gt'] = float(len(tubes.labels))
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
    settings = settings or TubeSettings()
    tubes = _collect([video], settings)
    found = {}
    for name, label in class_ids([video]).items():
        ranked, num_truths = tubes.detections[label], int((tubes.labels == label).sum())
        if not ranked and not num_truths:
            continue
        positive = [_match(ranked, settings, threshold) for threshold in settings.thresholds]
        scores = np.asarray([detection.score for detection in ranked], np.float64)
        found[name] = TubeOutcomes(num_truths, scores, np.stack(positive, axis=1))
    return found


def _collect(videos: Sequence[FrameFacts], settings: TubeSettings) -> _Tubes:
    ids = class_ids(videos)
    detections: dict[int, list[_Detection]] = {label: [] for label in ids.values()}
    labels: list[int] = []
    wide: list[bool] = []
    for video in videos:
        truths = true_tubes(video.gt_labels, video.gt_instances, kind=settings.tube)
        numbers = len(labels) + np.arange(len(truths))
        labels += [ids[video.pool[tube.label]] for tube in truths]
        areas = np.asarray([video.box_area_px[tube.frames].mean() for tube in truths])
        wide += list(is_wide(areas, video.frame_size))
        places = predicted_places(video)
        predicted = predicted_tubes(video.pred_labels, kind=settings.tube, gap=settings.gap)
        pairs = overlap_tubes(predicted, truths, places, overlap=settings.overlap)
        ends = np.searchsorted(pairs.predicted, np.arange(len(predicted) + 1))
        for number, tube in enumerate(predicted):
            mine = slice(ends[number], ends[number + 1])
            score = float(video.pred_scores[tube.frames].mean())
            detection = _Detection(score, numbers[pairs.truth[mine]], pairs.overlaps[mine])
            detections[ids[video.pool[tube.label]]].append(detection)
    for found in detections.values():
        found.sort(key=lambda detection: -detection.score)  # stable: equal scores keep their order
    return _Tubes(detections, np.asarray(labels, np.int64), np.asarray(wide, np.bool_))


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


def _mean_ap(tubes: _Tubes, settings: TubeSettings, threshold: float) -> float:
    scores = []
    for label, num_truths in zip(*np.unique(tubes.labels, return_counts=True), strict=True):
        ranked = tubes.detections[int(label)]
        ranks = np.asarray([detection.score for detection in ranked])
        positive = _match(ranked, settings, threshold)
        scores.append(average_precision(ranks, positive, int(num_truths), rule=settings.rule))
    return mean_or_nan(scores)


def _match(ranked: list[_Detection], settings: TubeSettings, threshold: float) -> BoolArray:
    """Give each detection, best first, at most one true tube."""
    taken: set[int] = set()
    positive = np.zeros(len(ranked), np.bool_)
    for rank, detection in enumerate(ranked):
        overlaps = detection.overlaps
        free = np.asarray([int(number) not in taken for number in detection.truths], np.bool_)
        if settings.match == 'best_free':
            overlaps = np.where(free, overlaps, -1.0)
        if not len(overlaps):
            continue
        best = int(overlaps.argmax())
        if free[best] and settings.passes(overlaps, threshold)[best]:
            positive[rank] = True
            taken.add(int(detection.truths[best]))
    return positive


def _hit_rates(tubes: _Tubes, settings: TubeSettings, threshold: float) -> dict[str, float]:
    hit = np.zeros(len(tubes.labels), np.bool_)
    for detection in chain.from_iterable(tubes.detections.values()):
        hit[detection.truths] |= settings.passes(detection.overlaps, threshold)
    return {
        f'hit_class@{threshold:g}': class_mean(hit, tubes.labels),
        f'hit_micro@{threshold:g}': mean_or_nan(hit),
        f'hit_wide@{threshold:g}': mean_or_nan(hit[tubes.wide]),
        f'hit_saturated@{threshold:g}': mean_or_nan(hit[~tubes.wide]),
    }
