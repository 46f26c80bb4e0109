"""Spans in frames, for tools that draw boxes on key frames and fill in what lies between."""

from dataclasses import dataclass

from stgr.io.formats.frame_clock import FrameClock
from stgr.io.formats.gathering import Box, span_with_boxes
from stgr.structures.video_answers import QuerySpan


@dataclass(frozen=True)
class FramedSpan:
    """A span in frames.

    Args:
        first: First frame inside, from 0.
        stop: First frame after it.
        boxes: Box of each key frame, ascending; frames without a box are not among them.
        score: As of ``QuerySpan``.
        probability: Likewise.
    """

    first: int
    stop: int
    boxes: dict[int, Box]
    score: float | None = None
    probability: float | None = None

    def key_frames(self) -> dict[int, Box]:
        """Return the boxes with one on the first frame too, where a tool begins to draw."""
        if not self.boxes or self.first in self.boxes:
            return self.boxes
        return {self.first: next(iter(self.boxes.values())), **self.boxes}


def frame_span(span: QuerySpan, clock: FrameClock) -> FramedSpan:
    """Return a span in frames; of two boxes that fall on one frame the first stays."""
    first, stop = clock.frames(span.start_sec, span.end_sec)
    boxes: dict[int, Box] = {}
    for time_sec, box, seen in zip(span.times_sec, span.boxes_px, span.visible, strict=True):
        if seen:
            frame = min(max(clock.nearest(float(time_sec)), first), stop - 1)
            x1, y1, x2, y2 = box.tolist()
            boxes.setdefault(frame, (x1, y1, x2, y2))
    return FramedSpan(first, stop, boxes, span.score, span.probability)


def span_of_frames(framed: FramedSpan, clock: FrameClock) -> QuerySpan:
    """Return a span in seconds: from the time of its first frame to that of the one after it."""
    return span_with_boxes(
        clock.time(framed.first),
        clock.time(framed.stop),
        [(clock.time(frame), box) for frame, box in framed.boxes.items()],
        framed.score,
        framed.probability,
    )
