"""What a protocol says is true of one video."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stgr.evaluation.functional import BACKGROUND, GroundingRecord, instances_from_segments
from stgr.evaluation.functional.arrays import FloatArray, IntArray


@dataclass(frozen=True)
class NamedSegment:
    """A step of a video.

    Args:
        first: First second, inside it.
        last: Last second, inside it too; may lie before the first in released files.
        label: Name of the action.
    """

    first: float
    last: float
    label: str


@dataclass(frozen=True)
class VideoTruth:
    """The truth of one video at T moments.

    Args:
        video_id: Name of the video.
        pool: Actions that may be predicted, background not among them.
        times_sec: The moments, (T,) ascending, seconds.
        labels: Index into the pool, -1 background, (T,).
        boxes_px: ``x1, y1, x2, y2``, (T, 4), ignored on background.
        frame_size: Width and height that boxes are pixels of.
        segments: Steps of the video, boxed or not.
        clips: Steps of the single-action protocol.
        class_order: Names that columns of log-probabilities without names belong to.
        known_names: Names that a prediction may use although the pool lacks them.
        length_is_known: False if T is a guess.
        num_asked: See ``GroundingRecord``.
    """

    video_id: str
    pool: tuple[str, ...]
    times_sec: FloatArray
    labels: IntArray
    boxes_px: FloatArray
    frame_size: tuple[int, int]
    segments: Sequence[NamedSegment] = ()
    clips: Sequence[NamedSegment] = ()
    class_order: tuple[str, ...] = ()
    known_names: frozenset[str] = field(default=frozenset())
    length_is_known: bool = True
    num_asked: int | None = None

    @property
    def instances(self) -> IntArray | None:
        """Step of each moment, (T,), -1 where there is none; None if no steps are known."""
        if not self.segments:
            return None
        index = {name: i for i, name in enumerate(self.pool)}
        spans = [(s.first, s.last, index.get(s.label, BACKGROUND)) for s in self.segments]
        return instances_from_segments(self.labels, self.times_sec, spans)

    def record(self, **predicted: Any) -> GroundingRecord:
        """Return the truth beside a prediction; without one, everything is background.

        Args:
            predicted: Fields of ``GroundingRecord`` that differ.
        """
        num = len(self.times_sec)
        fields: Mapping[str, Any] = {
            'video_id': self.video_id,
            'pool': self.pool,
            'times_sec': self.times_sec,
            'gt_labels': self.labels,
            'gt_boxes_px': self.boxes_px,
            'frame_size': self.frame_size,
            'gt_instances': self.instances,
            'pred_labels': np.full(num, BACKGROUND, np.int64),
            'pred_scores': np.zeros(num),
            'num_asked': self.num_asked,
        }
        return GroundingRecord(**{**fields, **predicted})
