"""Answers that every format is tried on: spans with and without boxes, gaps, nothing found."""

import numpy as np

from stgr.structures import (
    GroundingResult,
    HeatMaps,
    ModelFacts,
    QueryResult,
    Span,
    Tube,
    VideoFacts,
)
from stgr.structures.video_answers import QueryAnswer, QuerySpan, VideoAnswers


def make_answers(name='kitchen', fps=25.0):
    """Answers to four queries about 4 s of video, 64 x 48 pixels; every time is that of a frame."""
    boxed = QuerySpan(
        0.4,
        1.6,
        0.75,
        np.array([0.4, 0.8, 1.2]),
        np.array([[8, 6, 24.5, 30], [0, 0, 0, 0], [16, 12, 40, 36]], np.float32),
        np.array([True, False, True]),
    )
    to_the_end = QuerySpan(
        3.0,
        4.0,
        0.5,
        np.array([3.2]),
        np.array([[0, 0, 32, 24]], np.float32),
        np.array([True]),
    )
    overlapping = QuerySpan(1.0, 2.0, 0.25)  # without boxes
    queries = (
        QueryAnswer('crack an egg & <stir>', (boxed, to_the_end), 0.75),
        QueryAnswer('fly a kite', (), -0.125),
        QueryAnswer('whisk, "fast"', (overlapping,), 0.25),
        QueryAnswer('rühren 蛋', (), 0.0),
    )
    return VideoAnswers(f'videos/{name}.mp4', queries, 64, 48, 4.0, fps)


def make_result(path='kitchen.mp4', query='crack an egg'):
    times = np.arange(8) / 2
    span = Span(1.0, 2.5, 0.5)
    boxes = np.array([[8, 6, 24, 30], [10, 8, 26, 32], [0, 0, 0, 0]], np.float32)
    tube = Tube(span, times[2:5], boxes, boxes[:, :2], np.array([True, True, False]))
    heat = HeatMaps(times[2:5], np.ones((3, 2, 2), np.float32), 'none')
    scores = np.linspace(0, 0.7, 8, dtype=np.float32)
    return GroundingResult(
        VideoFacts(path, 64, 48, 4.0, 25.0, False, 'pyav'),
        ModelFacts('ours_tiny', None),
        times,
        (
            QueryResult(query, True, 0.7, scores, (span,), (tube,), heat),
            QueryResult('fly a kite', False, -0.1, scores),
        ),
    )
