"""How much of the truth a file covers; part of every score."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stgr.apis.evaluation.truth import VideoTruth
from stgr.evaluation.functional import BoxPlaces, GroundingRecord, HeatPlaces
from stgr.evaluation.functional.arrays import BoolArray, FloatArray
from stgr.evaluation.functional.boxes import box_areas, clip_boxes
from stgr.evaluation.functional.places import Places
from stgr.io.predictions import VideoPrediction

NAMES_KEPT = 20
UPPER_LEFT = 0.55  # of width and height; 256 of 480 pixels lie in it
MANY = 20  # places that all lie there are no accident from here on


@dataclass
class Coverage:
    """Counts of videos, seconds and boxes.

    Args:
        videos_annotated: In the ground truth; all of them are scored.
        videos_predicted: With a prediction.
        videos_missing: Without one: counted as background (the first names).
        videos_dropped: Predicted but not in the ground truth: ignored (the first names).
        videos_of_guessed_length: Whose last second no file tells.
        videos_of_other_frame_size: Whose coordinates were scaled to the annotated frame.
        videos_in_upper_left: All videos with coordinates in pixels of the annotated frame, if none
            of these leaves the upper left of it: they may be pixels of a smaller one. Else 0.
        seconds_annotated: Scored seconds.
        seconds_predicted: Of these, with a prediction; the others count as background.
        seconds_dropped: Predictions after the end of their video.
        seconds_of_foreign_class: Scored seconds whose predicted class is not one of the video's;
            they count as wrong.
        boxes_annotated: True boxes, all of them scored.
        boxes_empty: Of these, without area inside the frame: nothing can hit them.
        boxes_with_predicted_place: Of these, at seconds with a place of the predicted class.
        boxes_with_query_place: Of these, at seconds with a place of the true class.
        videos_placed_by_label: Videos that say where they see the action they predict, taken where
            it is the action asked for (known-action protocols).
        videos_with_added_background: Videos whose log-probabilities got a column of background.
        frames_without_box: Annotated frames that have no box: not scored (known-action protocols).
        given: What the file says: 'points', 'areas', 'query_points', 'query_areas', 'log_probs'.
    """

    videos_annotated: int = 0
    videos_predicted: int = 0
    videos_missing: int = 0
    videos_dropped: int = 0
    videos_of_guessed_length: int = 0
    videos_of_other_frame_size: int = 0
    videos_in_upper_left: int = 0
    seconds_annotated: int = 0
    seconds_predicted: int = 0
    seconds_dropped: int = 0
    seconds_of_foreign_class: int = 0
    boxes_annotated: int = 0
    boxes_empty: int = 0
    boxes_with_predicted_place: int = 0
    boxes_with_query_place: int = 0
    videos_placed_by_label: int = 0
    videos_with_added_background: int = 0
    frames_without_box: int = 0
    missing: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)

    @classmethod
    def of_videos(
        cls,
        truths: Sequence[VideoTruth],
        predictions: Mapping[str, VideoPrediction],
        missing: Sequence[str],
        dropped: Sequence[str],
    ) -> 'Coverage':
        """Return the counts that need no matching of seconds.

        Args:
            truths: All videos of the ground truth.
            predictions: Those of them that are predicted.
            missing: Videos without a prediction.
            dropped: Predicted videos without truth.
        """
        sizes = {truth.video_id: truth.frame_size for truth in truths}
        scaled = [
            name
            for name, one in predictions.items()
            if one.frame_size is not None and tuple(one.frame_size) != sizes[name]
        ]
        return cls(
            videos_annotated=len(truths),
            videos_predicted=len(predictions),
            videos_missing=len(missing),
            videos_dropped=len(dropped),
            videos_of_guessed_length=sum(not truth.length_is_known for truth in truths),
            videos_of_other_frame_size=len(scaled),
            videos_in_upper_left=_videos_in_upper_left(predictions, sizes),
            seconds_annotated=sum(len(truth.times_sec) for truth in truths),
            missing=list(missing[:NAMES_KEPT]),
            dropped=list(dropped[:NAMES_KEPT]),
            given=_given(list(predictions.values())),
        )

    def count_places(self, records: Sequence[GroundingRecord]) -> None:
        """Add the counts of boxes, and of places at their seconds."""
        for record in records:
            # Data sets annotated in time only have zeros for boxes.
            boxed = (record.gt_labels >= 0) & record.gt_boxes_px.any(axis=1)
            areas = box_areas(clip_boxes(record.gt_boxes_px, record.frame_size))
            self.boxes_annotated += int(boxed.sum())
            self.boxes_empty += int((boxed & (areas == 0)).sum())
            seen = seen_at(record.pred_places, len(boxed)) & (record.pred_labels >= 0)
            self.boxes_with_predicted_place += int((boxed & seen).sum())
            queried = seen_at(record.query_places, len(boxed))
            self.boxes_with_query_place += int((boxed & queried).sum())

    def to_json(self) -> dict[str, Any]:
        """Return the counts, and the names that belong to them, as JSON values."""
        return {**vars(self), 'videos_scored': self.videos_annotated}


def _videos_in_upper_left(
    predictions: Mapping[str, VideoPrediction], sizes: Mapping[str, tuple[int, int]]
) -> int:
    """Return how many videos have coordinates, if all of these are near the origin, else 0."""
    corners = {
        name: _lower_right_corners(one) / sizes[name]
        for name, one in predictions.items()
        if one.frame_size is None
    }
    known = [shares for shares in corners.values() if len(shares)]
    near = sum(map(len, known)) >= MANY and all((shares <= UPPER_LEFT).all() for shares in known)
    return len(known) if near else 0


def _lower_right_corners(prediction: VideoPrediction) -> FloatArray:
    """Return the points and lower right corners that a file gives, (N, 2)."""
    found = [np.zeros((0, 2))]
    for places in (prediction.places, prediction.query_places):
        if places is not None and places.points_px is not None:
            found.append(places.points_px)
        if places is not None and places.boxes_px is not None:
            found.append(places.boxes_px[:, 2:])
    corners = np.concatenate(found)
    return corners[~np.isnan(corners).any(axis=1)]


def _given(predictions: Sequence[VideoPrediction]) -> list[str]:
    """Return what at least one video of the file says."""
    found = set()
    for one in predictions:
        for prefix, places in (('', one.places), ('query_', one.query_places)):
            if places is not None:
                found.add(f'{prefix}points')
                found |= {f'{prefix}areas'} if places.kind != 'points' else set()
        if one.log_probs is not None:
            found.add('log_probs')
    return sorted(found)


def seen_at(places: Places | None, num: int) -> BoolArray:
    """Tell at which moments a system says where, (T,)."""
    if places is None:
        return np.zeros(num, np.bool_)
    if isinstance(places, HeatPlaces):
        return np.asarray(places.maps.max(axis=(1, 2), initial=0) > 0, np.bool_)
    inside = places.points_px[:, 0] > -1e8
    if isinstance(places, BoxPlaces):
        return np.asarray(inside | (box_areas(places.boxes_px) > 0), np.bool_)
    return np.asarray(inside | [mask is not None for mask in places.masks], np.bool_)


@dataclass(frozen=True)
class PlainCoverage:
    """Counts of a protocol that is not about seconds of videos.

    Args:
        counts: Name -> count, or list of the first names that it speaks of.
        given: What the predictions say.
    """

    counts: Mapping[str, Any]
    given: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the counts as JSON values."""
        return {**self.counts, 'given': list(self.given)}
