"""What is true of one sentence: a span and a box per sampled frame."""

from dataclasses import dataclass

import numpy as np

from stgr.datasets.tube_queries import TubeQueries
from stgr.evaluation.functional.arrays import FloatArray, IntArray


@dataclass(frozen=True)
class TubeTruth:
    """The true tube of one sentence.

    Args:
        video_id: ``<video>#<query>``, unique.
        query_id: Number of the sentence in the file.
        source_video_id: The video.
        kind: Declarative or interrogative.
        frames: Frames that are looked at, (S,), ascending.
        boxes_px: True boxes of them, (S, 4), zeros outside the span.
        span: True ``[start, end)`` in frames.
        clip: The given part of the video, likewise.
        fps: Frames per second.
        frame_size: Width and height that boxes are pixels of.
        between_samples: Whether no sampled frame lay in the span, so that its middle was added.
        has_box: Whether a frame within the span has a box.
    """

    video_id: str
    query_id: str
    source_video_id: str
    kind: str
    frames: IntArray
    boxes_px: FloatArray
    span: tuple[float, float]
    clip: tuple[float, float]
    fps: float
    frame_size: tuple[int, int]
    between_samples: bool
    has_box: bool


def truth_of_query(dataset: TubeQueries, query_id: str) -> TubeTruth:
    """Return the truth of a sentence.

    Frames within the tube without an annotated box are left out; one is always there, see
    ``TubeQueries``.

    Args:
        dataset: Of sentences.
        query_id: Which one.
    """
    item = dataset.query(query_id)
    start, end = item['tube_frames']
    kept = item['eval_mask']
    return TubeTruth(
        video_id=item['video_id'],
        query_id=query_id,
        source_video_id=item['source_video_id'],
        kind=item['kind'],
        frames=np.asarray(item['frame_idx'][kept], np.int64),
        boxes_px=np.asarray(item['boxes_px'][kept], np.float64),
        span=(float(start), float(end)),
        clip=(float(item['clip_frames'][0]), float(item['clip_frames'][1])),
        fps=float(item['fps']),
        frame_size=item['frame_size'],
        between_samples=item['between_samples'],
        has_box=item['has_box'],
    )
