"""What the scores would be at other thresholds: of time (background) and of space (masks)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from stgr.evaluation.functional.arrays import FloatArray, class_mean, mean_or_nan
from stgr.evaluation.functional.boxes import box_areas, raster_boxes
from stgr.evaluation.functional.frame_facts import FrameFacts, reduce_record
from stgr.evaluation.functional.iou_point import score_iou_point
from stgr.evaluation.functional.known_places import known_places
from stgr.evaluation.functional.labels import score_labels
from stgr.evaluation.functional.masks import mask_areas
from stgr.evaluation.functional.normalisation import normalise_maps
from stgr.evaluation.functional.place_facts import PlaceSettings
from stgr.evaluation.functional.places import HeatPlaces
from stgr.evaluation.functional.records import GroundingRecord
from stgr.structures import BACKGROUND

ROW_STEP = 9  # mean IoU within 1e-4 of every row, ten times as fast


@dataclass(frozen=True)
class TemporalSweep:
    """Scores by background threshold, each (N,).

    Args:
        thresholds: A frame is background if its score is below; ascending.
        iou_point: ``iou_point_video_class``; NaN where places are not said.
        temporal_iou: ``temporal_iou_video_class``, the same without points; likewise.
        label_acc: Right frames of all, background being a label.
        label_acc_action: Right frames of those with a true action.
        label_acc_background: Of those without.
    """

    thresholds: FloatArray
    iou_point: FloatArray
    temporal_iou: FloatArray
    label_acc: FloatArray
    label_acc_action: FloatArray
    label_acc_background: FloatArray


@dataclass(frozen=True)
class SpatialSweep:
    """Scores by mask threshold, each (N,).

    Args:
        thresholds: Mask = normalised map >= this; ascending.
        hit_micro: Share of annotated frames with an IoU above ``iou_threshold``.
        hit_class: The same per class, then the mean.
        mean_iou: Over annotated frames.
        num_frames: Frames looked at.
    """

    thresholds: FloatArray
    hit_micro: FloatArray
    hit_class: FloatArray
    mean_iou: FloatArray
    num_frames: int


def reduce_best(record: GroundingRecord, settings: PlaceSettings | None = None) -> FrameFacts:
    """Return the facts of the labels a system would give if nothing were background to it.

    Args:
        record: One video.
        settings: How maps become points and masks; None means the defaults.

    Returns:
        Facts whose labels are the best pool entries, with the places of all of them; the labels as
        they are if the record does not say the best entries.
    """
    best = record.pred_labels if record.pred_best_labels is None else record.pred_best_labels
    return reduce_record(replace(record, pred_labels=best), settings)


def sweep_temporal(videos: Sequence[FrameFacts], thresholds: FloatArray) -> TemporalSweep:
    """Return the scores at every background threshold.

    ``p_t = best label if s_t >= threshold else background``.

    Args:
        videos: Facts of ``reduce_best``.
        thresholds: (N,).

    Returns:
        The scores of ``score_iou_point`` and ``score_labels`` at each threshold.
    """
    thresholds = np.sort(np.asarray(thresholds, np.float64))
    placed = all(video.pred is not None for video in videos)
    found: list[tuple[float, ...]] = []
    for threshold in thresholds:
        cut = [_cut(video, float(threshold)) for video in videos]
        labels = score_labels(cut)
        points = score_iou_point(cut) if placed else {}
        found.append(
            (
                points.get('iou_point_video_class', float('nan')),
                points.get('temporal_iou_video_class', float('nan')),
                labels['label_acc'],
                labels['label_acc_action'],
                labels['label_acc_background'],
            )
        )
    return TemporalSweep(thresholds, *np.asarray(found, np.float64).reshape(-1, 5).T)


def sweep_spatial(
    records: Sequence[GroundingRecord],
    thresholds: FloatArray,
    *,
    normalisation: str = 'none',
    iou_threshold: float = 0.3,
    row_step: int = ROW_STEP,
) -> SpatialSweep | None:
    """Return hit rates and mean IoU of the true labels' masks at every mask threshold.

    The scores are ``iou_hit_micro``, ``iou_hit_class`` and ``mean_iou`` of ``score_spatial``, with
    areas from every ``row_step``-th pixel row (1: exactly those). Frames: see ``known_places``.

    Args:
        records: The videos.
        thresholds: In the unit of the normalised maps, (N,).
        normalisation: See ``normalise_maps``.
        iou_threshold: Of a hit, strict.
        row_step: See ``mask_areas``.

    Returns:
        The scores; None if no video with an annotated frame has heat maps (boxes have no mask
        threshold).
    """
    thresholds = np.sort(np.asarray(thresholds, np.float64))
    ious, classes = [], []
    ids: dict[str, int] = {}
    for record in records:
        known = known_places(record)
        if known is None or not isinstance(known[0], HeatPlaces) or not known[1].any():
            continue
        used = known[1]
        maps = normalise_maps(known[0].maps[used], normalisation)
        boxes = record.gt_boxes_px[used]
        ious.append(_mask_ious(maps, boxes, record.frame_size, thresholds, row_step))
        names = [ids.setdefault(name, len(ids)) for name in record.pool]
        classes.append(np.asarray(names, np.int64)[record.gt_labels[used]])
    if not ious:
        return None
    iou, label = np.concatenate(ious, axis=1), np.concatenate(classes)  # (N, F), (F,)
    hit = iou > iou_threshold
    return SpatialSweep(
        thresholds,
        hit_micro=hit.mean(axis=1),
        hit_class=np.asarray([class_mean(row, label) for row in hit]),
        mean_iou=iou.mean(axis=1),
        num_frames=len(label),
    )


def sweep_iou(videos: Sequence[FrameFacts], thresholds: FloatArray) -> FloatArray:
    """Return the share of annotated frames whose place overlaps the box more than each threshold.

    Args:
        videos: Facts of each video; those without places of the true labels take no part.
        thresholds: IoU thresholds, strict, (N,).

    Returns:
        ``iou_hit_micro`` at each, (N,); NaN without frames.
    """
    ious = [video.query.iou[video.action] for video in videos if video.query is not None]
    iou = np.concatenate([np.zeros(0), *ious])
    return np.asarray([mean_or_nan(iou > threshold) for threshold in thresholds])


def _cut(video: FrameFacts, threshold: float) -> FrameFacts:
    labels = np.where(video.pred_scores >= threshold, video.pred_labels, BACKGROUND)
    return replace(video, pred_labels=labels)


def _mask_ious(
    maps: FloatArray,
    boxes_px: FloatArray,
    frame_size: tuple[int, int],
    thresholds: FloatArray,
    row_step: int,
) -> FloatArray:
    """Return the IoU of every mask with its box at every threshold, (N, F)."""
    box_px = box_areas(raster_boxes(boxes_px, frame_size))
    rows = []
    for threshold in thresholds:
        mask_px, common_px = mask_areas(
            maps, boxes_px, frame_size, threshold=float(threshold), row_step=row_step
        )
        union = mask_px + box_px - common_px
        rows.append(np.divide(common_px, union, out=np.zeros(len(union)), where=union > 0))
    return np.asarray(rows).reshape(len(thresholds), len(maps))
