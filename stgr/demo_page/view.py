"""What the page's viewer is told: plain JSON, arrays as little-endian base64."""

import base64
from collections.abc import Sequence
from math import ceil, floor
from typing import Any

import numpy as np

from stgr.demo_page.desk import Answer, ShownVideo
from stgr.structures import QueryResult, Span
from stgr.visualization.common import one_line, query_colours, score_range, threshold_of

VIDEO_PLACE = '/stgr-video'  # where the server hands out videos
Json = dict[str, Any]


def view_video(video: ShownVideo, *, start_sec: float = 0.0) -> Json:
    """Return what the viewer shows of a video before anything was asked.

    Args:
        video: What was chosen.
        start_sec: The moment to begin with.
    """
    facts = video.facts
    return {
        'video': {
            'url': f'{VIDEO_PLACE}/{video.key}',
            'name': one_line(video.path.name, 120),
            'width': facts.width,
            'height': facts.height,
            'duration': facts.duration_sec,
            'start': start_sec,
            'warnings': list(facts.warnings),
            'converted': video.playable != video.path,
        }
    }


def view_answer(answer: Answer, *, calibrated: float) -> Json:
    """Return what the viewer shows of an answer.

    Args:
        answer: What was found.
        calibrated: The model's own threshold.
    """
    result = answer.result
    low, high = score_range(result)
    margin = 0.1 * (high - low)
    ends = floor(1000 * (low - margin)) / 1000, ceil(1000 * (high + margin)) / 1000
    colours = query_colours(len(result.queries))
    return {
        **view_video(answer.video),
        'answer': answer.key,
        'exclusive': answer.exclusive,
        'shortest': result.settings['min_duration_sec'],
        'threshold': threshold_of(result),
        'calibrated': calibrated,
        'range': list(ends),
        'times': pack(result.times_sec, '<f8'),
        'queries': [
            _view_query(query, colour)
            for query, colour in zip(result.queries, colours, strict=True)
        ],
    }


def view_spans(spans: Sequence[Sequence[Span]]) -> list[list[list[float | None]]]:
    """Return start, end, score and probability, if it has one, of the spans of each query."""
    return [
        [[span.start_sec, span.end_sec, span.score, span.probability] for span in row]
        for row in spans
    ]


def pack(values: np.ndarray, dtype: str) -> str:
    """Return an array's bytes in base64."""
    return base64.b64encode(np.ascontiguousarray(values, dtype).tobytes()).decode()


def _view_query(query: QueryResult, colour: tuple[int, int, int]) -> Json:
    view: Json = {
        'text': query.query,
        'colour': list(colour),
        'score': query.score,
        'probability': query.probability,
        'scores': pack(query.frame_scores, '<f4'),
        'spans': view_spans([query.spans])[0],
        'places': None,
    }
    if query.heatmaps is not None:
        maps = query.heatmaps.values  # (N, h, w); the hottest cell of each frame becomes 255
        peaks = maps.max(axis=(1, 2), keepdims=True)
        heat = np.divide(maps, peaks, out=np.zeros_like(maps), where=peaks > 0)
        boxes_px = [
            np.where(tube.visible[:, None], tube.boxes_px, 0)  # zeros: no box
            for tube in query.tubes
        ]
        view['places'] = {
            'times': pack(query.heatmaps.times_sec, '<f8'),
            'grid': list(maps.shape[1:]),
            'heat': pack((heat * 255).round(), 'u1'),
            'box_times': pack(np.concatenate([tube.times_sec for tube in query.tubes]), '<f8'),
            'boxes': pack(np.concatenate(boxes_px), '<f4'),
        }
    return view
