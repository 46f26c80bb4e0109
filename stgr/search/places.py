"""Where: the local head on one moment, and a picture of it."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stgr.apis.answer_heatmaps import answer_heatmaps
from stgr.localizers import ThresholdTemporalLocalizer
from stgr.search.answers import Box, Moment, Place
from stgr.search.moments import MERGE_GAP_SEC
from stgr.structures import Span
from stgr.visualization.drawing import draw_box

if TYPE_CHECKING:
    from stgr.apis.encoded_video import EncodedVideo
    from stgr.apis.inferencer import GroundingInferencer

WINDOW_SEC = 30.0
"""Most seconds that are decoded around the peak of a moment."""
MARGIN_SEC = 1.0
"""Seconds before and after a moment that are looked at too: its edges may move there."""
THUMBNAIL_PX = 320
"""Longer side of a thumbnail."""
BOX_COLOUR = (230, 120, 0)


def ground_moment(
    inferencer: 'GroundingInferencer', query: str, moment: Moment, threshold: float
) -> Moment:
    """Return a moment with finer edges and its place.

    Its window is decoded and encoded at the rate of ``stgr ground``, whose frames and scores are
    the same. Edges that lie outside the window stay as they were.

    Args:
        inferencer: Answers at its own rate.
        query: The text.
        moment: Found in the index.
        threshold: Cosine from which a frame counts.

    Raises:
        VideoError: If the video cannot be read.
    """
    window_sec = _window(moment)
    with inferencer.encode(moment.path, span_sec=window_sec) as video:
        _, text = inferencer.understand([query])
        scores = inferencer.similarity(video.features, text)[0]
        frames, span = _frames_of(scores, video, threshold, moment.peak_sec)
        (heat,) = answer_heatmaps(inferencer.model, video.features, text, [frames])
        facts, times_sec = video.facts, video.features.times_sec[frames]
        answer = inferencer.spatial(heat, width_px=facts.width, height_px=facts.height)
        best = _best(scores[frames], answer.visible)
        box_px = _box(answer.boxes_px[best]) if answer.visible[best] else None
        place = Place(
            time_sec=float(times_sec[best]),
            box_px=box_px,
            point_px=_pair(answer.points_px[best]),
            frame_size=(facts.width, facts.height),
            thumbnail=_thumbnail(inferencer.reader, moment.path, float(times_sec[best]), box_px),
        )
    return _with_edges(moment, span, window_sec, place)


def _window(moment: Moment) -> tuple[float, float]:
    """Return the seconds around a moment that are decoded, the peak among them."""
    start = max(moment.start_sec - MARGIN_SEC, moment.peak_sec - WINDOW_SEC / 2, 0.0)
    return start, min(moment.end_sec + MARGIN_SEC, start + WINDOW_SEC)


def _frames_of(
    scores: np.ndarray, video: 'EncodedVideo', threshold: float, peak_sec: float
) -> tuple[np.ndarray, Span]:
    """Return the frames of the span at the peak, and the span.

    Where no frame reaches the threshold, it is the best frame alone.
    """
    level = min(threshold, float(scores.max()))
    localizer = ThresholdTemporalLocalizer(level, max_gap_sec=MERGE_GAP_SEC)
    times_sec = video.features.times_sec
    (answer,) = localizer(scores[None], times_sec, video.facts.duration_sec, exclusive=False)
    span = min(answer.spans, key=lambda span: (_distance(span, peak_sec), -span.score))
    inside = (times_sec >= span.start_sec) & (times_sec < span.end_sec)
    return np.flatnonzero(inside), span


def _distance(span: Span, time_sec: float) -> float:
    return max(span.start_sec - time_sec, time_sec - span.end_sec, 0.0)


def _best(scores: np.ndarray, visible: np.ndarray) -> int:
    """Return the index of the best frame that has a box, of the best one if none has."""
    return int(np.where(visible | ~visible.any(), scores, -np.inf).argmax())


def _thumbnail(reader_name: str, path: Path, time_sec: float, box_px: Box | None) -> np.ndarray:
    """Return the frame at a time with its box, small."""
    from stgr.io import open_video, resize_frame

    with open_video(path, reader=reader_name) as reader:
        frame = reader.read_at(np.array([time_sec]))[0]
    height, width = frame.shape[:2]
    scale = min(1.0, THUMBNAIL_PX / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = np.ascontiguousarray(resize_frame(frame, size)).copy()
    if box_px is not None:
        factors = np.array([size[0] / width, size[1] / height] * 2)
        draw_box(small, np.array(box_px) * factors, BOX_COLOUR)
    return small


def _with_edges(
    moment: Moment, span: Span, window_sec: tuple[float, float], place: Place
) -> Moment:
    """Return the moment with the edges of a span, but for those that the window cut."""
    start_cut = window_sec[0] > moment.start_sec
    end_cut = window_sec[1] < moment.end_sec
    return replace(
        moment,
        start_sec=moment.start_sec if start_cut else span.start_sec,
        end_sec=moment.end_sec if end_cut else span.end_sec,
        place=place,
    )


def _box(values: np.ndarray) -> Box:
    x1, y1, x2, y2 = values.tolist()
    return x1, y1, x2, y2


def _pair(values: np.ndarray) -> tuple[float, float]:
    x, y = values.tolist()
    return x, y
