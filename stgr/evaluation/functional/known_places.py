"""Where a system sees the actions that truly happen, whichever way it says so."""

import numpy as np

from stgr.evaluation.functional.arrays import BoolArray, FloatArray
from stgr.evaluation.functional.places import HeatPlaces, Places
from stgr.evaluation.functional.points import heatmap_points
from stgr.evaluation.functional.records import GroundingRecord
from stgr.structures import BACKGROUND


def known_places(record: GroundingRecord) -> tuple[Places, BoolArray] | None:
    """Return places that belong to the true label, and the frames that have one.

    Args:
        record: One video.

    Returns:
        The places of the true label on every annotated frame, if the system says them; else those
        of the predicted label on the frames where it is right; None if it says neither. The mask
        is (T,) bool.
    """
    action = record.gt_labels != BACKGROUND
    if record.query_places is not None:
        return record.query_places, action
    if record.pred_places is not None:
        return record.pred_places, action & (record.pred_labels == record.gt_labels)
    return None


def place_points(
    places: Places, used: BoolArray, frame_size: tuple[int, int], point_mode: str = 'first'
) -> FloatArray:
    """Return the points of chosen frames.

    Args:
        places: Of T frames.
        used: Frames to look at, (T,) bool.
        frame_size: Width and height in pixels.
        point_mode: See ``heatmap_points``.

    Returns:
        ``x, y`` in pixels, (N, 2).
    """
    if isinstance(places, HeatPlaces):
        return heatmap_points(places.maps[used], frame_size, point_mode)
    return np.asarray(places.points_px[used], np.float64)
