"""What the metrics need to know of each frame, small enough to keep for every video.

Heat maps are turned into a hit and three areas per frame once; every score below is arithmetic on
these (and ranks exchange kilobytes, not maps).
"""

from dataclasses import dataclass, replace

import numpy as np

from stgr.evaluation.functional.arrays import BoolArray, FloatArray, IntArray
from stgr.evaluation.functional.boxes import box_areas, clip_boxes, wide_boxes
from stgr.evaluation.functional.place_facts import (
    PlaceFacts,
    PlaceSettings,
    compare_places,
    map_hits,
)
from stgr.evaluation.functional.places import HeatPlaces, Places
from stgr.evaluation.functional.records import GroundingRecord
from stgr.structures import BACKGROUND


@dataclass(frozen=True)
class FrameFacts:
    """A record without its pictures: labels, scores and compared places of one video.

    Args:
        video_id: Name of the video.
        pool: Action names; labels index it, -1 is background.
        times_sec: (T,), ascending.
        gt_labels: (T,).
        gt_instances: Instance of each frame, (T,), -1 where there is none.
        pred_labels: (T,).
        pred_scores: (T,).
        pred_best_labels: Best pool entry before the background threshold, (T,), or None.
        wide: True boxes larger than 16.3 % of the frame, (T,).
        box_area_px: Area of the true box clipped to the frame, 0 on background, (T,).
        frame_size: Width and height in pixels.
        pred: Places of the predicted labels, or None.
        query: Places of the true labels, or None.
    """

    video_id: str
    pool: tuple[str, ...]
    times_sec: FloatArray
    gt_labels: IntArray
    gt_instances: IntArray
    pred_labels: IntArray
    pred_scores: FloatArray
    pred_best_labels: IntArray | None
    wide: BoolArray
    box_area_px: FloatArray
    frame_size: tuple[int, int]
    pred: PlaceFacts | None
    query: PlaceFacts | None

    @property
    def action(self) -> BoolArray:
        """Frames whose true label is an action, (T,)."""
        return np.asarray(self.gt_labels != BACKGROUND, np.bool_)


def reduce_record(record: GroundingRecord, settings: PlaceSettings | None = None) -> FrameFacts:
    """Return the facts of one record.

    Args:
        record: One video.
        settings: How maps become points and masks; None means the defaults.

    Returns:
        Its facts. Places of frames with background as their label are not looked at.
    """
    settings = settings or PlaceSettings()
    action = record.gt_labels != BACKGROUND
    area = box_areas(clip_boxes(record.gt_boxes_px, record.frame_size)) * action
    return FrameFacts(
        video_id=record.video_id,
        pool=record.pool,
        times_sec=record.times_sec,
        gt_labels=record.gt_labels,
        gt_instances=_instances(record),
        pred_labels=record.pred_labels,
        pred_scores=record.pred_scores,
        pred_best_labels=record.pred_best_labels,
        wide=wide_boxes(record.gt_boxes_px, record.frame_size) & action,
        box_area_px=area,
        frame_size=record.frame_size,
        pred=_compare(record, record.pred_places, record.pred_labels != BACKGROUND, settings),
        query=_compare(record, record.query_places, action, settings),
    )


def repoint_query(facts: FrameFacts, record: GroundingRecord, point_mode: str) -> FrameFacts:
    """Return facts whose true labels' heat maps point by another mode; areas stay as they are.

    Args:
        facts: Of ``reduce_record``.
        record: What they were reduced from.
        point_mode: See ``heatmap_points``.

    Returns:
        The facts themselves if the record has no such maps.
    """
    if facts.query is None or not isinstance(record.query_places, HeatPlaces):
        return facts
    hit, used = np.zeros(record.num_frames, np.bool_), facts.action
    maps, boxes_px = record.query_places.maps[used], record.gt_boxes_px[used]
    hit[used] = map_hits(maps, boxes_px, record.frame_size, point_mode)
    return replace(facts, query=replace(facts.query, hit=hit))


def label_runs(labels: IntArray) -> IntArray:
    """Return the number of the maximal run each frame belongs to, (T,); -1 on background."""
    if not len(labels):
        return np.zeros(0, np.int64)
    starts = np.concatenate([[True], labels[1:] != labels[:-1]]) & (labels != BACKGROUND)
    return np.where(labels != BACKGROUND, np.cumsum(starts) - 1, -1)


def _instances(record: GroundingRecord) -> IntArray:
    if record.gt_instances is None:
        return label_runs(record.gt_labels)
    return np.where(record.gt_labels != BACKGROUND, record.gt_instances, -1)


def _compare(
    record: GroundingRecord, places: Places | None, used: BoolArray, settings: PlaceSettings
) -> PlaceFacts | None:
    if places is None:
        return None
    boxes = np.where((record.gt_labels != BACKGROUND)[:, None], record.gt_boxes_px, 0)
    return compare_places(places, boxes, record.frame_size, used=used, settings=settings)
