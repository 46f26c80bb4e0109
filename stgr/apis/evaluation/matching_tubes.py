"""Answers to sentences put beside the truth: whose they are, and which frame takes which box."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stgr.apis.evaluation.places import check_unit
from stgr.apis.evaluation.truth_tubes import TubeTruth
from stgr.evaluation.functional.arrays import FloatArray, IntArray
from stgr.io.predictions import PredictedTube


@dataclass(frozen=True)
class TubeMatch:
    """A sentence's truth and its answer on the same frames.

    Args:
        truth: What is true.
        span: Predicted ``[start, end)`` in frames.
        boxes_px: Predicted boxes of the truth's frames, (S, 4), zeros where there is none.
    """

    truth: TubeTruth
    span: tuple[float, float]
    boxes_px: FloatArray

    @classmethod
    def nothing(cls, truth: TubeTruth) -> 'TubeMatch':
        """Return what no answer is: a span without length where the truth begins, no boxes."""
        start = truth.span[0]
        return cls(truth, (start, start), np.zeros((len(truth.frames), 4)))


def name_queries(
    truths: Sequence[TubeTruth], predictions: Sequence[PredictedTube]
) -> tuple[dict[str, PredictedTube], list[str]]:
    """Return the answer to each query, and the names of queries or videos that are unknown.

    Raises:
        ValueError: If a query is answered twice, is not of the video that is said with it, or a
            video alone is named that has several queries.
    """
    of_video: dict[str, list[str]] = {}
    for truth in truths:
        of_video.setdefault(truth.source_video_id, []).append(truth.query_id)
    videos = {truth.query_id: truth.source_video_id for truth in truths}
    named: dict[str, PredictedTube] = {}
    unknown: list[str] = []
    for one in predictions:
        query_id = one.query_id
        if query_id is None:
            queries = of_video.get(str(one.video_id), [])
            if len(queries) > 1:
                raise ValueError(
                    f'{one.source}: video {one.video_id!r} has {len(queries)} queries; say which '
                    f'as query, such as {queries[0]!r}'
                )
            query_id = queries[0] if queries else str(one.video_id)
        if query_id not in videos or (one.query_id is None and not of_video.get(str(one.video_id))):
            unknown.append(query_id)
            continue
        if one.video_id is not None and one.video_id != videos[query_id]:
            raise ValueError(
                f'{one.source}: query {query_id!r} is of video {videos[query_id]!r}, not of '
                f'{one.video_id!r}'
            )
        if query_id in named:
            raise ValueError(
                f'{one.source}: query {query_id!r} was answered before, at {named[query_id].source}'
            )
        named[query_id] = one
    return named, unknown


def place_tube(
    truth: TubeTruth, prediction: PredictedTube | None, sample_fps: float, counts: Counter[str]
) -> TubeMatch:
    """Return an answer on the frames of the truth, in pixels of its frame.

    Args:
        truth: The sentence's.
        prediction: Its answer, or None.
        sample_fps: A frame takes the box of a predicted one at most half such a period away.
        counts: Added to: ``frames_predicted``, ``frames_outside_clip``, ``spans_outside_clip``,
            ``queries_of_other_frame_size``.

    Raises:
        ValueError: If coordinates cannot be pixels of the frame they are said to be of.
    """
    nothing = TubeMatch.nothing(truth)
    if prediction is None:
        return nothing
    boxes = _in_pixels(truth, prediction, counts)
    start, end = truth.clip
    outside = (prediction.frames < start) | (prediction.frames >= end)
    counts['frames_outside_clip'] += int(outside.sum())
    span = prediction.span
    if prediction.span_sec is not None:
        span = prediction.span_sec[0] * truth.fps, prediction.span_sec[1] * truth.fps
    if span is not None:
        counts['spans_outside_clip'] += span[1] <= start or span[0] >= end
    rows = _nearest(truth.frames, prediction.frames[~outside], truth.fps / sample_fps / 2)
    counts['frames_predicted'] += int((rows >= 0).sum())
    taken = nothing.boxes_px.copy()
    taken[rows >= 0] = boxes[~outside][rows[rows >= 0]]
    return TubeMatch(truth, nothing.span if span is None else span, taken)


def _in_pixels(truth: TubeTruth, prediction: PredictedTube, counts: Counter[str]) -> FloatArray:
    said = prediction.frame_size
    frame = np.asarray(truth.frame_size if said is None else said, np.float64)
    boxes = prediction.boxes_px
    if len(boxes):
        where = f'{prediction.source}: query {truth.query_id!r}'
        check_unit(boxes.reshape(-1, 2), frame, where, declared=said is not None)
    if said is not None and tuple(said) != tuple(truth.frame_size):
        counts['queries_of_other_frame_size'] += 1
    return boxes * np.tile(np.asarray(truth.frame_size) / frame, 2)


def _nearest(wanted: IntArray, frames: IntArray, reach: float) -> IntArray:
    """Return the place in ``frames`` of the one nearest to each wanted one, -1 for none."""
    if not len(frames):
        return np.full(len(wanted), -1)
    right = np.clip(np.searchsorted(frames, wanted), 0, len(frames) - 1)
    left = np.maximum(right - 1, 0)
    rows = np.where(np.abs(wanted - frames[left]) <= np.abs(frames[right] - wanted), left, right)
    return np.where(np.abs(frames[rows] - wanted) <= reach, rows, -1)
