"""Where, the action being known: pointing and box hits on every annotated frame."""

from collections.abc import Sequence
from dataclasses import dataclass

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
from stgr.evaluation.functional.place_facts import PlaceFacts
from stgr.evaluation.functional.ranking import RULES, average_precisions


@dataclass(frozen=True)
class _Frames:
    """Annotated frames of all videos, one row each."""

    classes: IntArray
    hit: BoolArray
    iou: FloatArray
    peak: FloatArray
    wide: BoolArray


def score_pointing(videos: Sequence[FrameFacts]) -> dict[str, float]:
    """Return pointing accuracy: the share of annotated frames whose point lies in the box.

    ``(1/N) sum 1[x1 <= x <= x2 and y1 <= y <= y2]``, the query being the true label; frames with
    an empty box count as misses. Source: benchmarks, section 3 (a).

    Args:
        videos: Facts of each video, with places of the true labels.

    Returns:
        ``pointing_acc`` (micro), ``pointing_acc_class`` (mean over classes), ``pointing_acc_wide``
        and ``_saturated`` (boxes above and up to 16.3 % of the frame), ``num_frames``,
        ``num_classes``, ``num_wide``, ``num_saturated``. Fractions; NaN where undefined.

    Raises:
        ValueError: If a video does not say where its true labels are seen.
    """
    frames = _collect(videos)
    return {
        'pointing_acc': mean_or_nan(frames.hit),
        'pointing_acc_class': class_mean(frames.hit, frames.classes),
        'pointing_acc_wide': mean_or_nan(frames.hit[frames.wide]),
        'pointing_acc_saturated': mean_or_nan(frames.hit[~frames.wide]),
        'num_frames': float(len(frames.hit)),
        'num_classes': float(len(np.unique(frames.classes))),
        'num_wide': float(frames.wide.sum()),
        'num_saturated': float((~frames.wide).sum()),
    }


def score_spatial(videos: Sequence[FrameFacts], *, iou_threshold: float = 0.3) -> dict[str, float]:
    """Return hit rates and ranked AP of masks (or boxes) against the annotated boxes.

    Source: benchmarks, section 3 (b): R1 ``iou_hit_class``, hit rate per class (IoU strictly
    above the threshold), mean over classes; R2 ``iou_hit_micro``, over all frames; R3
    ``ap_class_*``, ranked AP per class, one detection per frame, score = peak of the raw map, a
    hit at IoU >= threshold, mean over classes.

    Args:
        videos: Facts of each video, with places of the true labels.
        iou_threshold: In (0, 1).

    Returns:
        The keys above, ``mean_iou``, the wide and saturated splits and the counts of
        ``score_pointing``. Fractions; NaN where undefined.

    Raises:
        ValueError: If a video does not say where its true labels are seen.
    """
    frames = _collect(videos)
    over = frames.iou > iou_threshold
    found = {
        'iou_hit_class': class_mean(over, frames.classes),
        'iou_hit_micro': mean_or_nan(over),
        'mean_iou': mean_or_nan(frames.iou),
    }
    for split, chosen in (('wide', frames.wide), ('saturated', ~frames.wide)):
        found[f'iou_hit_micro_{split}'] = mean_or_nan(over[chosen])
        found[f'mean_iou_{split}'] = mean_or_nan(frames.iou[chosen])
        found[f'num_{split}'] = float(chosen.sum())
    for rule in RULES:
        found[f'ap_class_{rule}'] = _mean_ap(frames, iou_threshold, rule)
    found['num_frames'] = float(len(over))
    found['num_classes'] = float(len(np.unique(frames.classes)))
    return found


def _mean_ap(frames: _Frames, iou_threshold: float, rule: str) -> float:
    num = np.bincount(frames.classes)
    hits = frames.iou >= iou_threshold
    found = average_precisions(frames.classes, frames.peak, hits, num, rule=rule)
    return mean_or_nan(found[num > 0])


def _collect(videos: Sequence[FrameFacts]) -> _Frames:
    silent = [video.video_id for video in videos if video.query is None]
    if silent:
        raise ValueError(
            f'spatial scores need places of the true label (gt_heatmaps, or query_points_px and '
            f'query_boxes_px), but {len(silent)} videos have none, for example {silent[0]!r}'
        )
    ids = class_ids(videos)
    rows = [_annotated(video, video.query, ids) for video in videos if video.query is not None]
    if not rows:
        none = np.zeros(0, np.bool_)
        return _Frames(np.zeros(0, np.int64), none, np.zeros(0), np.zeros(0), none)
    return _Frames(
        classes=np.concatenate([row.classes for row in rows]),
        hit=np.concatenate([row.hit for row in rows]),
        iou=np.concatenate([row.iou for row in rows]),
        peak=np.concatenate([row.peak for row in rows]),
        wide=np.concatenate([row.wide for row in rows]),
    )


def _annotated(video: FrameFacts, places: PlaceFacts, ids: dict[str, int]) -> _Frames:
    action = video.action
    return _Frames(
        classes=global_labels(video.gt_labels, video.pool, ids)[action],
        hit=places.hit[action],
        iou=places.iou[action],
        peak=places.peak[action],
        wide=video.wide[action],
    )
