"""True boxes as the released scripts paint them."""

from dataclasses import replace

import numpy as np

from stgr.evaluation.functional.arrays import BoolArray, FloatArray
from stgr.evaluation.functional.boxes import WIDE_AREA_PX, box_areas, raster_boxes
from stgr.evaluation.functional.frame_facts import FrameFacts, reduce_record
from stgr.evaluation.functional.place_facts import PlaceFacts, PlaceSettings, compare_places
from stgr.evaluation.functional.places import HeatPlaces, Places
from stgr.evaluation.functional.points import heatmap_points
from stgr.evaluation.functional.records import GroundingRecord
from stgr.structures import BACKGROUND


def released_raster(boxes_px: FloatArray) -> FloatArray:
    """Return the half-open boxes of the pixels that the released scripts paint.

    Columns ``x1 + 1 .. x2 + 1`` and rows ``y1 .. y2``, both inclusive: one column to the right, and
    one pixel more each way than the box. Source: benchmarks, section 4, item 3, and 3.1.

    Args:
        boxes_px: Whole pixels, (N, 4).

    Returns:
        (N, 4), not yet cut to the frame; without area only if ``x2 < x1`` or ``y2 < y1``.
    """
    return np.asarray(np.add(boxes_px, [1.0, 0.0, 2.0, 1.0]), np.float64)


def compare_as_released(
    places: Places,
    boxes_px: FloatArray,
    frame_size: tuple[int, int],
    *,
    used: BoolArray,
    settings: PlaceSettings,
) -> PlaceFacts:
    """Return how places relate to true boxes painted as released.

    Areas use ``released_raster``; the point has to lie in the closed box as annotated, unshifted.
    A frame whose raster is empty is a miss of both. Source: benchmarks, sections 3.1 and 4.

    Args:
        places: T places.
        boxes_px: True boxes, (T, 4).
        frame_size: Width and height in pixels.
        used: Frames to look at, (T,); the others get an empty place and an empty box.
        settings: How maps become points and masks.

    Returns:
        Facts of all T frames.
    """
    painted = np.where(used[:, None], released_raster(boxes_px), 0)
    facts = compare_places(places, painted, frame_size, used=used, settings=settings)
    points = _points(places, frame_size, settings)
    inside = (boxes_px[:, :2] <= points).all(axis=1) & (points <= boxes_px[:, 2:]).all(axis=1)
    box_px = box_areas(raster_boxes(painted, frame_size))
    return replace(facts, hit=inside & used & (box_px > 0), box_px=box_px)


def reduce_as_released(
    record: GroundingRecord, settings: PlaceSettings | None = None
) -> FrameFacts:
    """Return the facts of a record with its true boxes painted as released.

    For ``score_pointing`` and ``score_spatial`` (places of predicted labels are left out). Wide is
    a raster of more than 50,000 pixels, whatever the frame's size. Source: the group
    ``compat_raster`` of the worked example.

    Args:
        record: One video.
        settings: How maps become points and masks; None means the defaults.

    Returns:
        Its facts.
    """
    settings = settings or PlaceSettings()
    action = record.gt_labels != BACKGROUND
    painted = raster_boxes(released_raster(record.gt_boxes_px), record.frame_size)
    areas = box_areas(painted) * action
    query = None
    if record.query_places is not None:
        query = compare_as_released(
            record.query_places,
            record.gt_boxes_px,
            record.frame_size,
            used=action,
            settings=settings,
        )
    return replace(
        reduce_record(replace(record, pred_places=None, query_places=None), settings),
        wide=areas > WIDE_AREA_PX,
        box_area_px=areas,
        query=query,
    )


def _points(places: Places, frame_size: tuple[int, int], settings: PlaceSettings) -> FloatArray:
    if isinstance(places, HeatPlaces):
        return heatmap_points(places.maps, frame_size, settings.point_mode)
    return places.points_px
