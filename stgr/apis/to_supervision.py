"""Answers at one time as detections of the ``supervision`` package."""

from typing import TYPE_CHECKING, Any

import numpy as np

from stgr.structures import GroundingResult
from stgr.structures.video_answers import QuerySpan, VideoAnswers, answers_of_result

if TYPE_CHECKING:
    import supervision


def to_supervision(
    result: GroundingResult | VideoAnswers, time_sec: float
) -> 'supervision.Detections':
    """Return what is to be seen at a time, one detection per query that has a box then.

    The box is that of the nearest time that was looked at within the span.

    Args:
        result: What ``Grounder.ground`` returned, or answers that were read.
        time_sec: Time in seconds.

    Returns:
        ``supervision.Detections`` with boxes in pixels, ``confidence`` (the score of the span; none
        if one has no score), ``class_id`` (position of the query), ``tracker_id`` (number of the
        span among all of the video) and ``data['class_name']`` (the query). Empty if nothing is
        found then.

    Raises:
        ImportError: If ``supervision`` is not installed.
    """
    supervision = _supervision()
    answers = answers_of_result(result) if isinstance(result, GroundingResult) else result
    found: list[tuple[list[float], float | None, int, int, str]] = []
    number = 0
    for position, answer in enumerate(answers.queries):
        for span in answer.spans:
            number += 1
            box = _box_at(span, time_sec)
            if box is not None:
                found.append((box, span.score, position, number, answer.query))
    if not found:
        return supervision.Detections.empty()
    boxes, scores, classes, spans, names = zip(*found, strict=True)
    return supervision.Detections(
        xyxy=np.array(boxes, np.float32),
        confidence=None if None in scores else np.array(scores, np.float32),
        class_id=np.array(classes, np.int64),
        tracker_id=np.array(spans, np.int64),
        data={'class_name': np.array(names)},
    )


def _box_at(span: QuerySpan, time_sec: float) -> list[float] | None:
    if not span.start_sec <= time_sec < span.end_sec or not len(span.times_sec):
        return None
    nearest = int(np.abs(span.times_sec - time_sec).argmin())
    box: list[float] = span.boxes_px[nearest].tolist()
    return box if span.visible[nearest] else None


def _supervision() -> Any:
    try:
        import supervision
    except ImportError as error:
        raise ImportError("supervision is missing; pip install 'stgr[supervision]'") from error
    return supervision
