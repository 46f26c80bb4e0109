"""Predicted places put onto the moments and the frame of the truth."""

import numpy as np

from stgr.apis.evaluation.truth import VideoTruth
from stgr.evaluation.functional import BoxPlaces, HeatPlaces, MaskPlaces
from stgr.evaluation.functional.arrays import FloatArray, IntArray
from stgr.evaluation.functional.places import Places
from stgr.io.predictions import PredictedPlaces, VideoPrediction
from stgr.structures import RunLengths

NOWHERE = -1e9  # a point that lies in no box
OUTSIDE = 0.01  # of a side: what a box may reach beyond the frame without doubt about its unit
_FEW = 3  # coordinates that all lie in 0..1 are no accident from here on


def place_on_truth(
    predicted: PredictedPlaces | None,
    rows: IntArray,
    prediction: VideoPrediction,
    truth: VideoTruth,
) -> Places | None:
    """Return places at the moments of the truth, in pixels of its frame.

    Args:
        predicted: Places at the prediction's moments; None stays None.
        rows: Which of them each moment of the truth takes, (T,), -1 for none.
        prediction: Whose places they are.
        truth: The video's truth.

    Raises:
        ValueError: If coordinates cannot be pixels of the frame they are said to be of.
    """
    if predicted is None:
        return None
    if predicted.kind == 'heatmaps':
        maps = predicted.heatmaps
        assert maps is not None, 'kind says so'
        taken = np.zeros((len(rows), *maps.shape[1:]))
        taken[rows >= 0] = maps[rows[rows >= 0]]
        return HeatPlaces(taken)
    points, boxes = _coordinates(predicted, prediction, truth)
    if predicted.masks is not None:
        return _mask_places(predicted.masks, points, rows, prediction, truth)
    boxes = _take(boxes, rows)
    points = _take(points, rows)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    points = np.where(np.isnan(points), centres, points)
    return BoxPlaces(np.nan_to_num(points, nan=NOWHERE), np.nan_to_num(boxes, nan=0.0))


def _coordinates(
    predicted: PredictedPlaces, prediction: VideoPrediction, truth: VideoTruth
) -> tuple[FloatArray, FloatArray]:
    """Return points and boxes in pixels of the truth's frame, NaN where there are none."""
    num = len(prediction.times_sec)
    points = np.full((num, 2), np.nan) if predicted.points_px is None else predicted.points_px
    boxes = np.full((num, 4), np.nan) if predicted.boxes_px is None else predicted.boxes_px
    said = prediction.frame_size
    frame = np.asarray(truth.frame_size if said is None else said, np.float64)
    both = np.concatenate([points, boxes[:, :2], boxes[:, 2:]])
    given = both[~np.isnan(both).any(axis=1)]
    if len(given):
        where = f'{prediction.source}: video {prediction.video_id!r}'
        check_unit(given, frame, where, declared=said is not None)
    scale = np.asarray(truth.frame_size, np.float64) / frame
    return points * scale, boxes * np.tile(scale, 2)


def check_unit(given: FloatArray, frame: FloatArray, where: str, *, declared: bool) -> None:
    """Refuse coordinates that cannot be pixels of the frame they are said to be of.

    Args:
        given: ``x, y``, (N, 2), N >= 1.
        frame: Width and height.
        where: Whose they are, for the error.
        declared: Whether the prediction names the frame; else it is the annotated one.

    Raises:
        ValueError: If they leave the frame, or all lie in 0..1.
    """
    low, high = given.min(axis=0), given.max(axis=0)
    beyond = (low < -OUTSIDE * frame).any() or (high > (1 + OUTSIDE) * frame).any()
    size = f'{frame[0]:g} x {frame[1]:g}'
    if beyond:
        whose = 'the declared' if declared else 'the annotated'
        raise ValueError(
            f'{where}: coordinates span x {low[0]:g}..{high[0]:g}, y {low[1]:g}..{high[1]:g}, '
            f'which leaves {whose} frame of {size}; give them in its pixels, or say of which '
            'frame_size they are'
        )
    if high.max() <= 1 < frame.min() and len(given) >= _FEW:
        raise ValueError(
            f'{where}: all coordinates lie in 0..1, but the frame is {size} pixels; for shares of '
            'the frame say frame_size [1, 1]'
        )


def _mask_places(
    masks: tuple[RunLengths | None, ...],
    points: FloatArray,
    rows: IntArray,
    prediction: VideoPrediction,
    truth: VideoTruth,
) -> MaskPlaces:
    said = truth.frame_size if prediction.frame_size is None else prediction.frame_size
    for mask in masks:
        if mask is not None and (mask.width, mask.height) != tuple(said):
            raise ValueError(
                f'{prediction.source}: video {prediction.video_id!r}: a mask is {mask.width} x '
                f'{mask.height} pixels, but the frame is {said[0]:g} x {said[1]:g}; size is '
                '[height, width]; say of which frame_size the masks are'
            )
    taken = [masks[row] if row >= 0 else None for row in rows]
    found = _take(points, rows)
    for index, mask in enumerate(taken):
        if mask is not None and np.isnan(found[index]).any() and mask.area:
            found[index] = _centroid(mask, truth.frame_size)
    return MaskPlaces(np.nan_to_num(found, nan=NOWHERE), taken)


def _centroid(mask: RunLengths, frame_size: tuple[int, int]) -> FloatArray:
    rows, columns = np.nonzero(mask.decode())
    centre = np.array([columns.mean(), rows.mean()])
    return (centre + 0.5) * frame_size / (mask.width, mask.height) - 0.5


def _take(values: FloatArray, rows: IntArray) -> FloatArray:
    taken = np.full((len(rows), values.shape[1]), np.nan)
    taken[rows >= 0] = values[rows[rows >= 0]]
    return taken
